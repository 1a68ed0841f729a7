"""The model card of a distilled model: its origin and its training. Pure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embeddings.distillation.distil import DistilOptions, DistilReport

_TEMPLATE = """\
---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
language: [{source}, {target}]
base_model: {teacher}
---

# {teacher}, extended to {target}

{new_tokens} new tokens; all other weights are the teacher's, so that embeddings of {source} texts are unchanged.
Made with `related-papers distil`: the input embeddings of the new tokens are trained so that the embedding of a text
approaches the teacher's embedding of its translation (Reimers and Gurevych 2020), with all layers frozen.

| | |
|---|---|
| translation pairs | {files} |
| training texts | {texts} texts and sentences; {too_long} exceeded the window and were left out |
| training | {epochs} epochs, {steps} steps of {batch_tokens} tokens |
| optimiser | SparseAdam, learning rate {learning_rate}, random seed {rng_seed} |
| final mean cosine to the teacher | {cosine} |

This is an ordinary sentence-transformers folder without remote code. `extension/` holds the trained part alone: the new
tokens and their input embeddings in 8 bits. Convert Traditional Chinese to simplified before encoding (related-papers
does).

State here the licence of the translation pairs and your own measurements.
"""


def render(options: "DistilOptions", report: "DistilReport") -> str:
    """Write the card in the Markdown format of model hubs."""
    recipe = options.recipe
    return _TEMPLATE.format(
        source=options.source,
        target=options.target,
        teacher=options.teacher,
        new_tokens=report.new_tokens,
        files=", ".join(path.name for path in options.pairs),
        texts=report.texts,
        too_long=report.too_long,
        epochs=recipe.epochs,
        steps=report.steps,
        batch_tokens=recipe.batch_tokens,
        learning_rate=recipe.learning_rate,
        rng_seed=recipe.rng_seed,
        cosine=report.cosine,
    )
