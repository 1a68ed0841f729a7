"""Every executor returns the same bytes in the same order, and draws tasks only as results are taken."""

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from embeddings.build import plan
from embeddings.build.executors import Executor, LocalExecutor, ProcessExecutor
from embeddings.build.job import build
from embeddings.build.plan import EmbedResult, EmbedTask
from embeddings.encoders import model_files
from embeddings.encoders.backends.base import Backend, Computation, Precision
from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import PLAIN_MODEL
from embeddings.encoders.reference import EncoderReference
from embeddings.errors import BuildError, EncoderError
from embeddings.snapshots.folder import ENCODERS
from tests.build.test_job import content, options, write_corpus

# An executor is added here, and passes all tests below
EXECUTORS: dict[str, Callable[[], Executor]] = {
    "local": LocalExecutor,
    "processes": lambda: ProcessExecutor(2),
}


@pytest.fixture(scope="module", params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made = EXECUTORS[request.param]()
    yield made
    made.close()


@pytest.fixture(scope="module")
def reference(snapshots: Path, encoder: Encoder) -> EncoderReference:
    return EncoderReference(
        files=model_files.locate(encoder.info.name),
        fingerprint=encoder.info.fingerprint,
        computation=Computation(encoder.runtime.computation.backend, Precision.F32),
        compiled=(snapshots / ENCODERS).absolute(),
        device=None,
        max_tokens=0,
        batch_tokens=None,
        threads=2,
    )


def tasks(reference: EncoderReference, count: int = 7) -> list[EmbedTask]:
    """Of different sizes, so that they take different times."""
    return [
        EmbedTask(
            i,
            tuple(f"We study {'graph networks ' * (j % 9 + 1)}in setting {i}." for j in range(1 + 40 // (i + 1))),
            reference,
        )
        for i in range(count)
    ]


def same(one: EmbedResult, other: EmbedResult) -> bool:
    return one.number == other.number and all(
        np.array_equal(getattr(one.encoded, name), getattr(other.encoded, name))
        for name in ("embeddings", "tokens_seen", "tokens_total")
    )


def test_results_come_in_the_order_of_the_tasks_with_the_bytes_of_each_task_alone(
    executor: Executor, reference: EncoderReference
) -> None:
    wanted = tasks(reference)
    found = list(executor.run(iter(wanted)))
    alone = [plan.run(task) for task in reversed(wanted)][::-1]
    assert [result.number for result in found] == list(range(len(wanted)))
    assert all(same(one, other) for one, other in zip(found, alone, strict=True))
    assert all(result.encoded.embeddings.dtype == np.float32 for result in found)


def test_tasks_are_drawn_only_as_results_are_taken(executor: Executor, reference: EncoderReference) -> None:
    drawn = 0

    def source() -> Iterator[EmbedTask]:
        nonlocal drawn
        for task in tasks(reference, 12):
            drawn += 1
            yield task

    results = executor.run(source())
    assert drawn == 0
    for taken, _ in enumerate(results, 1):
        assert taken <= drawn <= taken + executor.in_flight - 1
    assert drawn == 12


def test_a_task_that_fails_raises_its_error_after_the_results_before_it(
    executor: Executor, reference: EncoderReference
) -> None:
    wanted = tasks(reference, 3)
    wanted[1] = EmbedTask(1, ("fine", "   "), reference)
    results = executor.run(iter(wanted))
    assert next(results).number == 0
    with pytest.raises(EncoderError, match="has nothing to read"):
        list(results)
    assert [result.number for result in executor.run(tasks(reference, 2))] == [0, 1]


def test_an_executor_can_be_used_again_after_it_was_closed(executor: Executor, reference: EncoderReference) -> None:
    before = list(executor.run(tasks(reference, 1)))
    executor.close()
    executor.close()
    assert same(before[0], next(executor.run(tasks(reference, 1))))


def test_another_model_than_planned_is_refused(executor: Executor, reference: EncoderReference) -> None:
    files = model_files.locate(PLAIN_MODEL)
    other = EncoderReference(
        files=files,
        fingerprint=reference.fingerprint,
        computation=Computation(Backend.TORCH, Precision.F32),
        compiled=reference.compiled,
        device="cpu",
        max_tokens=0,
        batch_tokens=None,
        threads=1,
    )
    with pytest.raises(
        EncoderError, match=rf"fingerprint {files.fingerprint(0)}.*planned with {reference.fingerprint}"
    ):
        list(executor.run([EmbedTask(0, ("a text",), other)]))


def test_a_build_has_the_same_bytes_wherever_its_texts_are_embedded(executor: Executor, tmp_path: Path) -> None:
    path = write_corpus(tmp_path / "corpus.jsonl", 90)
    lines = path.read_text().split("\n")
    # Titles that occur in several chunks, of which some are in flight at the same time
    repeated = [json.dumps({"abstract": f"Another {i}.", "title": f"Title {i % 5}"}) for i in range(60)]
    path.write_text("\n".join([*lines, *repeated]))
    asked = {"precision": Precision.F32, "publish": False}
    found = build([str(path)], options(tmp_path / "found", **asked), executor=executor)
    expected = build([str(path)], options(tmp_path / "expected", **asked))
    assert found.embedded == expected.embedded == 150
    assert found.manifest.snapshot == expected.manifest.snapshot and content(found) == content(expected)


class EndsItsProcess(EncoderReference):
    """An encoder that ends the process which loads it, as the system does when memory runs out."""

    __slots__ = ()

    def load(self) -> Encoder:
        os._exit(1)


def test_a_process_that_ends_is_one_clear_error_and_the_executor_can_be_used_again(reference: EncoderReference) -> None:
    values = {field.name: getattr(reference, field.name) for field in dataclasses.fields(reference)}
    executor = ProcessExecutor(1)
    with pytest.raises(BuildError, match=r"ended unexpectedly.*start the build again"):
        list(executor.run([EmbedTask(0, ("a text",), EndsItsProcess(**values))]))
    assert next(executor.run(tasks(reference, 1))).number == 0
    executor.close()


@pytest.mark.parametrize("name", EXECUTORS)
def test_without_a_task_no_model_is_loaded_and_no_process_started(name: str) -> None:
    script = (
        "import multiprocessing, sys; from tests.build.test_executors import EXECUTORS\n"
        f"executor = EXECUTORS[{name!r}]()\n"
        "before = {'torch', 'openvino'} & set(sys.modules)\n"
        "assert list(executor.run([])) == []\n"
        "executor.close()\n"
        "print(before == {'torch', 'openvino'} & set(sys.modules), multiprocessing.active_children())\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split("\n")[0] == "True []"


def test_a_task_is_a_value_that_can_be_pickled(reference: EncoderReference) -> None:
    task = tasks(reference)[0]
    again = pickle.loads(pickle.dumps(task))
    assert again == task and hash(again.encoder) == hash(task.encoder)
