"""What a user names is what is read, under the name they know it by."""

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import zstandard

from embeddings.errors import CorpusError, MissingExtra, UnknownFormat
from embeddings.papers import Record, Reject, RejectReason
from embeddings.readers import Format, read
from embeddings.readers.remote import public_name

ROW = json.dumps({"abstract": "An abstract."}) + "\n"


def names(*sources: str) -> list[str]:
    return [item.source.file for item in read(sources)]


def write(path: Path, content: str | bytes = ROW) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_file_goes_by_its_name(tmp_path: Path) -> None:
    assert names(str(write(tmp_path / "deep" / "a.jsonl"))) == ["a.jsonl"]


def test_a_folder_is_read_whole_in_order_and_names_begin_with_the_folders(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.jsonl", "a.jsonl"):
        write(tmp_path / "corpus" / name)
    assert names(f"{tmp_path}/corpus/") == ["corpus/a.jsonl", "corpus/a/z.jsonl", "corpus/b.jsonl"]


def test_the_current_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "corpus" / "a.jsonl")
    monkeypatch.chdir(tmp_path / "corpus")
    assert names(".") == ["corpus/a.jsonl"]


def test_a_folder_leaves_out_what_is_hidden_or_describes_it(tmp_path: Path) -> None:
    for name in ("a.jsonl", ".hidden.jsonl", ".git/b.jsonl", "README.txt", "LICENSE", "notes.md"):
        write(tmp_path / "corpus" / name)
    assert names(str(tmp_path / "corpus")) == ["corpus/a.jsonl"]


def test_linked_folders_are_read_and_rings_of_links_end(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "a.jsonl")
    write(tmp_path / "corpus" / "b.jsonl")
    (tmp_path / "corpus" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "ring").symlink_to(tmp_path / "corpus")
    assert names(str(tmp_path / "corpus")) == ["corpus/b.jsonl", "corpus/link/a.jsonl"]


def test_a_file_of_a_folder_in_no_known_format_is_named(tmp_path: Path) -> None:
    write(tmp_path / "corpus" / "a.jsonl")
    write(tmp_path / "corpus" / "figure.png", b"\x89PNG\r\n")
    with pytest.raises(UnknownFormat, match=r"corpus/figure\.png .*--format .*seeds.*ris"):
        read([str(tmp_path / "corpus")])


def test_a_pattern_the_shell_left_alone_is_expanded(tmp_path: Path) -> None:
    for name in ("2.jsonl", "1.jsonl", "3.csv"):
        write(tmp_path / name)
    assert names(f"{tmp_path}/*.jsonl") == ["1.jsonl", "2.jsonl"]
    assert names(f"{tmp_path}/**/*.jsonl") == ["1.jsonl", "2.jsonl"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    assert names(str(write(tmp_path / "a[1].jsonl"))) == ["a[1].jsonl"]


@pytest.mark.parametrize("source", ["missing.jsonl", "*.missing", "empty"])
def test_a_source_that_stands_for_nothing_is_refused_with_advice(tmp_path: Path, source: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"check the path|check the pattern|put the corpus there"):
        read([str(tmp_path / source)])


def test_no_source_at_all_is_refused() -> None:
    with pytest.raises(CorpusError, match="nothing to read"):
        read([])


def test_a_file_name_that_is_not_text_becomes_storable(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.jsonl"
    with open(path, "wb") as file:
        file.write(ROW.encode())
    assert names(os.fsdecode(path)) == ["\N{REPLACEMENT CHARACTER}.jsonl"]


@pytest.mark.parametrize("content", [ROW.encode(), gzip.compress(ROW.encode()), zstandard.compress(ROW.encode())])
def test_compression_is_told_by_content_whatever_the_name(tmp_path: Path, content: bytes) -> None:
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst"):
        (record,) = read([str(write(tmp_path / name, content))])
        assert isinstance(record, Record)
        assert record.abstract == "An abstract."


def test_compressed_parts_one_after_the_other_are_one_stream(tmp_path: Path) -> None:
    for name, content in (("a", gzip.compress(ROW.encode())), ("b", zstandard.compress(ROW.encode()))):
        assert len(list(read([str(write(tmp_path / name, content * 3))]))) == 3
    padded = write(tmp_path / "c", gzip.compress(ROW.encode()) + b"\0" * 512)
    assert len(list(read([str(padded)]))) == 1


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_truncated_file_gives_what_is_sound_then_one_reject(tmp_path: Path, compress: object) -> None:
    assert callable(compress)
    rows = "".join(json.dumps({"abstract": f"{i} {os.urandom(40).hex()}"}) + "\n" for i in range(20_000))
    content = compress(rows.encode())
    *sound, last = read([str(write(tmp_path / "a.jsonl.gz", content[: len(content) // 2]))])
    assert len(sound) > 5_000
    assert all(isinstance(item, Record) for item in sound)
    assert isinstance(last, Reject)
    assert last.reason is RejectReason.BROKEN
    assert last.source.line == len(sound) + 1
    assert "end too early" in last.detail


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_damage_at_the_very_start_is_one_reject(tmp_path: Path, compress: object) -> None:
    assert callable(compress)
    (item,) = read([str(write(tmp_path / "a.jsonl.gz", compress(ROW.encode())[:9]))])
    assert isinstance(item, Reject)


def test_bytes_behind_a_gzip_stream_are_reported(tmp_path: Path) -> None:
    _, last = read([str(write(tmp_path / "a.jsonl.gz", gzip.compress(ROW.encode()) + b"garbage"))])
    assert isinstance(last, Reject)
    assert "damaged" in last.detail


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    for content in (b"\xef\xbb\xbf" + ROW.encode(), gzip.compress(b"\xef\xbb\xbf" + ROW.encode())):
        (record,) = read([str(write(tmp_path / "a.jsonl", content))])
        assert isinstance(record, Record)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_standard_input_is_read_through_a_real_pipe(compress: object) -> None:
    assert callable(compress)
    program = "from embeddings.readers import read\nfor item in read(['-']): print(item.source, item.abstract)"
    done = subprocess.run(
        [sys.executable, "-c", program], input=compress(ROW.encode() * 2), capture_output=True, check=True
    )
    assert done.stdout.decode().splitlines() == ["<stdin>:1 An abstract.", "<stdin>:2 An abstract."]


def test_standard_input_in_no_known_format_asks_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Just some words.\n")))
    with pytest.raises(UnknownFormat, match=r"<stdin>.*--format"):
        list(read(["-"]))


def test_standard_input_with_a_format_needs_no_recognition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Just some words.\n")))
    (record,) = read(["-"], format=Format.SEEDS)
    assert isinstance(record, Record)
    assert record.abstract == "Just some words."


def test_standard_input_twice_is_refused() -> None:
    with pytest.raises(CorpusError, match="once"):
        read(["-", "-"])


def test_a_named_pipe_is_read_once_and_whole(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(ROW * 3,))
    writer.start()
    assert len(list(read([str(pipe)]))) == 3
    writer.join()


def test_remote_files_folders_and_patterns_are_read(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b/c.jsonl.gz", ".hidden.jsonl", "README.md"):
        write(tmp_path / "corpus" / name, gzip.compress(ROW.encode()) if name.endswith("gz") else ROW)
    url = (tmp_path / "corpus").as_uri()
    assert names(f"{url}/a.jsonl") == [f"{url}/a.jsonl"]
    assert names(url) == [f"{url}/a.jsonl", f"{url}/b/c.jsonl.gz"]
    assert names(f"{url}/*.jsonl") == [f"{url}/a.jsonl"]


def test_a_remote_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="does not exist"):
        list(read([(tmp_path / "missing.jsonl").as_uri()]))
    with pytest.raises(CorpusError, match="nothing to read"):
        list(read([f"{tmp_path.as_uri()}/*.jsonl"]))


def test_a_web_address_is_read_and_its_secrets_are_not_told(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="fsspec reads https:// with aiohttp")
    write(tmp_path / "a.jsonl.gz", gzip.compress(ROW.encode() * 5))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"127.0.0.1:{server.server_port}"
        items = list(read([f"http://{address}/a.jsonl.gz?signature=secret"]))
        assert [str(item.source) for item in items] == [f"http://{address}/a.jsonl.gz:{i}" for i in range(1, 6)]
        with pytest.raises(CorpusError) as refused:
            list(read([f"http://user:secret@{address}/missing.jsonl?signature=secret"]))
        assert "missing.jsonl" in str(refused.value)
        assert "secret" not in str(refused.value)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("package", "name", "content", "extra"),
    [
        ("pyarrow", "a.parquet", b"PAR1", "parquet"),
        ("bibtexparser", "a.bib", b"@misc{a, abstract={A.}}", "bibliography"),
        ("rispy", "a.ris", b"TY  - JOUR\nER  - \n", "bibliography"),
        ("fsspec", "memory://a.jsonl", None, "remote"),
    ],
)
def test_a_missing_package_is_named_with_its_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str, content: bytes | None, extra: str
) -> None:
    source = name if content is None else str(write(tmp_path / name, content))
    for module in [module for module in sys.modules if module.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)  # makes its import fail
    with pytest.raises(MissingExtra, match=rf"pip install 'related-papers\[{extra}\]'"):
        list(read([source]))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_the_public_name_of_a_url_holds_no_credentials() -> None:
    assert public_name("https://user:word@host:8/a/b.csv?sig=1#x") == "https://host:8/a/b.csv"
    assert public_name("s3://bucket/key.jsonl") == "s3://bucket/key.jsonl"
