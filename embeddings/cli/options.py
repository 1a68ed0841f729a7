"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from embeddings.release.comparison import Thresholds

Snapshots = Annotated[
    Path, typer.Option("--snapshots", envvar="RELATED_PAPERS_SNAPSHOTS", help="Folder of all snapshots.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

MinOverlap = Annotated[
    float, typer.Option(min=0, max=1, help="Least overlap@10 with the answers of the served snapshot, on average.")
]
MinIndexRecall = Annotated[float, typer.Option(min=0, max=1, help="Least index recall@10.")]
MaxMissingFraction = Annotated[
    float, typer.Option(min=0, max=1, help="Largest share of the served papers that may be missing.")
]
MaxHitLoss = Annotated[
    float, typer.Option(min=0, max=1, help="Largest fall of hit@1 on saved questions with an answer.")
]
Force = Annotated[bool, typer.Option("--force", help="Serve it even if it answers too unlike the one served now.")]

DEFAULT_THRESHOLDS = Thresholds()
