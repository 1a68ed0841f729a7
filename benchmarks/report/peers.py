"""The section on other libraries and engines. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.report.markdown import Result, commit, table

_TARGETS = ("0.98", "0.99", "default")
_CAVEAT = """\
> **This comparison favours this project where the others use graphs.** The 100,000 vectors are generated. The generator
> was fitted so that inverted lists and product codes, which this project uses, behave as on real vectors. Graphs, which
> hnswlib, Qdrant, Chroma, LanceDB and txtai use, need many times the effort on them that they need on real vectors
> ([Generated vectors](#generated-vectors)). On 21,000 real abstracts several graph indexes and ScaNN answered faster
> than this project's index at equal index recall, with several times its bytes a vector. That measurement has no result
> file yet; until it has, read the tables of vector search as a comparison on these vectors, not as a ranking."""


def peers(result: Result) -> str:
    """Vector search, HTTP service and embedding of other libraries, relative to this project."""
    parts = [
        _CAVEAT,
        "All received the same vectors, papers and queries, each with its defaults and tuned, taking turns with this "
        "project on the same machine. *Times ours* is the peer's rate divided by ours in the same rounds: above 1 "
        "the peer is faster (**bold**). Private memory is what the open index adds to a process and no file backs; "
        "what is mapped from files the kernel keeps in memory besides, as it has room.",
    ]
    for target in _TARGETS:
        title = "with default settings" if target == "default" else f"at index recall@10 ≥ {target}"
        parts.append(f"### Vector search {title}")
        parts.append(table(_VECTOR_COLUMNS, (_vector_row(peer, target) for peer in result["vectors"].values())))
    papers = next(iter(result["serving"].values()))["papers"]
    parts.append("### Over HTTP")
    parts.append(
        f"{papers:,} papers. *Text*: words of an abstract in, ten hits out, no text asked twice. *Paper*: a paper's "
        "id in, ten related papers out. *Found* is the share of texts whose own abstract is among the ten. This "
        "project ranks by embeddings and words; its row *dense* ranks by embeddings alone, as the others do."
    )
    parts.append(table(_SERVING_COLUMNS, _rows(result["serving"], _serving)))
    texts = next(iter(result["embedding"].values()))["texts"]
    parts.append("### Embedding")
    parts.append(
        f"{texts} abstracts, all processors. The cosine to this project's embeddings shows that it is the same work."
    )
    parts.append(table(_EMBEDDING_COLUMNS, _rows(result["embedding"], _embedding)))
    parts.append("### Commits of the parts")
    parts.append(table(("part", "date", "commit"), _commit_rows(result)))
    return "\n\n".join(parts)


_VECTOR_COLUMNS = (
    "",
    "setting",
    "index recall@10",
    "1 thread: queries/s",
    "p99, ms",
    "times ours",
    "8 threads: queries/s",
    "times ours",
    "bytes a vector on disk",
    "private bytes a vector",
    "built, s",
)
_SERVING_COLUMNS = (
    "",
    "text, 8 clients: requests/s",
    "p99, ms",
    "times ours",
    "found",
    "paper, 8 clients: requests/s",
    "p99, ms",
    "times ours",
    "start to first answer, s",
)
_EMBEDDING_COLUMNS = ("", "abstracts/s", "times ours", "cosine to ours, 1st percentile")


def _vector_row(peer: Mapping[str, Any], target: str) -> list[str]:
    case = peer.get("cases", {}).get(target)
    if case is None:
        best = max(
            (point["recall"] for each in peer.get("settings", {}).values() for point in each["sweep"]), default=None
        )
        return [
            peer["title"],
            str(peer.get("error", "not measured")) if best is None else f"not reached: {best:.4f} at most",
        ]
    setting = peer["settings"][case["setting"]]
    one, eight = case["clients"]["1"], case["clients"]["8"]
    effort = "" if case["effort"] is None else f", effort {case['effort']}"
    return [
        peer["title"],
        f"{case['setting']}{effort}",
        f"{case['recall']:.3f}",
        f"{one['per_s']:,.0f}",
        f"{one['p99_ms']:,.1f}",
        _multiple(one),
        f"{eight['per_s']:,.0f}",
        _multiple(eight),
        f"{setting['disk_bytes'] / peer['vectors']:,.0f}",
        f"{setting['private_bytes'] / peer['vectors']:,.0f}",
        f"{setting['build_s']:.0f}",
    ]


def _multiple(figures: Mapping[str, Any]) -> str:
    if "times_ours" not in figures:
        return "1"
    text = f"{figures['times_ours']:.2g}"
    return f"**{text}**" if figures["times_ours"] > 1 else text


def _rows(work: Mapping[str, Any], cells: Any) -> Iterator[list[str]]:  # noqa: ANN401  # a function of one row
    for peer in work.values():
        for name, setting in peer["settings"].items():
            title = peer["title"] if name == "default" else f"{peer['title']}, {name}"
            error = setting.get("error")
            yield [title, *(cells(setting) if error is None else [f"failed: {error}"])]


def _serving(setting: Mapping[str, Any]) -> list[str]:
    text, paper = setting["search"]["8"], setting["related"]["8"]
    return [
        f"{text['per_s']:,.0f}",
        f"{text['p99_ms']:,.0f}",
        _multiple(text),
        f"{setting['found_among_ten']:.2f}",
        f"{paper['per_s']:,.0f}",
        f"{paper['p99_ms']:,.1f}",
        _multiple(paper),
        f"{setting['first_answer_s']:.1f}",
    ]


def _embedding(setting: Mapping[str, Any]) -> list[str]:
    return [f"{setting['per_s']:.0f}", _multiple(setting), f"{setting['cosine_to_ours_p1']:.5f}"]


def _commit_rows(result: Result) -> Iterator[list[str]]:
    for work in ("vectors", "serving", "embedding"):
        for peer in result[work].values():
            yield [f"{work}: {peer['title']}", peer["date"], commit(peer["commit"])]
