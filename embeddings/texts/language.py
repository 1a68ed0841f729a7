"""Detects the language of a text, by script if that is sufficient. The only module that imports py3langid."""

import functools
import re
import threading
from collections.abc import Callable

UNDETERMINED = "und"

_loading = threading.Lock()

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d]")
_HANGUL = re.compile(r"[\u1100-\u11ff\u3131-\u318e\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+")
_LETTER = re.compile(r"[^\W\d_]")

# Restricting the classifier to these languages avoids errors such as Bikol for `graph neural networks`. Chinese,
# Japanese and Korean are detected by script.
_LANGUAGES = (
    "ar bg bn ca cs da de el en es et fa fi fr gl he hi hr hu id is it lt lv mk ms nl no pl pt ro ru sk sl sq sr sv sw "
    "ta th tr uk ur vi"
).split()
# Below these probabilities, Latin text is taken for English. Chosen on titles and on pairs of words from them.
_MIN_PROBABILITY = 0.75
_SHORT_LETTERS, _MIN_PROBABILITY_SHORT = 20, 0.9  # for texts with fewer Latin letters
_MAX_CHARACTERS, _MAX_WORDS = 2000, 50  # used for the scripts; for the classifier


def detect(text: str) -> str:
    """Detect the language of an abstract, a title or a query.

    Mixed text has the language of its predominant script: a Chinese abstract with many English names is Chinese, an
    English one that quotes a few Chinese characters is English. Short Latin text, such as `BERT` or `object detection`,
    is English unless the classifier gives another language at least a probability of 0.9.

    Returns:
        ISO 639-1 code; `UNDETERMINED` for text without letters.
    """
    text = text[:_MAX_CHARACTERS]
    words = _LATIN_WORD.findall(text)
    if text.isascii():
        return _latin_language(words) if words else UNDETERMINED
    han, kana, hangul = (len(script.findall(text)) for script in (_HAN, _KANA, _HANGUL))
    if han + kana + hangul and 2 * (han + kana + hangul) >= len(words):  # one character counts as a short word
        if hangul > han + kana:
            return "ko"
        return "ja" if kana * 10 >= han + kana else "zh"
    latin = sum(map(len, words))
    if len(_LETTER.findall(text)) - han - kana - hangul > 2 * latin:
        return _classifier()(text[: 10 * _MAX_WORDS])[0]
    return _latin_language(words) if words else UNDETERMINED


def _latin_language(words: list[str]) -> str:
    """Language of words in Latin script; English unless the classifier is certain enough."""
    language, probability = _classifier()(" ".join(words[:_MAX_WORDS]))
    short = sum(map(len, words)) < _SHORT_LETTERS
    return language if probability >= (_MIN_PROBABILITY_SHORT if short else _MIN_PROBABILITY) else "en"


def load() -> None:
    """Load the model now instead of on the first use; thread-safe. Loading takes as long as 100 queries."""
    _classifier()


def _classifier() -> Callable[[str], tuple[str, float]]:
    """Return the model, which maps a text to its language and the probability of that."""
    with _loading:  # concurrent callers wait, so that the model is loaded only once
        return _load_model()


@functools.cache
def _load_model() -> Callable[[str], tuple[str, float]]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LANGUAGES)

    def classify(text: str) -> tuple[str, float]:
        language, probability = identifier.classify(text.encode("utf-8", "replace").decode())  # removes lone surrogates
        return str(language), float(probability)

    return classify
