"""Selects the new tokens of a language. The only module that imports jieba, for Chinese word segmentation."""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from tokenizers import Tokenizer, models, trainers

from embeddings.distillation.pairs import Pair
from embeddings.errors import DistillationError, MissingExtra

# Fractions of all letters: a script belongs to the new language from the first on, if it makes up at most the second
# of the teacher's language
_MIN_SCRIPT_FRACTION = 0.01
_MAX_SOURCE_FRACTION = 0.001
_MIN_COUNT = 2
_MAX_TOKEN_LENGTH = 8
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


def learn(pairs: Iterable[Pair], size: int, known: Collection[str] = ()) -> tuple[str, ...]:
    """Choose the most frequent words of the new language, and all letters that occur at least twice.

    Only words in scripts that the teacher's language does not use become tokens, so that the tokenization of texts in
    the teacher's language does not change.

    Args:
        pairs: Texts in both languages.
        size: Maximum number of tokens; letters are kept even beyond it.
        known: Tokens from an earlier distillation of the teacher, which are left out.

    Returns:
        Distinct words; single letters first.

    Raises:
        DistillationError: Both languages use the same script.
        MissingExtra: The texts are Chinese and jieba is not installed.
    """
    source, target, texts = Counter[str](), Counter[str](), []
    for pair in pairs:
        source.update(pair.source)
        target.update(pair.target)
        texts.append(pair.target)
    letters = _own_letters(source, target)
    if not letters:
        raise DistillationError(
            "both languages use the same script; new tokens would change the tokenization of the teacher's language. "
            "Use a multilingual model instead"
        )
    own_script = re.compile(f"[{''.join(map(re.escape, sorted(letters)))}]+")
    runs = Counter(run for text in texts for run in own_script.findall(text))
    counts = (
        _chinese_words(runs) if sum(map(bool, map(_HAN.match, letters))) * 2 > len(letters) else _subwords(runs, size)
    )
    frequent = [
        word for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if count >= _MIN_COUNT and 1 < len(word) <= _MAX_TOKEN_LENGTH
    ]  # fmt: skip
    excluded = frozenset(known)
    chosen = (*sorted(letters), *frequent[: max(0, size - len(letters))])
    return tuple(word for word in chosen if word not in excluded)


def _own_letters(source: Counter[str], target: Counter[str]) -> frozenset[str]:
    """Letters of the scripts of the new language that are rare in the teacher's language."""
    source_scripts, target_scripts = _scripts(source), _scripts(target)
    own = {
        script
        for script, count in target_scripts.items()
        if count >= _MIN_SCRIPT_FRACTION * target_scripts.total()
        and source_scripts[script] <= _MAX_SOURCE_FRACTION * source_scripts.total()
    }
    return frozenset(letter for letter, count in target.items() if count >= _MIN_COUNT and _script(letter) in own)


def _scripts(letters: Counter[str]) -> Counter[str]:
    """Number of letters in each script."""
    scripts = Counter[str]()
    for letter, count in letters.items():
        if letter.isalpha():
            scripts[_script(letter)] += count
    return scripts


def _script(letter: str) -> str:
    """First word of a letter's Unicode name, such as CJK or CYRILLIC; empty for signs and numbers."""
    return unicodedata.name(letter, "").partition(" ")[0] if letter.isalpha() else ""


def _chinese_words(runs: Counter[str]) -> Counter[str]:
    """Count the words of Chinese runs."""
    try:
        import jieba
    except ImportError as error:
        raise MissingExtra("Chinese words need jieba: pip install 'related-papers[distillation]'") from error
    jieba.setLogLevel(logging.WARNING)
    counts = Counter[str]()
    for run, count in runs.items():
        for word in jieba.cut(run):
            counts[word] += count
    return counts


def _subwords(runs: Counter[str], size: int) -> Counter[str]:
    """Count the subwords of a unigram language model (Kudo 2018), for scripts without a dictionary."""
    tokenizer = Tokenizer(models.Unigram())
    trainer = trainers.UnigramTrainer(
        vocab_size=size, max_piece_length=_MAX_TOKEN_LENGTH, show_progress=False, unk_token="?"
    )
    tokenizer.train_from_iterator(_repeated(runs), trainer)
    counts = Counter[str]()
    for run, count in runs.items():
        for piece in tokenizer.encode(run).tokens:
            counts[piece] += count
    return counts


def _repeated(runs: Counter[str]) -> Iterator[str]:
    return (run for run, count in runs.items() for _ in range(count))
