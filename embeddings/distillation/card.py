"""The card of a taught model: where it comes from and how it was made. Pure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embeddings.distillation.distil import DistilOptions, DistilReport

_CARD = """\
---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
language: [{source}, {target}]
base_model: {teacher}
---

# {teacher}, taught to read {target}

{words} new words; all other weights are the teacher's, and what it reads in {source} gets the same vectors as before.
Made with `related-papers distil`: the new words' input embeddings imitate, text by text, the vectors that the teacher
gives their translations (Reimers and Gurevych 2020), with all layers frozen.

| | |
|---|---|
| pairs | {files} |
| learnt from | {texts} texts and sentences; {too_long} were longer than the window and left out |
| recipe | {epochs} epochs in {steps} steps of {batch_tokens} tokens, rate {rate}, seed {seed} |
| mean cosine to the teacher at the end | {cosine} |

An ordinary sentence-transformers folder: no remote code. `extension/` holds what was learnt alone: the words and their
rows in 8 bits. Traditional Chinese should be made simplified before (related-papers does).

State here the licence of the pairs and what you measured.
"""


def text(options: "DistilOptions", report: "DistilReport") -> str:
    """Write the card, in the form that model hubs read."""
    recipe = options.recipe
    return _CARD.format(
        source=options.source,
        target=options.target,
        teacher=options.teacher,
        words=report.words,
        files=", ".join(path.name for path in options.pairs),
        texts=report.texts,
        too_long=report.too_long,
        epochs=recipe.epochs,
        steps=report.steps,
        batch_tokens=recipe.batch_tokens,
        rate=recipe.rate,
        seed=recipe.seed,
        cosine=report.cosine,
    )
