"""The command that teaches a model another language."""

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
    pairs: Annotated[list[Path], typer.Option(help='JSON lines such as {"en": "…", "zh": "…"}; repeatable.')],
    out: Annotated[Path, typer.Option(help="Folder for the model; empty, or of the same training, killed.")],
    teacher: Annotated[str, typer.Option(help="Hub id or folder of a sentence-transformers model.")] = PLAIN_MODEL,
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch of a hub model.")] = None,
    source: Annotated[
        str, typer.Option("--from", help="The language the teacher reads; its field in the pairs.")
    ] = "en",
    target: Annotated[str, typer.Option("--to", help="The language to teach; its field in the pairs.")] = "zh",
    words: Annotated[int, typer.Option(min=1, help="Most new words.")] = _DEFAULT.words,
    epochs: Annotated[int, typer.Option(min=1, help="Times that every text is read.")] = _DEFAULT.epochs,
    batch_tokens: Annotated[int, typer.Option(min=64, help="Most tokens in one step.")] = _DEFAULT.batch_tokens,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = _DEFAULT.rate,
    seed: Annotated[int, typer.Option(help="Of the order of the texts.")] = _DEFAULT.seed,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, …; chosen if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Teach a model to read another language; goes on where it was killed."""
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
        recipe=Recipe(words=words, epochs=epochs, batch_tokens=batch_tokens, rate=rate, seed=seed),
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
                "words": report.words,
                "texts": report.texts,
                "too_long": report.too_long,
                "steps": report.steps,
                "cosine": report.cosine,
            }
        )
    else:
        output.line(
            f"{report.folder} reads {target}: {report.words} words from {report.texts} texts in {report.steps} steps, "
            f"cosine {report.cosine:.3f} to the teacher; build with --model {report.folder}"
        )
