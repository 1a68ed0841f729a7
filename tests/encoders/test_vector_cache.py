"""A vector once computed is never computed again, and never half there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.encoders.encoder import Encoder
from embeddings.encoders.encoder_info import Encoded
from embeddings.encoders.vector_cache import VectorCache, text_key


def rows(count: int, first: int = 0) -> tuple[list[bytes], Encoded]:
    keys = [text_key(None, f"abstract {first + i}") for i in range(count)]
    vectors = np.arange(first * 4, (first + count) * 4, dtype=np.float32).reshape(count, 4)
    return keys, Encoded(vectors, np.arange(count), np.arange(count) + 1)


def test_what_was_put_is_there_after_reopening(tmp_path: Path) -> None:
    keys, encoded = rows(5)
    cache = VectorCache(tmp_path, "model")
    cache.put(keys, encoded)
    cache.close()
    again = VectorCache(tmp_path, "model")
    found = again.get(keys[::-1])
    np.testing.assert_array_equal(found.embeddings, encoded.embeddings[::-1])
    np.testing.assert_array_equal(found.tokens_seen, encoded.tokens_seen[::-1])
    np.testing.assert_array_equal(found.tokens_total, encoded.tokens_total[::-1])
    again.close()


def test_more_keys_than_one_statement_takes_are_read_in_their_order(tmp_path: Path) -> None:
    keys, encoded = rows(1_203)
    cache = VectorCache(tmp_path, "model")
    cache.put(keys[1:], Encoded(encoded.embeddings[1:], encoded.tokens_seen[1:], encoded.tokens_total[1:]))
    assert np.flatnonzero(cache.missing(keys)).tolist() == [0]
    wanted = [*keys[:0:-1], keys[7]]
    np.testing.assert_array_equal(cache.get(wanted).embeddings, encoded.embeddings[[*range(1_202, 0, -1), 7]])
    cache.close()


def test_a_vector_that_is_there_stays(tmp_path: Path) -> None:
    keys, encoded = rows(3)
    cache = VectorCache(tmp_path, "model")
    cache.put(keys, encoded)
    cache.put(keys, Encoded(encoded.embeddings + 1, encoded.tokens_seen, encoded.tokens_total))
    np.testing.assert_array_equal(cache.get(keys).embeddings, encoded.embeddings)
    cache.close()


def test_another_encoder_has_its_own_vectors(tmp_path: Path, encoder: Encoder) -> None:
    keys, encoded = rows(1)
    cache = VectorCache(tmp_path, "model")
    cache.put(keys, encoded)
    cache.remember(encoder.info)
    assert cache.info == encoder.info
    cache.close()
    other = VectorCache(tmp_path, "another")
    assert other.missing(keys).tolist() == [True] and other.info is None
    with pytest.raises(KeyError):
        other.get(keys)
    other.close()


@given(st.none() | st.text(), st.text())
def test_title_and_abstract_both_name_the_text(title: str | None, abstract: str) -> None:
    assert text_key(title, abstract) == text_key(title, abstract)
    assert text_key(title, abstract) != text_key(title, abstract + "x") != text_key((title or "") + "x", abstract)


def test_a_writer_killed_at_any_moment_leaves_whole_batches_only(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.encoders.test_vector_cache import rows\n"
        "from embeddings.encoders.vector_cache import VectorCache\n"
        "cache = VectorCache(Path(sys.argv[1]), 'model')\n"
        "for first in range(0, 1_000_000, 10):\n"
        "    cache.put(*rows(10, first)); print(first, flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    confirmed = [int(writer.stdout.readline()) for _ in range(20)]
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    cache = VectorCache(tmp_path, "model")
    present = [int((~cache.missing(rows(10, first)[0])).sum()) for first in range(0, 2_000, 10)]
    assert set(present) <= {0, 10}
    assert present[: len(confirmed)] == [10] * len(confirmed)
    cache.close()
