"""A model taught another language by imitating itself, top to bottom: pairs in, the same model with more words out."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embeddings.build.build_lock import Progress
from embeddings.distillation import alignment, card, pairs, vocabulary
from embeddings.distillation.recipe import Recipe
from embeddings.encoders import model_files
from embeddings.encoders.encoder_info import PLAIN_MODEL
from embeddings.encoders.model_files import EXTENSION, ModelFiles
from embeddings.encoders.vocabulary_extension import Extension
from embeddings.errors import DistillationError
from embeddings.files import sha256, write_atomically

if TYPE_CHECKING:
    from embeddings.distillation.training import Texts, Trainer

_WORK = ".distillation"
_PLAN, _WORDS, _ROWS, _STATE = "plan.json", "words.json", "rows.npy", "training.pt"
_SAVED_EVERY = 200  # steps: a minute or two


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilOptions:
    """What a training may be told.

    Attributes:
        teacher: See `models.locate`.
        revision: See `models.locate`.
        pairs: Files, see `pairs.read`.
        out: Folder for the model; holds what a killed training goes on from until it is done.
        source: Code of the language that the teacher reads.
        target: Code of the language to be learnt.
        recipe: How to teach.
        device: `cpu`, `cuda`, …; None takes a GPU if there is one.
        threads: Processors to use; None leaves torch's own choice.
    """

    teacher: str = PLAIN_MODEL
    revision: str | None = None
    pairs: Sequence[Path]
    out: Path
    source: str = "en"
    target: str = "zh"
    recipe: Recipe = field(default_factory=Recipe)
    device: str | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilReport:
    """What a training did.

    Attributes:
        folder: The model, as sentence-transformers saves one.
        extension: What was learnt alone, in that folder.
        words: New tokens.
        texts: Pairs that were learnt from, sentences counted apart from the texts they stand in.
        too_long: Pairs left out because one side is longer than the teacher's window; their sentences are read.
        steps: Batches.
        cosine: Mean of what was learnt and what was taught, over the last batches.
    """

    folder: Path
    extension: Path
    words: int
    texts: int
    too_long: int
    steps: int
    cosine: float


def distil(options: DistilOptions, progress: Progress = lambda stage, done, total: None) -> DistilReport:
    """Teach a model another language.

    May be killed at any moment and started again: it goes on where it was, and the result is the same.

    Raises:
        EncoderError: There is no such teacher.
        DistillationError: It cannot be taught, the pairs cannot be used, or `out` holds something else.
    """
    from embeddings.distillation import teacher
    from embeddings.distillation.training import Trainer
    from embeddings.encoders.backends import sentence_transformer  # seconds that `--help` need not wait for

    if options.threads is not None:
        sentence_transformer.use_threads(options.threads)
    files = model_files.locate(options.teacher, options.revision)
    work = _workplace(options, files)
    read = []
    for pair in pairs.read(options.pairs, options.source, options.target):
        read.append(pair)
        progress("reading", len(read), None)
    taught = None if files.extension is None else Extension.load(files.extension)
    known_words = () if taught is None else taught.words
    words = _kept(work / _WORDS, lambda: vocabulary.learn(read, options.recipe.words, known_words))
    if not words:
        raise DistillationError(f"the teacher {files.name} knows every word of the pairs already")
    model = teacher.load(files, options.device)
    targets = teacher.vectors(model, [pair.source for pair in read], work, progress)
    known = teacher.tokenize(model, [pair.source for pair in read])
    embeddings = teacher.input_embeddings(model)
    ids = sentence_transformer.add_words(model, words)
    new = teacher.tokenize(model, [pair.target for pair in read])
    progress("aligning", 0, None)
    rows = _starting_rows(work / _ROWS, known, new, ids, embeddings)
    window = sentence_transformer.text_window(model)
    fits = (known.lengths <= window) & (new.lengths <= window)
    used = np.flatnonzero(fits & (new.lengths > 0))
    if not len(used):
        raise DistillationError(f"no pair fits the teacher's window of {window} tokens; give sentences")
    trainer = Trainer(model, ids, rows, new.only(used), targets[used], _spellings(words, ids), options.recipe)
    cosine = _train(trainer, work / _STATE, progress)
    progress("saving", 0, None)
    learnt = Extension(words, trainer.rows)
    (learnt if taught is None else taught.joined(learnt)).save(options.out / EXTENSION)
    teacher.assemble(files, options.out / EXTENSION, options.out)
    report = DistilReport(
        folder=options.out,
        extension=options.out / EXTENSION,
        words=len(words),
        texts=len(used),
        too_long=int((~fits).sum()),
        steps=trainer.steps,
        cosine=round(cosine, 4),
    )
    (options.out / "README.md").write_text(card.text(options, report), encoding="utf-8")
    shutil.rmtree(work)
    return report


def _workplace(options: DistilOptions, files: ModelFiles) -> Path:
    """The folder to go on from; refuses that of another training."""
    plan = {
        "teacher": files.fingerprint(0),
        "pairs": [sha256(path) for path in _existing(options.pairs)],
        "languages": [options.source, options.target],
        "recipe": asdict(options.recipe),
    }
    work = options.out / _WORK
    if not work.exists() and options.out.exists() and any(options.out.iterdir()):
        raise DistillationError(f"{options.out} is not empty; choose another folder with --out")
    work.mkdir(parents=True, exist_ok=True)
    if (work / _PLAN).is_file() and json.loads((work / _PLAN).read_text(encoding="utf-8")) != plan:
        raise DistillationError(
            f"{options.out} holds the beginning of another training, with another teacher, pairs or recipe; "
            "delete it or choose another folder with --out"
        )
    write_atomically(work / _PLAN, json.dumps(plan, indent=2).encode())
    return work


def _existing(files: Sequence[Path]) -> Sequence[Path]:
    missing = [str(path) for path in files if not path.is_file()]
    if missing or not files:
        raise DistillationError(
            f"there is no file {', '.join(missing)}" if missing else "give at least one file of pairs"
        )
    return files


def _kept(path: Path, make: Callable[[], Sequence[str]]) -> tuple[str, ...]:
    """Words as they were chosen when the training began."""
    if not path.is_file():
        write_atomically(path, json.dumps(list(make()), ensure_ascii=False).encode())
    return tuple(json.loads(path.read_text(encoding="utf-8")))


def _starting_rows(
    path: Path, known: "Texts", new: "Texts", ids: NDArray[np.int64], embeddings: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Where each new word begins: at a mixture of the teacher's words that it is likely to mean."""
    if not path.is_file():
        position = np.full(int(ids.max()) + 1, -1)
        position[ids] = np.arange(len(ids))
        # The shortest first: they say most about their few words
        order = np.argsort(known.lengths * new.lengths, kind="stable").tolist()
        both = ((known[i], position[new[i]]) for i in order)
        table = alignment.lexicon(((ours, theirs[theirs >= 0]) for ours, theirs in both), len(ids))
        np.save(path.with_suffix(".tmp.npy"), alignment.starting_rows(table, len(ids), embeddings))
        path.with_suffix(".tmp.npy").replace(path)
    rows: NDArray[np.float32] = np.load(path)
    return rows


def _spellings(words: Sequence[str], ids: NDArray[np.int64]) -> dict[int, list[int]]:
    """Each new word's id → those of its letters, where all have one."""
    token = dict(zip(words, ids.tolist(), strict=True))
    return {
        token[word]: [token[letter] for letter in word] for word in words if all(letter in token for letter in word)
    }


def _train(trainer: "Trainer", state: Path, progress: Progress) -> float:
    """Take all steps that are left; returns the mean cosine over the last hundred."""
    if state.is_file():
        trainer.load(state)
    while trainer.done < trainer.steps:
        trainer.step()
        if trainer.done % _SAVED_EVERY == 0 or trainer.done == trainer.steps:
            trainer.save(state)
        progress("teaching", trainer.done, trainer.steps)
    return trainer.recent_cosine
