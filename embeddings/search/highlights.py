"""Highlights: the pair of sentences, one of the query and one of the hit, that match best. Pure, given an encoder."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from embeddings.encoders.encoder_info import Encoded
from embeddings.queries import Highlight, Hit
from embeddings.texts.language import detect
from embeddings.texts.sentences import sentences


def highlight(
    query_texts: Sequence[str],
    hits: Sequence[Hit],
    abstracts: Sequence[str],
    encode: Callable[[Sequence[str]], Encoded],
) -> tuple[Hit, ...]:
    """Give each hit the pair of sentences, one of the query and one of its abstract, with the highest cosine.

    Both sides are encoded as queries: comparing two sentences is symmetric.

    Args:
        query_texts: Texts of the query, or abstracts of the query papers.
        hits: Any number.
        abstracts: Of the hits, in their order.
        encode: Texts → unit rows.
    """
    asked = [sentence for text in query_texts for sentence in sentences(text, detect(text))]
    of_hits = [sentences(text, hit.paper.language) for hit, text in zip(hits, abstracts, strict=True)]
    if not asked or not hits:
        return tuple(hits)
    distinct = list(dict.fromkeys([*asked, *(sentence for each in of_hits for sentence in each)]))
    position = {sentence: i for i, sentence in enumerate(distinct)}
    vectors = encode(distinct).embeddings
    query_vectors = vectors[[position[sentence] for sentence in asked]]
    highlighted = []
    for hit, own in zip(hits, of_hits, strict=True):
        cosines = query_vectors @ vectors[[position[sentence] for sentence in own]].T
        i, j = np.unravel_index(int(np.argmax(cosines)), cosines.shape)
        highlighted.append(replace(hit, highlight=Highlight(asked[i], own[j], float(cosines[i, j]))))
    return tuple(highlighted)
