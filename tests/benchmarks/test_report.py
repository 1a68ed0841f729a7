"""The page of measurements says what the result files say, and leaves nothing out."""

from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.report import claims, markdown, page
from benchmarks.report.__main__ import read, rendered

RESULTS = read()


def test_the_page_and_the_claims_are_current() -> None:
    for path, text in rendered().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python -m benchmarks.report"


def test_a_result_without_a_section_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown"):
        page.render({**RESULTS, "unknown": {}})


def test_a_section_without_a_result_is_an_error() -> None:
    with pytest.raises(ValueError, match="quality"):
        page.render({name: result for name, result in RESULTS.items() if name != "quality"})


@pytest.mark.parametrize("section", page.SECTIONS, ids=lambda section: section.name)
def test_every_section_names_its_processor_and_commit(section: page.Section) -> None:
    result = RESULTS[section.name]
    text = page.render(RESULTS).partition(f"\n## {section.title}\n")[2].partition("\n## ")[0]
    assert result["processor"] in text
    assert result["commit"] in text


@pytest.mark.parametrize(
    ("result", "dirty"),
    [
        ({"commit": "1234567"}, False),
        ({"commit": "1234567-dirty"}, True),
        ({"commit": "1234567", "vectors": {"peer": {"commit": "89abcde-dirty"}}}, True),
    ],
)
def test_uncommitted_changes_are_reported_of_the_whole_and_of_parts(result: Mapping[str, Any], dirty: bool) -> None:
    assert markdown.is_dirty(result) is dirty
    described = {"processor": "P", "processors": 2, "date": "2026-01-01", **result}
    assert ("uncommitted changes" in markdown.source("any", described)) is dirty


def test_a_peer_that_is_faster_is_shown_as_faster() -> None:
    text = page.render(RESULTS)
    faster = [
        peer["title"]
        for peer in RESULTS["peers"]["vectors"].values()
        for case in peer["cases"].values()
        if case["clients"]["1"].get("times_ours", 0) > 1
    ]
    assert faster
    for title in faster:
        assert any(line.startswith(f"| {title} |") and "| **" in line for line in text.splitlines())


def test_claims_replace_what_stands_between_their_markers_only() -> None:
    readme = f"before\n{claims.START}\nold\n{claims.END}\nafter"
    assert claims.insert(readme, "1. new") == f"before\n{claims.START}\n1. new\n{claims.END}\nafter"


def test_a_readme_without_markers_is_an_error() -> None:
    with pytest.raises(ValueError, match="README"):
        claims.insert("no markers", "1. new")


def test_there_are_five_claims_and_each_links_to_its_section() -> None:
    lines = claims.render(RESULTS).splitlines()
    assert len(lines) == 5
    text = page.render(RESULTS)
    for line in lines:
        anchor = line.partition("docs/benchmarks.md#")[2].partition(")")[0]
        headings = [
            heading.lstrip("# ").lower().replace(" ", "-") for heading in text.splitlines() if heading[:1] == "#"
        ]
        assert anchor in headings, anchor
