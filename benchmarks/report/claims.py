"""The five claims of the README, with their figures. Pure."""

from collections.abc import Mapping

from benchmarks.report.markdown import Result

START = "<!-- claims: written by python -m benchmarks.report -->"
END = "<!-- end of claims -->"


def render(results: Mapping[str, Result]) -> str:
    """Write the claims as a list; each links to its section of the page."""
    claims = (_quality, _languages, _index, _service, _durability)
    return "\n".join(f"{i}. {claim(results)}" for i, claim in enumerate(claims, 1))


def insert(readme: str, claims: str) -> str:
    """Put the claims between their markers.

    Raises:
        ValueError: The markers are missing.
    """
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"the README has no {START} … {END}")
    return f"{before}{START}\n{claims}\n{END}{after}"


def _link(text: str, anchor: str) -> str:
    return f"[{text}](docs/benchmarks.md#{anchor})"


def _on(result: Result) -> str:
    return f"{result['processor']}, {result['processors']} processors"


def _quality(results: Mapping[str, Result]) -> str:
    def ndcg(collection: str, mode: str) -> str:
        mean = results["quality"]["collections"][collection]["modes"][mode]["overall"]["nDCG@10"]["mean"]
        return f"{mean:.3f}"

    figures = "; ".join(
        f"{title}: {ndcg(name, 'dense')}, {ndcg(name, 'lexical')}, **{ndcg(name, 'hybrid')}**"
        for name, title in (("cranfield", "Cranfield"), ("cf", "Cystic Fibrosis"))
    )
    link = _link("Hybrid ranking", "ranking-quality")
    return f"{link} is better than embeddings or BM25 alone. nDCG@10 of dense, BM25, hybrid: {figures}."


def _languages(results: Mapping[str, Result]) -> str:
    languages = results["quality"]["across_languages"]

    def hit(name: str) -> str:
        return f"{100 * languages[f'{name}, both languages']['modes']['hybrid']['overall']['hit@1']['mean']:.1f} %"

    return (
        f"{_link('English and Chinese', 'across-languages')} find each other: a title's abstract in the other "
        f"language is the first hit among {languages['papers']:,} for {hit('zh → en')} of Chinese and "
        f"{hit('en → zh')} of English titles."
    )


def _index(results: Mapping[str, Result]) -> str:
    result = results["dense_scale"]
    size = next(each for each in result["sizes"] if each["chosen"] and each["papers"] == 1_000_000)
    return (
        f"{_link('A million vectors', 'the-index-as-the-corpus-grows')} (generated) are searched in "
        f"{size['held_out']['p50_ms']:.1f} ms (p50, one thread) at index recall@10 "
        f"{size['held_out']['recall_at_10']:.3f} for papers and {size['texts']['recall_at_10']:.3f} for texts, with "
        f"an index of {size['bytes_a_vector']:.0f} bytes a vector ({_on(result)})."
    )


def _service(results: Mapping[str, Result]) -> str:
    result = results["service_load"]
    run, ratio = "related, every paper once, 8", result["ratios"]["related, every paper once, 8"]["requests_s"]
    return (
        f"{_link('Related papers', 'service-under-load')} are served {result['runs'][run]['requests_s']:,} times a "
        f"second by one worker, p99 {result['runs'][run]['p99_ms']:.1f} ms: {ratio:.2f} of a FastAPI route that "
        f"returns a constant ({_on(result)})."
    )


def _durability(results: Mapping[str, Result]) -> str:
    result = results["publish_under_load"]
    failed = sum(result["failed"].values())
    return (
        f"{_link('Publishing', 'publishing-under-load')} a snapshot loses no request: {result['publishes']} "
        f"publishes during {result['requests']:,} requests, {failed} failed ({_on(result)})."
    )
