"""Makes a one-line label of a paper: its title, the name of the system it presents, or its main clause. Pure."""

from embeddings.texts import chinese_labels, english_labels
from embeddings.texts.cleaning import clean
from embeddings.texts.sentences import sentences

_MAX_LENGTH = 100
_MAX_LENGTH_BY_LANGUAGE = {"zh": 50}


def label(abstract: str, language: str, title: str | None = None, *, cleaned: bool = False) -> str:
    """Make a one-line label of a paper from its own words.

    The title, if there is one. Else the name that the abstract gives to its own system, with its long form; else the
    clause on the contribution (`we propose …`); else the first sentence.

    Args:
        abstract: As received or cleaned.
        language: ISO 639-1 code. Names and clauses are recognised in English and Chinese; other languages use the
            English patterns.
        title: As received.
        cleaned: Whether both texts went through `clean` before, so that it is not done again.

    Returns:
        The complete title, or at most 100 characters (50 in Chinese), truncated between words and ended with `…`. Every
        word is from the abstract, except for the case of the first letter. Empty only if no character is visible.
    """
    if title and (whole := title if cleaned else clean(title)):
        return whole
    parts = sentences(abstract if cleaned else clean(abstract), language)
    if not parts:
        return ""
    patterns = chinese_labels if language == "zh" else english_labels
    found = patterns.system_name(parts) or patterns.main_clause(parts)
    return _truncate(found or parts[0], _MAX_LENGTH_BY_LANGUAGE.get(language, _MAX_LENGTH))


def _truncate(text: str, max_length: int) -> str:
    """Truncate to `max_length` characters, between words where the script has spaces."""
    text = text.rstrip(" .,;:。；，") or text
    if len(text) <= max_length:
        return text
    cut = text[: max_length - 1]
    if text[max_length - 1].isascii() and text[max_length - 1].isalnum() and " " in cut:
        cut = cut[: cut.rindex(" ")]
    return cut.rstrip(" ,;:，、(-–") + "…"
