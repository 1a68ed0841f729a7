"""`--json` on the command line prints the body of the HTTP answer, byte for byte."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

PAPER = "9bd7f146d1218d109bf9ed5c5219e88ed454bb07"
TEXT = "quantization of object detectors"

CASES: dict[str, tuple[list[str], str]] = {
    "related": (["related", PAPER, "--top-k", "3"], f"/papers/{PAPER}/related?top_k=3"),
    "related, explained": (
        ["related", PAPER, "-k", "2", "--explain", "--without", "smoothing"],
        f"/papers/{PAPER}/related?top_k=2&explain=true&without=smoothing",
    ),
    "related, filtered": (
        ["related", PAPER, "--language", "en", "--min-similarity", "0.3", "--diversity", "0.4"],
        f"/papers/{PAPER}/related?language=en&min_similarity=0.3&diversity=0.4",
    ),
    "search by words": (
        ["search", TEXT, "--mode", "lexical", "-k", "4", "--offset", "1"],
        f"/search?q={TEXT}&mode=lexical&top_k=4&offset=1",
    ),
    "search": (["search", TEXT, "--why", "-k", "2"], f"/search?q={TEXT}&why=true&top_k=2"),
    "search, some fields": (
        ["search", TEXT, "--fields", "label", "--fields", "abstract", "--group-duplicates"],
        f"/search?q={TEXT}&fields=label,abstract&group_duplicates=true",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_json_is_the_body_of_the_http_answer(client: httpx.Client, snapshots: Path, case: str) -> None:
    arguments, address = CASES[case]
    command = [sys.executable, "-c", "from service.cli import main; main()", *arguments, "--json"]
    printed = subprocess.run([*command, "--snapshots", str(snapshots)], capture_output=True, check=True).stdout
    answer = client.get(address)
    assert answer.status_code == 200
    assert printed == answer.content + b"\n"
