"""Extends a model to another language by distillation: reads translation pairs, trains and saves the model."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embeddings.build.build_lock import Progress
from embeddings.distillation import alignment, model_card, pairs, vocabulary
from embeddings.distillation.recipe import Recipe
from embeddings.distillation.tokenized_texts import TokenizedTexts
from embeddings.encoders import model_files
from embeddings.encoders.encoder_info import PLAIN_MODEL
from embeddings.encoders.model_files import EXTENSION, ModelFiles
from embeddings.encoders.vocabulary_extension import Extension
from embeddings.errors import DistillationError
from embeddings.files import sha256, write_atomically

if TYPE_CHECKING:
    from embeddings.distillation.training import Trainer

_SCRATCH = ".distillation"
_PLAN, _WORDS, _ROWS, _STATE = "plan.json", "words.json", "rows.npy", "training.pt"
_CHECKPOINT_STEPS = 200  # one or two minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilOptions:
    """Options of a distillation.

    Attributes:
        teacher: See `models.locate`.
        revision: See `models.locate`.
        pairs: Files of translation pairs, see `pairs.read`.
        out: Folder for the model; holds the scratch folder until the training is complete.
        source: Code of the teacher's language.
        target: Code of the new language.
        recipe: Hyperparameters.
        device: `cpu`, `cuda`, …; None selects a GPU if there is one.
        threads: Number of threads; None leaves torch's default.
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
    """Result of a distillation.

    Attributes:
        folder: The student, in the format of sentence-transformers.
        extension: The trained part alone, in that folder.
        new_tokens: Number of new tokens.
        texts: Number of training pairs; the sentences of a text count as pairs too.
        too_long: Number of pairs left out because one side exceeds the teacher's window; their sentences are used.
        steps: Number of training steps.
        cosine: Mean cosine of student and teacher, over the last batches.
    """

    folder: Path
    extension: Path
    new_tokens: int
    texts: int
    too_long: int
    steps: int
    cosine: float


def distil(options: DistilOptions, progress: Progress = lambda stage, done, total: None) -> DistilReport:
    """Extend a model to another language.

    An interrupted distillation can be run again: it resumes, and gives the same result.

    Raises:
        EncoderError: The teacher cannot be found or loaded.
        DistillationError: The teacher cannot be extended, the pairs cannot be used, or `out` holds other files.
    """
    from embeddings.distillation import teacher
    from embeddings.encoders.backends import sentence_transformer  # importing torch takes seconds

    if options.threads is not None:
        sentence_transformer.use_threads(options.threads)
    files = model_files.locate(options.teacher, options.revision)
    scratch = _prepare_scratch(options, files)
    read = _read_pairs(options, progress)
    previous = None if files.extension is None else Extension.load(files.extension)
    known_words = () if previous is None else previous.words
    words = _load_or_compute(scratch / _WORDS, lambda: vocabulary.learn(read, options.recipe.new_tokens, known_words))
    if not words:
        raise DistillationError(f"the teacher {files.name} has tokens for all words of the pairs already")
    trainer, too_long = _trainer(options, files, scratch, read, words, progress)
    cosine = _train(trainer, scratch / _STATE, progress)
    progress("saving", 0, None)
    learnt = Extension(words, trainer.rows)
    (learnt if previous is None else previous.joined(learnt)).save(options.out / EXTENSION)
    teacher.save_student(files, options.out / EXTENSION, options.out)
    report = DistilReport(
        folder=options.out,
        extension=options.out / EXTENSION,
        new_tokens=len(words),
        texts=trainer.texts,
        too_long=too_long,
        steps=trainer.steps,
        cosine=round(cosine, 4),
    )
    (options.out / "README.md").write_text(model_card.render(options, report), encoding="utf-8")
    shutil.rmtree(scratch)
    return report


def _read_pairs(options: DistilOptions, progress: Progress) -> list[pairs.Pair]:
    read = []
    for pair in pairs.read(options.pairs, options.source, options.target):
        read.append(pair)
        progress("reading", len(read), None)
    return read


def _trainer(
    options: DistilOptions,
    files: ModelFiles,
    scratch: Path,
    read: Sequence[pairs.Pair],
    words: Sequence[str],
    progress: Progress,
) -> tuple["Trainer", int]:
    """Embed the teacher's side, extend the vocabulary and initialise its rows.

    Returns:
        A trainer before its first step, and the number of pairs that exceed the teacher's window.
    """
    from embeddings.distillation import teacher
    from embeddings.distillation.training import Trainer
    from embeddings.encoders.backends import sentence_transformer

    model = teacher.load(files, options.device)
    targets = teacher.embed(model, [pair.source for pair in read], scratch, progress)
    source_tokens = teacher.tokenize(model, [pair.source for pair in read])
    embeddings = teacher.input_embeddings(model)
    ids = sentence_transformer.add_words(model, words)
    target_tokens = teacher.tokenize(model, [pair.target for pair in read])
    progress("aligning", 0, None)
    rows = _initial_embeddings(scratch / _ROWS, source_tokens, target_tokens, ids, embeddings)
    window = sentence_transformer.text_window(model)
    fits = (source_tokens.lengths <= window) & (target_tokens.lengths <= window)
    used = np.flatnonzero(fits & (target_tokens.lengths > 0))
    if not len(used):
        raise DistillationError(f"every pair exceeds the teacher's window of {window} tokens; use single sentences")
    trainer = Trainer(
        model, ids, rows, target_tokens.select(used), targets[used], _spellings(words, ids), options.recipe
    )
    return trainer, int((~fits).sum())


def _prepare_scratch(options: DistilOptions, files: ModelFiles) -> Path:
    """Create the scratch folder, or reopen that of the same distillation.

    Raises:
        DistillationError: The folder holds other files, or the scratch folder of another distillation.
    """
    plan = {
        "teacher": files.fingerprint(0),
        "pairs": [sha256(path) for path in _existing(options.pairs)],
        "languages": [options.source, options.target],
        "recipe": asdict(options.recipe),
    }
    scratch = options.out / _SCRATCH
    if not scratch.exists() and options.out.exists() and any(options.out.iterdir()):
        raise DistillationError(f"{options.out} is not empty; choose another folder with --out")
    scratch.mkdir(parents=True, exist_ok=True)
    if (scratch / _PLAN).is_file() and json.loads((scratch / _PLAN).read_text(encoding="utf-8")) != plan:
        raise DistillationError(
            f"{options.out} holds an unfinished distillation with another teacher, pairs or recipe; "
            "delete it or choose another folder with --out"
        )
    write_atomically(scratch / _PLAN, json.dumps(plan, indent=2).encode())
    return scratch


def _existing(files: Sequence[Path]) -> Sequence[Path]:
    """Check that there is at least one file and that all exist."""
    missing = [str(path) for path in files if not path.is_file()]
    if missing or not files:
        raise DistillationError(
            f"there is no file {', '.join(missing)}" if missing else "give at least one file of pairs"
        )
    return files


def _load_or_compute(path: Path, compute: Callable[[], Sequence[str]]) -> tuple[str, ...]:
    """Read the new tokens from the scratch folder; compute and save them in the first run."""
    if not path.is_file():
        write_atomically(path, json.dumps(list(compute()), ensure_ascii=False).encode())
    return tuple(json.loads(path.read_text(encoding="utf-8")))


def _initial_embeddings(
    path: Path,
    source_tokens: TokenizedTexts,
    target_tokens: TokenizedTexts,
    ids: NDArray[np.int64],
    embeddings: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Initial input embeddings of the new tokens from their alignment, shape (new, width); saved in the first run."""
    if not path.is_file():
        position = np.full(int(ids.max()) + 1, -1)
        position[ids] = np.arange(len(ids))
        # Shortest first: the number of links is limited, and short pairs are the least ambiguous
        order = np.argsort(source_tokens.lengths * target_tokens.lengths, kind="stable").tolist()
        aligned = ((source_tokens[i], position[target_tokens[i]]) for i in order)
        table = alignment.translation_probabilities(((old, new[new >= 0]) for old, new in aligned), len(ids))
        np.save(path.with_suffix(".tmp.npy"), alignment.initial_embeddings(table, len(ids), embeddings))
        path.with_suffix(".tmp.npy").replace(path)
    rows: NDArray[np.float32] = np.load(path)
    return rows


def _spellings(words: Sequence[str], ids: NDArray[np.int64]) -> dict[int, list[int]]:
    """Id of each new token → ids of its characters, for tokens whose characters all have one."""
    token = dict(zip(words, ids.tolist(), strict=True))
    return {
        token[word]: [token[letter] for letter in word] for word in words if all(letter in token for letter in word)
    }


def _train(trainer: "Trainer", state: Path, progress: Progress) -> float:
    """Run the remaining steps; returns the mean cosine over the last 100."""
    if state.is_file():
        trainer.load(state)
    while trainer.done < trainer.steps:
        trainer.step()
        if trainer.done % _CHECKPOINT_STEPS == 0 or trainer.done == trainer.steps:
            trainer.save(state)
        progress("training", trainer.done, trainer.steps)
    return trainer.recent_cosine
