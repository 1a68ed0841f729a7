"""Shows why a hit is a hit: the two sentences that match best. Pure, given an encoder's function."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from embeddings.encoders.encoder_info import Encoded
from embeddings.queries import Hit, Why
from embeddings.texts.language import detect
from embeddings.texts.sentences import sentences


def explain(
    query_texts: Sequence[str], hits: Sequence[Hit], encode: Callable[[Sequence[str]], Encoded]
) -> tuple[Hit, ...]:
    """Give each hit the pair of sentences, one of the query and one of its abstract, with the highest cosine.

    Both sides are encoded as queries: a sentence beside a sentence is a symmetric comparison.

    Args:
        query_texts: What was asked with: texts, or abstracts of query papers.
        hits: Whose abstracts are compared.
        encode: Texts → unit rows.
    """
    asked = [sentence for text in query_texts for sentence in sentences(text, detect(text))]
    answered = [sentences(hit.paper.abstract, hit.paper.language) for hit in hits]
    if not asked or not hits:
        return tuple(hits)
    distinct = list(dict.fromkeys([*asked, *(sentence for each in answered for sentence in each)]))
    position = {sentence: i for i, sentence in enumerate(distinct)}
    vectors = encode(distinct).embeddings
    query_vectors = vectors[[position[sentence] for sentence in asked]]
    explained = []
    for hit, own in zip(hits, answered, strict=True):
        cosines = query_vectors @ vectors[[position[sentence] for sentence in own]].T
        i, j = np.unravel_index(int(np.argmax(cosines)), cosines.shape)
        explained.append(replace(hit, why=Why(asked[i], own[j], float(cosines[i, j]))))
    return tuple(explained)
