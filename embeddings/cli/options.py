"""Command-line options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from embeddings.release.comparison import Thresholds

Snapshots = Annotated[
    Path, typer.Option("--snapshots", envvar="RELATED_PAPERS_SNAPSHOTS", help="Folder of all snapshots.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

MinOverlap = Annotated[
    float, typer.Option(min=0, max=1, help="Minimum mean overlap@10 with the hits of the served snapshot.")
]
MinIndexRecall = Annotated[float, typer.Option(min=0, max=1, help="Minimum index recall@10.")]
MaxMissingFraction = Annotated[
    float, typer.Option(min=0, max=1, help="Maximum fraction of the served papers that may be missing.")
]
MaxHitLoss = Annotated[
    float, typer.Option(min=0, max=1, help="Maximum decrease of hit@1 on saved queries with a known answer.")
]
Force = Annotated[bool, typer.Option("--force", help="Serve the snapshot even if it fails a threshold.")]

DEFAULT_THRESHOLDS = Thresholds()
