"""Which language a text is in: by script where that settles it. The only module that knows py3langid."""

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

# Fewer choices, fewer mistakes: `graph neural networks` is no Bikol here. Chinese, Japanese, Korean go by script.
_LANGUAGES = (
    "ar bg bn ca cs da de el en es et fa fi fr gl he hi hr hu id is it lt lv mk ms nl no pl pt ro ru sk sl sq sr sv sw "
    "ta th tr uk ur vi"
).split()
# Measured on titles and on pairs of words from them: a few words are taken for English unless the library is sure.
_SURE = 0.75
_SHORT, _SURE_OF_SHORT = 20, 0.9  # Latin letters; probability
_ENOUGH, _ENOUGH_WORDS = 2000, 50  # characters to count scripts in; words that settle the language


def detect(text: str) -> str:
    """Name the language of an abstract, a title or a query.

    Mixed text goes by what carries the sentence: a Chinese abstract full of English names is Chinese, an English one
    that quotes a few Chinese characters is English. Short Latin text, `BERT` or `object detection`, is English
    unless another language is all but certain.

    Returns:
        ISO 639-1 code; `UNDETERMINED` where there are no letters.
    """
    text = text[:_ENOUGH]
    words = _LATIN_WORD.findall(text)
    if text.isascii():
        return _of_latin(words) if words else UNDETERMINED
    han, kana, hangul = (len(script.findall(text)) for script in (_HAN, _KANA, _HANGUL))
    if han + kana + hangul and 2 * (han + kana + hangul) >= len(words):  # a character says as much as a short word
        if hangul > han + kana:
            return "ko"
        return "ja" if kana * 10 >= han + kana else "zh"
    latin = sum(map(len, words))
    if len(_LETTER.findall(text)) - han - kana - hangul > 2 * latin:
        return _classifier()(text[: 10 * _ENOUGH_WORDS])[0]
    return _of_latin(words) if words else UNDETERMINED


def _of_latin(words: list[str]) -> str:
    language, probability = _classifier()(" ".join(words[:_ENOUGH_WORDS]))
    short = sum(map(len, words)) < _SHORT
    return language if probability >= (_SURE_OF_SHORT if short else _SURE) else "en"


def load() -> None:
    """Load the model now, which takes as long as a hundred questions; from any thread. Else it is when first needed."""
    _classifier()


def _classifier() -> Callable[[str], tuple[str, float]]:
    """The model: text → language and its probability."""
    with _loading:  # whoever comes while it is loaded waits for it, and does not load another
        return _loaded()


@functools.cache
def _loaded() -> Callable[[str], tuple[str, float]]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LANGUAGES)

    def classify(text: str) -> tuple[str, float]:
        language, probability = identifier.classify(text.encode("utf-8", "replace").decode())  # lone surrogates
        return str(language), float(probability)

    return classify
