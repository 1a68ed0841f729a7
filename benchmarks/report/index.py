"""Sections on the vector index and on hybrid search as the corpus grows. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.report.markdown import Result, decimals, table

_COLUMNS = (
    "papers",
    "index",
    "index recall@10 asked",
    "of papers",
    "of texts",
    "p50, ms",
    "p99, ms",
    "bytes a vector",
    "built, s",
    "tuned, s",
    "opened, ms",
    "private memory, MB",
)


def dense(result: Result) -> str:
    """The index alone, by corpus size, and the kinds of index that were not chosen."""
    return "\n\n".join(
        [
            "Generated vectors of 384 dimensions. One thread of a fresh process asks one query a call: "
            f"{result['queries']:,} papers that the index does not hold (*of papers*; the times are theirs) and "
            f"{result['queries']:,} queries made to be as hard as titles and sentences (*of texts*). Index recall@10 "
            "is the share of the exact ten nearest that the index returns. The vectors themselves are memory-mapped "
            "beside the index and not counted in the bytes.",
            table(_COLUMNS, (_row(size) for size in result["sizes"] if size["chosen"])),
            "![Search time by number of papers](index.svg)",
            "### Kinds of index that are not the default",
            "The same vectors and queries. The default is repeated for comparison (in bold); where another kind is "
            "faster at the same recall, it shows here. Graphs (HNSW) suffer from generated vectors, see "
            "[Generated vectors](#generated-vectors).",
            table(_COLUMNS, _alternatives(result["sizes"])),
        ]
    )


def _alternatives(sizes: list[Mapping[str, Any]]) -> Iterator[list[str]]:
    compared = {size["papers"] for size in sizes if not size["chosen"]}
    for size in sizes:
        if size["papers"] in compared:
            row = _row(size)
            yield [row[0], f"**{row[1]}**", *row[2:]] if size["chosen"] else row


def _row(size: Mapping[str, Any]) -> list[str]:
    return [
        f"{size['papers']:,}",
        f"`{size['factory']}`",
        decimals(size["recall_asked"], 2),
        decimals(size["held_out"]["recall_at_10"]),
        decimals(size["texts"]["recall_at_10"]),
        decimals(size["held_out"]["p50_ms"], 2),
        decimals(size["held_out"]["p99_ms"], 2),
        decimals(size["bytes_a_vector"], 0),
        decimals(size["build_s"], 0),
        decimals(size["tune_s"], 0),
        decimals(1000 * size["open_s"], 1),
        decimals(size["private_mb_opened"], 1),
    ]


def generated(result: Result) -> str:
    """How generated vectors compare with real ones of the same size."""
    real, made = result["real"], result["generated"]
    rows = [
        *(
            [
                f"recall@10 in {count} of {real['lists']} lists",
                decimals(value),
                decimals(made["recall_at_10_of_lists"][count]),
            ]
            for count, value in real["recall_at_10_of_lists"].items()
        ),
        *(
            [
                f"recall@10 of codes, {count} candidates a hit",
                decimals(value),
                decimals(made["recall_at_10_of_codes"][count]),
            ]
            for count, value in real["recall_at_10_of_codes"].items()
        ),
        ["mean cosine of two vectors", *(decimals(each["cosine_of_two"]["mean"]) for each in (real, made))],
        *(
            [f"variance in the first {count} components", decimals(value), decimals(made["variance_in_first"][count])]
            for count, value in real["variance_in_first"].items()
        ),
    ]
    return "\n\n".join(
        [
            f"Large indexes are measured on generated vectors, because this repository has {result['vectors']:,} "
            "real ones. The generator was fitted so that inverted lists and product codes behave as on real vectors:",
            table(("", "real abstracts", "generated"), rows),
            "**It was not fitted to graphs, and graphs suffer from it.** On generated vectors graph indexes need "
            "many times the effort that they need on real vectors of the same number, and some do not reach the "
            "recall asked for at all. Comparisons with graph indexes below, and with products that use one, "
            "therefore favour this project.",
        ]
    )


def hybrid(result: Result) -> str:
    """Dense, lexical and hybrid search of a large generated corpus."""
    kinds = {
        "titles": "titles",
        "common_words": "common words",
        "abstracts": "whole abstracts",
    }
    columns = (
        "queries",
        "terms",
        "dense, ms",
        "BM25, ms",
        "hybrid, ms",
        "hybrid / dense",
        "filtered: dense, ms",
        "hybrid, ms",
    )
    rows = [
        [
            title,
            decimals(result[kind]["terms"], 0),
            *(_times(result[kind][f"{leg}_ms"]) for leg in ("dense", "lexical", "hybrid")),
            decimals(result[kind]["hybrid_over_dense"]["p50"], 1),
            *(_times(result[kind][f"{leg}_filtered_ms"]) for leg in ("dense", "hybrid")),
        ]
        for kind, title in kinds.items()
    ]
    return "\n\n".join(
        [
            f"{result['papers']:,} generated papers, index `{result['index']['factory']}` at index recall@10 "
            f"{result['index_recall_at_10']:.3f}, one thread, the encoder not included; other work ran on the machine. "
            "Times are p50 / p99. *Filtered*: a filter that admits a tenth of the papers.",
            table(columns, rows),
        ]
    )


def _times(measured: Mapping[str, float]) -> str:
    return f"{measured['p50']:.1f} / {measured['p99']:.1f}"
