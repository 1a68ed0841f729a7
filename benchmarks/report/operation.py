"""Sections on encoding, the service, and builds. Pure."""

from benchmarks.report.markdown import Result, decimals, table

_BASE = "bare FastAPI route"
_ROWS = {
    "bare FastAPI route": "FastAPI route that returns a constant",
    "bare FastAPI route, written before": "the same, response serialised in advance",
    "raw ASGI application": "ASGI application without a framework",
    "related, every paper once": "**related papers, every paper once**",
    "related, one paper": "**related papers, one paper**",
    "related, not changed": "**related papers, unchanged (304)**",
    "related, every paper once, gzip": "**related papers, gzip**",
}


def encoder(result: Result) -> str:
    """Texts embedded a second, and the latency of one query."""
    plain = result["texts_per_second"]["sentence-transformers"]["best"]
    rows = [
        [name, decimals(speed["best"], 1), decimals(speed["median"], 1), f"{speed['best'] / plain:.2f}×"]
        for name, speed in result["texts_per_second"].items()
    ]
    query = result["query_ms"]
    checks = "; ".join(
        f"{precision}: least cosine {check['least_cosine']:.5f}, same ten nearest {100 * check['same_top_10']:.0f} %"
        for precision, check in result["checks"].items()
    )
    return "\n\n".join(
        [
            f"{result['texts']} abstracts of {result['mean_tokens']:.0f} tokens on average. *sentence-transformers* "
            "is that library as installed (float32, batches of 32); *backend alone* is the compiled model on batches "
            "prepared in advance, the upper bound. How much bfloat16 gains depends on the processor.",
            table(("", "texts/s, best", "median", "of sentence-transformers"), rows),
            f"Agreement with torch: {checks}.",
            f"One short query takes {query['encoder']['p50']:.2f} ms at p50 ({query['encoder']['p99']:.2f} at p99), "
            f"{query['ratio_p50']:.2f} times the bare call of the model.",
        ]
    )


def service(result: Result) -> str:
    """Requests a second of the service relative to a framework that returns constants."""
    rows = [
        [
            _title(name),
            name.rpartition(", ")[2],
            decimals(run["requests_s"], 0),
            decimals(run["p50_ms"], 2),
            decimals(run["p99_ms"], 2),
            decimals(result["ratios"][name]["requests_s"], 2),
            decimals(result["ratios"][name]["processor"], 2),
        ]
        for name, run in result["runs"].items()
    ]
    text, workers = result["text_search"], result["workers"]
    return "\n\n".join(
        [
            f"{result['papers']:,} papers, one worker; server and client are pinned to a processor each; median of "
            f"{result['rounds']} rounds. The last two columns are relative to the FastAPI route with as many clients "
            "(requests: more is better; processor time: less is better).",
            table(("", "clients", "requests/s", "p50, ms", "p99, ms", "requests", "processor time"), rows),
            f"Text search at {text['clients']} clients: {text['service_s']:.0f} queries/s, {text['ratio']:.2f} of the "
            f"{text['encoder_s']:.0f} texts/s that the encoder embeds in batches.",
            f"{workers['workers']} workers at {workers['clients']} clients, sharing {result['processors']} "
            f"processors with the client: {workers['several_s']:,} requests/s, {workers['ratio']:.2f} times those of "
            f"one worker, with {workers['processor_ratio']:.2f} of the processor time for each request.",
        ]
    )


def _title(name: str) -> str:
    run = name.rpartition(", ")[0]
    return _ROWS.get(run, run)


def scale(result: Result) -> str:
    """Time and memory of a build by corpus size."""
    rows = [
        [
            f"{build['papers']:,}",
            decimals(build["seconds"], 0),
            str(build["peak_private_mb"]),
            str(build["snapshot_mb"]),
            f"`{build['index']['factory']}`",
            decimals(build["index_recall_at_10"]),
        ]
        for build in result["builds"]
    ]
    return "\n\n".join(
        [
            "Generated papers and a model of random word vectors in place of the transformer, whose own memory does "
            "not depend on the corpus: what is measured is everything around it. The index is the one that the build "
            "chose at that commit.",
            table(("papers", "seconds", "peak private memory, MB", "snapshot, MB", "index", "index recall@10"), rows),
        ]
    )


def crash(result: Result) -> str:
    """Whether a build that is killed and continued gives the files of an undisturbed one."""
    files = result["identical_files"]
    kills = ", ".join(f"{second:.1f}" for second in result["kills_after_s"])
    same = "the same" if len(set(result["snapshots"])) == 1 else "**not the same**"
    return (
        f"A build of {result['papers']:,} abstracts was killed (`SIGKILL`) {len(result['kills_after_s'])} times, after "
        f"{kills} seconds, and started again each time. An undisturbed build took "
        f"{result['undisturbed_build_s']:.0f} s. The snapshot ids are {same}; {sum(files.values())} of {len(files)} "
        "files are identical."
    )


def publishing(result: Result) -> str:
    """Whether publishing loses a request."""
    failed = sum(result["failed"].values())
    answers = " and ".join(f"{count:,}" for count in result["answers_by_snapshot"].values())
    return (
        f"{result['publishes']} publishes, alternating between two snapshots, while {result['clients']} clients sent "
        f"requests without pause: {result['requests']:,} requests, {failed} failed; {answers} were answered by each "
        "snapshot."
    )
