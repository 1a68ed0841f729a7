"""The command that extends a model to another language."""

from pathlib import Path
from typing import Annotated

import typer

from embeddings.cli import output
from embeddings.cli.options import AsJson
from embeddings.distillation.recipe import Recipe
from embeddings.encoders.encoder_info import PLAIN_MODEL

app = typer.Typer()
_DEFAULT = Recipe()


@app.command()
def distil(
    pairs: Annotated[list[Path], typer.Option(help='Files of JSON lines such as {"en": "…", "zh": "…"}; repeatable.')],
    out: Annotated[Path, typer.Option(help="Folder for the model: empty, or of an interrupted run to resume.")],
    teacher: Annotated[str, typer.Option(help="Hub id or folder of a sentence-transformers model.")] = PLAIN_MODEL,
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch of a hub model.")] = None,
    source: Annotated[
        str, typer.Option("--from", help="Code of the teacher's language; its field in the pairs.")
    ] = "en",
    target: Annotated[str, typer.Option("--to", help="Code of the new language; its field in the pairs.")] = "zh",
    new_tokens: Annotated[int, typer.Option(min=1, help="Maximum number of new tokens.")] = _DEFAULT.new_tokens,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training texts.")] = _DEFAULT.epochs,
    batch_tokens: Annotated[
        int, typer.Option(min=64, help="Maximum number of tokens in one step.")
    ] = _DEFAULT.batch_tokens,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = _DEFAULT.learning_rate,
    rng_seed: Annotated[int, typer.Option(help="Seed of the random number generator.")] = _DEFAULT.rng_seed,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, …; default: a GPU if there is one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Extend a model to another language by distillation; resumes an interrupted run."""
    from embeddings import threads
    from embeddings.distillation.distil import DistilOptions
    from embeddings.distillation.distil import distil as run

    options = DistilOptions(
        teacher=teacher,
        revision=revision,
        pairs=pairs,
        out=out,
        source=source,
        target=target,
        recipe=Recipe(
            new_tokens=new_tokens,
            epochs=epochs,
            batch_tokens=batch_tokens,
            learning_rate=learning_rate,
            rng_seed=rng_seed,
        ),
        device=device,
        threads=threads.available(),
    )
    with output.build_progress(quiet=as_json) as progress:
        report = run(options, progress)
    if as_json:
        output.write_json(
            {
                "folder": str(report.folder),
                "extension": str(report.extension),
                "new_tokens": report.new_tokens,
                "texts": report.texts,
                "too_long": report.too_long,
                "steps": report.steps,
                "cosine": report.cosine,
            }
        )
    else:
        output.line(
            f"{report.folder}: {report.new_tokens} new tokens for {target}, trained on {report.texts} texts in "
            f"{report.steps} steps, mean cosine to the teacher {report.cosine:.3f}; build with --model {report.folder}"
        )
