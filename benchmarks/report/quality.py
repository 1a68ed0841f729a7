"""Sections on ranking quality, calibration and near-duplicates. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.report.markdown import Result, decimals, interval, percent, share, table

_MODES = {"dense": "dense", "lexical": "BM25", "hybrid": "**hybrid**"}
_MEASURES = ("nDCG@10", "MAP", "recall@100", "MRR", "hit@1")


def ranking(result: Result) -> str:
    """Dense, lexical and hybrid ranking on judged collections, known items and across languages."""
    parts = [
        f"Encoder `{result['encoder']}`. Mean over queries with its 95 % bootstrap interval; *p* is the paired "
        "bootstrap test against dense ranking. nDCG, MAP, recall and MRR are trec_eval's."
    ]
    for name, collection in result["collections"].items():
        parts.append(f"### {name}: {collection['papers']:,} papers, {collection['questions']} queries")
        parts.append(table(("mode", *_MEASURES, "p of nDCG@10"), _collection_rows(collection)))
    parts.append("### Known items")
    parts.append(
        "Queries with one relevant paper, among the 42 papers of `seeds/`: paraphrases of the English abstracts, and "
        "one English and one Chinese query for each paper (query language → paper language)."
    )
    parts.append(table(("queries", "dense", "BM25", "hybrid"), _known_item_rows(result)))
    languages = result["across_languages"]
    parts.append("### Across languages")
    parts.append(
        f"Titles as queries, their abstracts as the relevant papers, among {languages['papers']:,} abstracts of which "
        "half are Chinese; the abstract in the title's own language is left out. hit@1:"
    )
    parts.append(table(("query → abstract", "queries", "dense", "hybrid", "p"), _language_rows(languages)))
    return "\n\n".join(parts)


def _collection_rows(collection: Mapping[str, Any]) -> Iterator[list[str]]:
    for mode, title in _MODES.items():
        measured = collection["modes"][mode]
        compared = measured["against_baseline"].get("nDCG@10")
        p = "" if compared is None else f"{compared['p']:.4f}"
        yield [title, *(interval(measured["overall"][measure]) for measure in _MEASURES), p]


def _known_item_rows(result: Result) -> Iterator[list[str]]:
    for name in ("paraphrases", "known_items"):
        for found in result[name].values():
            groups = found["modes"]["dense"]["groups"]
            for group, measured in groups.items():
                count = measured["questions"]
                hits = [found["modes"][mode]["groups"][group]["hit@1"]["mean"] for mode in _MODES]
                yield [f"{found['name']}, {group}", *(share(hit, count) for hit in hits)]


def _language_rows(languages: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, found in languages.items():
        if not isinstance(found, Mapping):
            continue
        dense, hybrid = (found["modes"][mode]["overall"]["hit@1"] for mode in ("dense", "hybrid"))
        p = found["modes"]["hybrid"]["against_baseline"]["hit@1"]["p"]
        yield [name, str(found["questions"]), interval(dense), interval(hybrid), f"{p:.4f}"]


def calibration(result: Result) -> str:
    """How well probabilities hold on collections that a curve was not fitted to, and the rate of wrong `found`."""
    return "\n\n".join(
        [
            "Each curve was fitted again without one collection and tested on that collection. *Loss* is the log loss, "
            "beside the log loss of predicting that collection's share of related hits for every hit; *error* is the "
            "expected calibration error over ten bins of equal weight. The last two columns give the same for the "
            "shipped curves, which were fitted to all collections. **Bold: the transferred curve is worse than "
            "predicting the share.** [What this means](ranking.md#probability)",
            table(
                (
                    "tested on",
                    "scale",
                    "related",
                    "loss of the share",
                    "loss",
                    "error",
                    "shipped: loss",
                    "shipped: error",
                ),
                _transfer_rows(result["tested"]),
            ),
            "![Reliability diagrams of the curves](reliability.svg)",
            "### `found`",
            "Share of queries for which the service says that something was found: it should be all of the queries "
            "with an answer and none of the *far* ones, which are about subjects that no paper covers. **Bold: more "
            "than 1 % of the queries are classified wrongly.**",
            table(("queries", "scale", "found"), _found_rows(result["found"])),
        ]
    )


def _transfer_rows(tested: Mapping[str, Any]) -> Iterator[list[str]]:
    for collection, scales in tested.items():
        for scale, found in scales.items():
            loss = decimals(found["log_loss"])
            yield [
                collection,
                scale,
                decimals(found["related"]),
                decimals(found["log_loss_of_the_share"]),
                f"**{loss}**" if found["log_loss"] > found["log_loss_of_the_share"] else loss,
                decimals(found["calibration_error"]),
                decimals(found["fitted_to_all"]["log_loss"]),
                decimals(found["fitted_to_all"]["calibration_error"]),
            ]


def _found_rows(found: Mapping[str, Any]) -> Iterator[list[str]]:
    for scale, measured in found.items():
        for name, kind in measured["kinds"].items():
            wrong = kind["found"] if name.startswith("far") else 1 - kind["found"]
            text = share(kind["found"], kind["questions"])
            yield [name, scale, f"**{text}**" if wrong > 0.01 else text]


def duplicates(result: Result) -> str:
    """Which cosine separates versions of one paper from different papers."""
    edits = {
        "without_first_sentence": "first sentence removed",
        "without_two_sentences": "two sentences removed",
        "with_words_dropped": "every tenth word removed",
        "with_a_sentence_added": "a sentence added",
    }
    distinct = result["distinct"]["share_at_or_above"]
    rows = [
        [
            f"**{threshold}**" if threshold == "0.94" else threshold,
            percent(share_above, 2),
            *(percent(1 - result["versions"][edit]["share_below"][threshold], 1) for edit in edits),
        ]
        for threshold, share_above in distinct.items()
    ]
    return "\n\n".join(
        [
            f"{result['papers']:,} arXiv abstracts. The second column is the share of papers with a neighbour at that "
            "cosine or above; the others are the share of edited copies that are recognised. Bold is the threshold in "
            "use ([decision 4](decisions/0004-near-duplicates.md)).",
            table(("cosine at least", "papers with such a neighbour", *edits.values()), rows),
        ]
    )
