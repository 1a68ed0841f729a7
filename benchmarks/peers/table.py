"""Results as Markdown tables. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

_TARGETS = ("default", "0.98", "0.99")
_VECTOR_COLUMNS = (
    "with",
    "index recall@10",
    "build, s",
    "bytes a vector: on disk",
    "private memory",
    "processor ms a query",
    "queries/s: 1 thread",
    "8 threads",
    "ours is faster: processor time",
    "1 thread",
    "8 threads",
)
_SERVING_COLUMNS = (
    "start to first answer, s",
    "text → ten, requests/s: 1 client",
    "8 clients",
    "p99, ms: 1 client",
    "8 clients",
    "paper → ten, requests/s: 1 client",
    "8 clients",
    "p99, ms: 1 client",
    "8 clients",
    "ours is faster, text: 1 client",
    "8 clients",
    "processor time",
    "paper: 1 client",
    "8 clients",
    "processor time",
)
_BRIEF_COLUMNS = (
    "vector search, recall ≥ 0.98",
    "≥ 0.99",
    "private bytes a vector",
    "text → ten hits, HTTP, 8 clients",
    "paper → ten hits",
    "start to first answer",
    "embedding an abstract",
)
_EMBEDDING_COLUMNS = (
    "abstracts/s",
    "processor ms an abstract",
    "ours is faster",
    "by processor time",
    "cosine to ours, 1st percentile",
)


def render(results: Mapping[str, Mapping[str, Any]], targets: Sequence[str] = _TARGETS) -> str:
    """One table for each kind of work; a peer that failed has a row with its error.

    Args:
        results: By work and peer, as `results/peers.json` has them.
        targets: Of vector search, which to show.
    """
    tables = [
        _table(
            f"vector search, {target if target == 'default' else f'recall ≥ {target}'}",
            _VECTOR_COLUMNS,
            (_vector_row(result, target) for result in results["vectors"].values()),
        )
        for target in targets
    ]
    for work, name, columns, cells in (
        ("serving", "over HTTP", _SERVING_COLUMNS, _serving_cells),
        ("embedding", "embedding", _EMBEDDING_COLUMNS, _embedding_cells),
    ):
        rows = (row for result in results[work].values() for row in _by_setting(result, cells))
        tables.append(_table(name, columns, rows))
    return "\n\n".join(tables)


def brief(results: Mapping[str, Mapping[str, Any]]) -> str:
    """One table: how much more processor time others take than ours, a row for each peer, by its best setting.

    Args:
        results: See `render`.
    """
    peers = dict.fromkeys(peer for work in results.values() for peer in work)
    return _table(
        "processor time, as a multiple of ours", _BRIEF_COLUMNS, (_brief_row(results, peer) for peer in peers)
    )


def times(multiple: float | None) -> str:
    """How many times as fast ours is, from the peer's speed as a multiple of ours; bold where ours is slower."""
    if multiple is None:
        return "–"
    ours = 1 / multiple
    text = f"{ours:.2g}×" if ours < 10 else f"{ours:,.0f}×"
    return f"**{text}**" if ours < 1 else text


def _table(name: str, columns: Sequence[str], rows: Iterator[list[str]]) -> str:
    lines = [f"| {name} | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    for row in rows:
        # An error takes the place of all figures
        cells = row + [""] * (len(columns) + 1 - len(row))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _work(figures: Mapping[str, Any]) -> str:
    """The peer's processor time as a multiple of ours; bold where it needs less."""
    return times(1 / figures["work_of_ours"] if "work_of_ours" in figures else None)


def _vector_row(result: Mapping[str, Any], target: str) -> list[str]:
    cases = result.get("cases", {})
    if target not in cases:
        if cases:
            best = max(point["recall"] for each in result["settings"].values() for point in each.get("sweep", []))
            return [result["title"], f"does not reach it: {best:.3f} at most"]
        return [result["title"], _error(result)]
    case = cases[target]
    setting = result["settings"][case["setting"]]
    one, eight = case["clients"]["1"], case["clients"]["8"]
    return [
        result["title"],
        case["setting"] + ("" if case["effort"] is None else f", {case['effort']}"),
        f"{case['recall']:.3f}",
        f"{setting['build_s']:.0f}",
        f"{setting['disk_bytes'] / result['vectors']:,.0f}",
        f"{setting['private_bytes'] / result['vectors']:,.0f}",
        f"{one['processor_ms']:.2f}",
        f"{one['per_s']:,.0f}",
        f"{eight['per_s']:,.0f}",
        _work(one),
        times(one.get("times_ours")),
        times(eight.get("times_ours")),
    ]


def _brief_row(results: Mapping[str, Mapping[str, Any]], peer: str) -> list[str]:
    vectors, serving, embedding = (results[work].get(peer, {}) for work in ("vectors", "serving", "embedding"))
    cases = vectors.get("cases", {})
    cells = [_multiple(vectors, cases.get(target, {}).get("clients", {}).get("1")) for target in ("0.98", "0.99")]
    memory = "–"
    if "0.98" in cases:
        memory = f"{vectors['settings'][cases['0.98']['setting']]['private_bytes'] / vectors['vectors']:,.0f}"
    served = _fastest(serving, ("search", "8"))
    answers = [_multiple(serving, served.get(kind, {}).get("8")) for kind in ("search", "related")]
    start = f"{served['first_answer_s']:.0f} s" if served else "–"
    title = next(work["title"] for work in (vectors, serving, embedding) if work)
    return [title, *cells, memory, *answers, start, _multiple(embedding, _fastest(embedding, ()) or None)]


def _fastest(work: Mapping[str, Any], path: Sequence[str]) -> Mapping[str, Any]:
    """The setting that is fastest in what the path leads to; nothing where none was measured."""

    def speed(setting: Any) -> float:  # noqa: ANN401  # JSON
        for key in path:
            setting = setting[key]
        return -float(setting["processor_ms"])

    measured = [setting for setting in work.get("settings", {}).values() if "error" not in setting]
    return max(measured, key=speed, default={})


def _multiple(work: Mapping[str, Any], figures: Mapping[str, Any] | None) -> str:
    """As a multiple of ours; of ours, the milliseconds themselves; a dash for what a peer does not do."""
    if not work:
        return "–"
    if figures is None:
        return "not reached" if work.get("cases") else "failed"
    return _work(figures) if "work_of_ours" in figures else f"{figures['processor_ms']:.2g} ms"


def _by_setting(result: Mapping[str, Any], cells: Callable[[Mapping[str, Any]], list[str]]) -> Iterator[list[str]]:
    if "error" in result:
        yield [result["title"], _error(result)]
    for name, setting in result.get("settings", {}).items():
        title = result["title"] if name == "default" else f"{result['title']}, {name}"
        yield [title, *([_error(setting)] if "error" in setting else cells(setting))]


def _serving_cells(setting: Mapping[str, Any]) -> list[str]:
    cells = [f"{setting['first_answer_s']:.1f}"]
    faster = []
    for kind in ("search", "related"):
        both = [setting[kind][clients] for clients in ("1", "8")]
        cells += [f"{each['per_s']:,.0f}" for each in both] + [f"{each['p99_ms']:,.1f}" for each in both]
        faster += [*(times(each.get("times_ours")) for each in both), _work(both[1])]
    return cells + faster


def _embedding_cells(setting: Mapping[str, Any]) -> list[str]:
    cosine = setting.get("cosine_to_ours_p1")
    speed, work = f"{setting['per_s']:.0f}", f"{setting['processor_ms']:.1f}"
    faster = [times(setting.get("times_ours")), _work(setting)]
    return [speed, work, *faster, "–" if cosine is None else f"{cosine:.4f}"]


def _error(result: Mapping[str, Any]) -> str:
    return f"failed: {str(result['error'])[:160].replace('|', '/')}".replace("\n", " ")
