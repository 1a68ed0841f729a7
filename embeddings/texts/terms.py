"""Tokenizes text into the terms of BM25, by script. The only module that imports PyStemmer."""

import re
import threading
import unicodedata

from embeddings.texts.chinese import simplified
from embeddings.texts.cleaning import clean

_STOP_WORDS = frozenset(
    "a about above after again against all also although always am among an and any are as at be because been "
    "before being below between both but by can cannot could did do does doing done down during each either "
    "et etal for from further had has have having he hence her here hers herself him himself his how however "
    "i if in into is it its itself just let may me might more most must my myself neither no nor not of off "
    "on once only or other ought our ours ourselves out over own per quite rather same shall she should since "
    "so some such than that the their theirs them themselves then there therefore these they this those "
    "though through thus to too under until up upon us very via was we were what when where whereas whether "
    "which while who whom whose why will with within without would you your yours yourself arent cant couldnt "
    "didnt doesnt dont hadnt hasnt havent isnt shouldnt wasnt weve wont wouldnt".split()
)
_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f"
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_HANGUL = "\u1100-\u11ff\u3131-\u318e\uac00-\ud7af"
_UNSPACED = re.compile(f"([{_HAN}]+|[{_KANA}]+|[{_HANGUL}]+)")
# Chinese function characters, which occur in few content words. In a corpus with few Chinese papers they would match a
# Chinese query with all of them.
_FUNCTION_CHARACTER = re.compile("[的了是和与及或而且其之以于从被把将也又所使这那该此每我们它]")

_ACCENTS = re.compile("[\u0300-\u036f]+")
_APOSTROPHE = re.compile(r"['\u2019](?:s\b)?")
_HYPHENS = "-\u2010-\u2013"
_WORD = re.compile(rf"[^\W_]+(?:(?:[{_HYPHENS}&]|(?<=\d)[.,](?=\d))[^\W_]+)*(?:\+\+|\#)?")
_HYPHEN = re.compile(f"[{_HYPHENS}]")
_NUMBERED = re.compile(r"([^\W\d_]{3,}?)v?\d+")

_thread_local = threading.local()


def terms(text: str, *, cleaned: bool = False) -> list[str]:
    """Cut a paper or a query into terms, repeated as often as they occur; mark-up is cleaned away first.

    Words are folded (case, accents, compatibility forms), stemmed in English, and English stop words are removed.
    Hyphenated words give one joined term and each of their parts: `GPT-3`, `GPT3` and `GPT 3` share terms, as do
    `k-space` and `kspace`. `C++`, `R&D` and `3D` are single terms. Chinese (converted to simplified), Japanese and
    Korean give overlapping character bigrams, split at Chinese function words; bigrams had a higher recall than the
    words of a dictionary, or both together.

    Args:
        text: As received.
        cleaned: Whether the text went through `clean` before, so that it is not done again.

    Returns:
        Empty if the text has only stop words and signs.
    """
    folded = _folded(simplified(text if cleaned else clean(text)))
    if folded.isascii() or not _UNSPACED.search(folded):
        return _words(folded)
    found: list[str] = []
    for i, part in enumerate(_UNSPACED.split(folded)):
        found += _bigrams(part) if i % 2 else _words(part)
    return found


def _folded(text: str) -> str:
    """Fold case, accents, compatibility forms and apostrophes."""
    folded = text.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", folded))).casefold()
    return _APOSTROPHE.sub("", folded)


def _words(text: str) -> list[str]:
    """Terms of text in scripts with spaces."""
    found: list[str] = []
    for word in _WORD.findall(text):
        parts = [word] if word.isalnum() else _HYPHEN.split(word.replace(",", ""))
        if len(parts) > 1:
            found.append(_stem("".join(parts)))
        found += [_stem(part) for part in parts if part and part not in _STOP_WORDS]
        if len(parts) == 1 and (numbered := _NUMBERED.fullmatch(parts[0])):
            found.append(_stem(numbered[1]))
    return found


def _stem(word: str) -> str:
    """Stem an English word; other words (`3d`, `c++`, Greek) are returned unchanged."""
    if not (word.isascii() and word.isalpha()):
        return word
    stemmer = getattr(_thread_local, "stemmer", None)
    if stemmer is None:
        import Stemmer  # type: ignore[import-not-found, unused-ignore]

        # One for each thread: the stemmer's cache is not thread-safe
        stemmer = _thread_local.stemmer = Stemmer.Stemmer("english")
    return str(stemmer.stemWord(word))


def _bigrams(run: str) -> list[str]:
    """Overlapping character bigrams of a run; a single character is a term by itself."""
    parts = [part for part in _FUNCTION_CHARACTER.split(run) if part]
    return [bigram for part in parts for bigram in ([part[i : i + 2] for i in range(len(part) - 1)] or [part])]
