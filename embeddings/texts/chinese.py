"""Traditional Chinese into simplified. The only module that knows OpenCC."""

import functools
import re
from collections.abc import Callable

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA_OR_HANGUL = re.compile(
    "[\u3041-\u30fa\u1100-\u11ff\uac00-\ud7af]"
)  # Japanese and Korean keep their own characters


def simplified(text: str) -> str:
    """Write Chinese in simplified characters; any other text is returned as it is.

    Phrases are looked at, not single characters alone: where one traditional character stands for two simplified ones
    the word decides.
    """
    if text.isascii() or not _HAN.search(text) or _KANA_OR_HANGUL.search(text):
        return text
    return _converter()(text)


@functools.cache
def _converter() -> Callable[[str], str]:
    """Load the tables once, when first needed."""
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert
