import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.texts.cleaning import clean

SEEDS = Path(__file__).parent.parent.parent / "seeds"


def abstracts() -> list[str]:
    lines = (line for file in sorted(SEEDS.glob("*.txt")) for line in file.read_text("utf-8").splitlines())
    return list(dict.fromkeys(line.strip() for line in lines if line.strip() and "translated by" not in line))


@pytest.mark.parametrize(
    ("latex", "readable"),
    [
        (r"\textbf{I}nverted \textbf{R}esidual \textbf{M}obile \textbf{B}lock", "Inverted Residual Mobile Block"),
        (r"a \emph{Topic-Extension} layer", "a Topic-Extension layer"),
        (r"{\em very} nice", "very nice"),
        (r"methods, \eg, our EMO; \ie it, \etal. \wrt \etc", "methods, e.g., our EMO; i.e. it, et al. w.r.t. etc."),
        (r"$\alpha$-divergence", "α-divergence"),
        (r"in $O(n^2)$, not $\mathcal{O}(\log n)$", "in O(n^2), not O(log n)"),
        (r"$\mathbf{x} \in \mathbb{R}^n$", "x ∈ R^n"),
        (r"English$\rightarrow$German, 30$^\circ$", "English→German, 30°"),
        (r"0.5$-$1 eV in $\sim$5 ms", "0.5-1 eV in ∼5 ms"),
        (r"G\"odel, Erd\H{o}s, na\"{\i}ve \'etude", "Gödel, Erdős, naïve étude"),
        (r"\ours{} beats \ours", "ours beats ours"),
        (r"as shown~\cite{a,b} in Fig.~\ref{f} by \citet[p.~3]{c}.", "as shown in Fig. by."),
        (r"\url{https://a.org/~b_c%20d}", "https://a.org/~b_c%20d"),
        (r"\href{https://a.org}{here}", "here"),
        (r"first \\ second", "first second"),
        (r"the systems\' x doesn\'t \"work\"", "the systems' x doesn't \"work\""),
        (r"$ \ mathcal {L} _p $距离，\ textbf {C} hinese", "L _p距离，C hinese"),
    ],
)
def test_latex_is_converted_to_readable_text(latex: str, readable: str) -> None:
    assert clean(latex) == readable


@pytest.mark.parametrize(
    ("broken", "readable"),
    [
        ("Self-Teaching (GHOST}) framework", "Self-Teaching (GHOST) framework"),
        ("accurate and ({even more importantly}) explainable", "accurate and (even more importantly) explainable"),
        ("{several benchmarks", "several benchmarks"),
    ],
)
def test_unmatched_braces_are_removed(broken: str, readable: str) -> None:
    assert clean(broken) == readable


@pytest.mark.parametrize(
    "plain",
    [
        "gains of +4.2%/+2.4% over 100% of it",
        "$5 million and $10 million each, US$3/$4 and $7",
        r"C:\Users\name\file.txt is read",
        r"the pattern \d+\.$",
        "AT&T, issue #5, snake_case, 10^5",
        "an improvement of 5.5 ~ 7.1 dB, 3~5 times",
        "p < 0.05 and n > 3, a<b>c, <man, walking, dog>",
        "https://a.org/?x=1&copy=2",
        "--- and -- and ``quotes''",
        "ﬁne ① 全角，ａ",
    ],
)
def test_text_without_markup_is_unchanged(plain: str) -> None:
    assert clean(plain) in {plain, plain.replace(r"\.$", ".$")}


def test_a_percent_sign_does_not_start_a_comment() -> None:
    assert clean(r"降低33 \%,并 50% of \emph{all} words") == "降低33 %,并 50% of all words"


def test_html_and_jats_tags_are_removed_and_entities_decoded() -> None:
    source = "<jats:title>Aim</jats:title><jats:p>H<sub>2</sub>O &amp; <i>E. coli</i>, p &lt; 0.05</jats:p>"
    assert clean(source) == "Aim H2O & E. coli, p < 0.05"
    assert clean('at <a href="http://a.org">this URL</a>') == "at this URL"


def test_white_space_is_folded_and_invisible_characters_are_removed() -> None:
    assert clean(" a\t b\r\n\u3000c\u200bd\ufeff\x00e\u00a0f\ud800 ") == "a b cde f"


@pytest.mark.parametrize("source", [r"\cite{a}", "{}", "<i></i>", "$", "\\", "%", "{" * 3000 + "}" * 3000])
def test_visible_text_never_becomes_empty(source: str) -> None:
    assert clean(source)


def test_invisible_text_becomes_empty() -> None:
    assert clean(" \u200b\n") == ""


def test_seeds_keep_their_words_without_latex() -> None:
    assert len(abstracts()) == 42
    for abstract in abstracts():
        cleaned = clean(abstract)
        assert clean(cleaned) == cleaned
        assert not set(cleaned) & set("\\{}")
        if "\\" not in abstract and "{" not in abstract and "}" not in abstract:
            assert cleaned == " ".join(abstract.split())


@given(st.text(st.one_of(st.sampled_from("\\{}$%&~^_#<>;`'\" ab1α的\n"), st.characters())))
def test_any_text_is_cleaned_to_one_line(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == " ".join(cleaned.split())
    cleaned.encode()


WORDS = st.text("abcdefxyz0123456789é算法", min_size=2, max_size=8)
SIGNS = st.sampled_from([*"{}%&#_^~()$", r"\%", r"\&", "--", "$$", r"\emph{", r"\textbf{", r"$\alpha$", "<", ">", "=5"])


@given(st.lists(st.one_of(WORDS, SIGNS), max_size=30))
def test_words_outside_commands_are_kept(pieces: list[str]) -> None:
    cleaned = clean(" ".join(pieces))
    assert all(piece in cleaned for piece in pieces if piece.isalnum())


def test_importing_the_module_loads_no_latex_library() -> None:
    code = "import sys, embeddings.texts.cleaning; sys.exit('pylatexenc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=SEEDS.parent, check=False).returncode == 0
