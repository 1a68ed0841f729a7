"""Which words of a new language get a token of their own (door to jieba, which knows where Chinese words end)."""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from tokenizers import Tokenizer, models, trainers

from embeddings.distillation.pairs import Pair
from embeddings.errors import DistillationError, MissingExtra

# Shares of all letters: from where on a script is the new language's, and up to where it may occur in the teacher's
_LEAST_SHARE = 0.01
_MOST_ELSEWHERE = 0.001
_LEAST_COUNT = 2
_LONGEST = 8
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


def learn(pairs: Iterable[Pair], size: int, known: Collection[str] = ()) -> tuple[str, ...]:
    """Choose the most frequent words of the new language, and all letters that occur twice.

    Only words in letters that the teacher's language does not use can become tokens: nothing that the teacher reads
    may be cut in another way than before.

    Args:
        pairs: Texts in both languages.
        size: Most words.
        known: Words that the teacher was taught before, which it keeps as they are.

    Returns:
        Distinct words, the letters on their own first.

    Raises:
        DistillationError: Both languages are written with the same letters.
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
            "both languages are written with the same letters; new tokens would change how the teacher reads its own. "
            "Take a multilingual model for them"
        )
    own = re.compile(f"[{''.join(map(re.escape, sorted(letters)))}]+")
    runs = Counter(run for text in texts for run in own.findall(text))
    counts = (
        _chinese_words(runs) if sum(map(bool, map(_HAN.match, letters))) * 2 > len(letters) else _pieces(runs, size)
    )
    frequent = [
        word for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if count >= _LEAST_COUNT and 1 < len(word) <= _LONGEST
    ]  # fmt: skip
    before = frozenset(known)
    chosen = (*sorted(letters), *frequent[: max(0, size - len(letters))])
    return tuple(word for word in chosen if word not in before)


def _own_letters(source: Counter[str], target: Counter[str]) -> frozenset[str]:
    """Letters of the scripts that the new language is written in and the teacher's is not, but for single names."""
    ours, theirs = _scripts(source), _scripts(target)
    own = {
        script
        for script, count in theirs.items()
        if count >= _LEAST_SHARE * theirs.total() and ours[script] <= _MOST_ELSEWHERE * ours.total()
    }
    return frozenset(letter for letter, count in target.items() if count >= _LEAST_COUNT and _script(letter) in own)


def _scripts(letters: Counter[str]) -> Counter[str]:
    scripts = Counter[str]()
    for letter, count in letters.items():
        if letter.isalpha():
            scripts[_script(letter)] += count
    return scripts


def _script(letter: str) -> str:
    """What a letter's name begins with: CJK, CYRILLIC, HIRAGANA; nothing for signs and numbers."""
    return unicodedata.name(letter, "").partition(" ")[0] if letter.isalpha() else ""


def _chinese_words(runs: Counter[str]) -> Counter[str]:
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


def _pieces(runs: Counter[str], size: int) -> Counter[str]:
    """Pieces of words by their likelihood (Kudo 2018, the unigram model), for scripts without a dictionary."""
    tokenizer = Tokenizer(models.Unigram())
    trainer = trainers.UnigramTrainer(vocab_size=size, max_piece_length=_LONGEST, show_progress=False, unk_token="?")
    tokenizer.train_from_iterator(_repeated(runs), trainer)
    counts = Counter[str]()
    for run, count in runs.items():
        for piece in tokenizer.encode(run).tokens:
            counts[piece] += count
    return counts


def _repeated(runs: Counter[str]) -> Iterator[str]:
    return (run for run, count in runs.items() for _ in range(count))
