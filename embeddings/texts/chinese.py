"""Converts traditional Chinese to simplified. The only module that imports OpenCC."""

import functools
import re
from collections.abc import Callable

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
# Japanese and Korean texts are not converted
_KANA_OR_HANGUL = re.compile("[\u3041-\u30fa\u1100-\u11ff\uac00-\ud7af]")


def simplified(text: str) -> str:
    """Convert Chinese text to simplified characters; any other text is returned unchanged.

    The conversion uses phrases as well as characters, because some traditional characters have several simplified
    forms that depend on the word.
    """
    if text.isascii() or not _HAN.search(text) or _KANA_OR_HANGUL.search(text):
        return text
    return _converter()(text)


@functools.cache
def _converter() -> Callable[[str], str]:
    """Load the conversion tables on the first call."""
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert
