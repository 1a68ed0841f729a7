"""Commands print results on standard output and errors as one line, with the documented exit codes."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from service.cli import main
from tests.conftest import SEEDS


class Result(NamedTuple):
    """Exit code and output of a command."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Result]

ITEMS = SEEDS.parent / "benchmarks" / "known_items" / "seeds.jsonl"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process; importing torch in a new process for each command would take minutes."""

    def run(*arguments: str, text: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code: object = 0
        try:
            main(arguments)
        except SystemExit as left:
            code = left.code
        captured = capsys.readouterr()
        return Result(code if isinstance(code, int) else int(code is not None), captured.out, captured.err)

    return run


def test_the_installed_command_runs() -> None:
    command = Path(sys.executable).parent / "related-papers"
    asked = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert all(word in asked.stdout for word in ("build", "search", "related", "serve", "snapshots"))


def test_build_prints_a_summary_and_search_finds_papers(run: Run, tmp_path: Path) -> None:
    folder = str(tmp_path / "snapshots")
    built = run("build", str(SEEDS), "--snapshots", folder)
    assert built.returncode == 0, built.stderr
    assert "42 papers (34 en, 8 zh) from 50 entries" in built.stdout
    assert "42 embedded by embedded/all-MiniLM-L6-v2-en-zh, 0 from the vector cache" in built.stdout
    assert "embedding" in built.stderr  # progress goes to standard error
    again = json.loads(run("build", str(SEEDS), "--snapshots", folder, "--json").stdout)
    assert again["embedded"] == 0 and again["published"] and again["counts"]["papers"] == 42
    found = run("search", "quantization of object detectors for aerial images", "--snapshots", folder, "-k", "3")
    assert "GHOST" in found.stdout.splitlines()[1]
    by_words = run("search", "aerial quantization", "--snapshots", folder, "--mode", "lexical", "--explain")
    assert by_words.stdout.split()[:3] == ["score", "similarity", "id"], "only what there is"
    assert "dense 0." in by_words.stdout and "lexical " in by_words.stdout
    both = run("search", "aerial quantization", "--snapshots", folder, "--explain")
    assert both.stdout.split()[:4] == ["score", "similarity", "probability", "id"]
    assert "feedback 0." in both.stdout and "fusion 0." in both.stdout


def test_search_prints_json(run: Run, snapshots: Path) -> None:
    asked = run(
        "search", "-", "--snapshots", str(snapshots), "--json", "-k", "2", "--why", text="drum music from MIDI\n"
    )
    answer = json.loads(asked.stdout)
    assert asked.returncode == 0 and asked.stderr == ""
    assert len(answer["hits"]) == 2 and answer["total"] == 42 and answer["query"]["language"] == "en"
    assert answer["hits"][0]["id"].startswith("a582514cec94") and answer["hits"][0]["title"] is None
    assert set(answer["hits"][0]["why"]) == {"query_sentence", "hit_sentence", "similarity"}


def test_related_takes_an_id_prefix_filters_and_examples(run: Run, snapshots: Path) -> None:
    where = ("--snapshots", str(snapshots), "--json", "-k", "5")
    plain = json.loads(run("related", "b1b85e52", *where).stdout)
    assert len(plain["hits"]) == 5 and plain["total"] == 41
    chinese = json.loads(run("related", "b1b85e52", "--language", "zh", *where).stdout)
    assert {hit["language"] for hit in chinese["hits"]} == {"zh"}
    both = json.loads(run("related", "b1b85e52", "--also", "a03e67ec", "--unlike", "9bd7f146", *where).stdout)
    assert not {"b1b85e52", "a03e67ec", "9bd7f146"} & {hit["id"][:8] for hit in both["hits"]}


def test_snapshots_can_be_listed_verified_and_published(run: Run, snapshots: Path) -> None:
    where = ("--snapshots", str(snapshots))
    listed = json.loads(run("snapshots", "list", "--json", *where).stdout)
    assert listed["current"] == listed["snapshots"][0]["snapshot"] and listed["snapshots"][0]["papers"] == 42
    assert "is valid: 42 papers" in run("snapshots", "verify", *where).stdout
    assert listed["current"] in run("snapshots", "list", *where).stdout
    assert "is served now" in run("snapshots", "publish", listed["current"][:6], *where).stdout
    refused = run("snapshots", "rollback", *where)
    assert refused.returncode == 1 and refused.stderr.startswith("error: no earlier snapshot")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("search", "text", "--snapshots", "nowhere"), "nothing is published in nowhere; run: related-papers build"),
        (("build", "no-such-file", "--snapshots", "{tmp}"), "no-such-file"),
        (("build", str(SEEDS), "--format", "word", "--snapshots", "{tmp}"), "the formats are arxiv, bibtex, csv"),
        (("build", str(SEEDS), "--column", "abstract", "--snapshots", "{tmp}"), "not of the form FIELD=NAME"),
        (("build", str(SEEDS), "--model", "{tmp}", "--snapshots", "{tmp}"), "has no .safetensors weights"),
        (
            ("build", str(SEEDS), "--snapshots", "/dev/null/x"),
            "Not a directory: '/dev/null/x'; nothing that was published",
        ),
        (("search", "text", "-k", "0", "--snapshots", "{seeds}"), "top_k is 0; it must be at least 1"),
        (("search", " ", "--snapshots", "{seeds}"), "no word to search for"),
        (("evaluate", "--snapshots", "{seeds}"), "nothing to ask: give --collection FOLDER or --known-items FILE"),
        (("evaluate", "--collection", "{tmp}", "--snapshots", "{seeds}"), "qrels.tsv cannot be read"),
        (
            ("evaluate", "--known-items", str(ITEMS), "--plot", "a.pdf", "--snapshots", "{seeds}"),
            "unsupported format; use a.svg or a.png",
        ),
        (("related", "ffffffff", "--snapshots", "{seeds}"), "no paper 'ffffffff'"),
    ],
)
def test_errors_are_one_line_with_exit_code_1(
    run: Run, arguments: tuple[str, ...], complaint: str, tmp_path: Path, snapshots: Path
) -> None:
    asked = run(*(argument.format(tmp=tmp_path, seeds=snapshots) for argument in arguments))
    assert asked.returncode == 1 and asked.stdout == ""
    last = asked.stderr.splitlines()[-1]
    assert last.startswith("error: ") and complaint in last
    assert "Traceback" not in asked.stderr


def test_evaluate_measures_known_items_in_every_requested_mode(run: Run, snapshots: Path) -> None:
    asked = ("evaluate", "--known-items", str(ITEMS), "--snapshots", str(snapshots))
    found = json.loads(run(*asked, "--mode", "hybrid", "--baseline", "lexical", "--json").stdout)
    result = found["results"][0]
    assert list(result["modes"]) == ["hybrid", "lexical"] and result["questions"] == 84
    assert len(result["modes"]["hybrid"]["by_question"]["hit@1"]) == 84
    shown = run(*asked).stdout
    assert "seeds.jsonl: 84 queries on" in shown and "zh → en" in shown


def test_a_calibration_is_fitted_and_stored_by_build(run: Run, snapshots: Path, tmp_path: Path) -> None:
    judged = tmp_path / "judged"
    judged.mkdir()
    items = [json.loads(line) for line in ITEMS.read_text(encoding="utf-8").splitlines()]
    papers = {item["paper"] for item in items}
    (judged / "corpus.jsonl").write_text("".join(json.dumps({"id": each, "abstract": ""}) + "\n" for each in papers))
    (judged / "queries.jsonl").write_text(
        "".join(json.dumps({"id": str(i), "text": item["text"]}) + "\n" for i, item in enumerate(items))
    )
    (judged / "qrels.tsv").write_text(
        "query\tpaper\tgrade\n" + "".join(f"{i}\t{item['paper']}\t1\n" for i, item in enumerate(items))
    )
    ran = run(
        "calibrate",
        "--snapshots",
        str(snapshots),
        "--collection",
        str(judged),
        "--out",
        str(tmp_path / "c.json"),
        next(path.parent.name for path in snapshots.glob("*/manifest.json")),
    )
    assert ran.returncode == 0 and "dense" in ran.stdout, ran.stderr
    built = run("build", str(SEEDS), "--snapshots", str(tmp_path / "s"), "--calibration", str(tmp_path / "c.json"))
    assert built.returncode == 0, built.stderr
    learnt = json.loads((tmp_path / "c.json").read_text())
    (manifest,) = (tmp_path / "s").glob("*/manifest.json")
    assert json.loads(manifest.read_text())["calibration"] == learnt and learnt["text"] is None


def test_an_off_topic_query_is_reported_and_min_probability_removes_hits(run: Run, snapshots: Path) -> None:
    far = "best sourdough starter hydration"
    assert "no paper seems to be about this topic" in run("search", far, "--snapshots", str(snapshots)).stdout
    cut = run("search", far, "--snapshots", str(snapshots), "--min-probability", "0.5")
    assert "no paper matches" in cut.stdout
    answer = json.loads(run("search", "drum music", "--snapshots", str(snapshots), "--json").stdout)
    assert answer["found"] is True and 0 < answer["hits"][0]["probability"] < 1


def test_a_snapshot_that_lacks_papers_is_refused_unless_forced(run: Run, tmp_path: Path) -> None:
    where = ("--snapshots", str(tmp_path / "snapshots"))
    assert run("build", str(SEEDS), *where).returncode == 0
    refused = run("build", str(sorted(SEEDS.glob("*.txt"))[0]), *where)
    assert refused.returncode == 1 and "built, not published" in refused.stdout
    assert "papers added," in refused.stdout and "papers are missing" in refused.stderr.splitlines()[-1]
    snapshot = re.findall(r"snapshots publish (\w+) --force", refused.stderr)[0]
    again = run("snapshots", "publish", snapshot, *where)
    assert again.returncode == 1 and "overlap@10" in again.stdout and "--max-missing-fraction 0.10" in again.stderr
    forced = run("snapshots", "publish", snapshot, "--force", "--json", *where)
    assert forced.returncode == 0 and json.loads(forced.stdout)["served"]


def test_queries_are_saved_and_shown(run: Run, tmp_path: Path) -> None:
    where = ("--snapshots", str(tmp_path))
    assert "no queries are saved" in run("snapshots", "queries", *where).stdout
    assert "84 queries saved, 84 in total" in run("snapshots", "queries", "--add", str(ITEMS), *where).stdout
    assert len(run("snapshots", "queries", *where).stdout.splitlines()) == 84
