"""Files that are none, that do not end, or that change: a message, in bounded time."""

from __future__ import annotations

import gc
import io
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.limits import HANG
from scanready.files import json_stream, reading
from scanready.files.json_stream import LARGEST_VALUE, JsonError, JsonStream
from scanready.files.reading import Unreadable, check_regular, open_file, read, read_standard_input

if os.name == "nt":
    pytest.skip("pipes and devices of POSIX", allow_module_level=True)


def wrong(path: Path | str, most: int = 100) -> str:
    with pytest.raises(Unreadable) as caught:
        read(path, most)
    return str(caught.value)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (32, "is held by another program: close it there"),
        (33, "is held by another program: close it there"),
        (123, "is not a file name"),
        (206, "has a name that is too long"),
        (5, "cannot be read: Zugriff verweigert"),
    ],
)
def test_what_windows_says_of_a_file(number: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = PermissionError(13, "Zugriff verweigert")
    error.winerror = number  # type: ignore[attr-defined]  # Windows' attribute

    def refuse(*_: object) -> int:
        raise error

    (tmp_path / "file").write_bytes(b"x")
    monkeypatch.setattr(os, "open", refuse)
    assert wrong(tmp_path / "file") == text


def test_ordinary_files(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)
    (tmp_path / "link").symlink_to(file)
    assert read(file, 100) == read(tmp_path / "link", 100) == b"x" * 100
    assert wrong(file, 99) == "is larger than 0 KiB"
    assert read(os.devnull, 100) == b""
    assert read("/proc/self/status", 1 << 20).startswith(b"Name:")


@pytest.mark.posix("devices among the files")
def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    listening.close()
    opened: list[object] = []
    monkeypatch.setattr(os, "open", lambda *what, **_: opened.append(what))
    assert wrong(tmp_path) == "is a directory: name a file"
    assert wrong("/dev/zero") == wrong("/dev/tty") == "is a device: name a file"
    assert wrong(tmp_path / "socket") == "is a socket: name a file"
    assert opened == [], "opening a device may have effects"
    assert wrong(tmp_path / "none") == "cannot be read: No such file or directory"
    assert wrong("a\0b") == "is not a file name"


@pytest.mark.posix("pipes among the files")
def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for use in (read, lambda path, most: open_file(path, most).read()):
        writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(b"y" * 200_000))
        writer.start()
        assert use(tmp_path / "pipe", 1 << 20) == b"y" * 200_000
        writer.join(HANG)


@pytest.mark.posix("pipes among the files")
@pytest.mark.parametrize("use", [read, open_file])
def test_a_pipe_is_opened_once(
    use: Callable[[Path, int], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer is killed when its reader goes, so the one that looks is the one that reads."""
    os.mkfifo(tmp_path / "pipe")
    held = os.open(tmp_path / "pipe", os.O_RDWR)
    os.write(held, b"all of it")
    opened: list[object] = []
    real = os.open

    def counted(path: Path, flags: int, *rest: int) -> int:
        descriptor = real(path, flags, *rest)
        if path == tmp_path / "pipe":
            opened.append(path)
            os.close(held)  # the last writer goes: the pipe has its end, and loses its content with its only reader
        return descriptor

    monkeypatch.setattr(os, "open", counted)
    use(tmp_path / "pipe", 1 << 20)
    assert len(opened) == 1


@pytest.mark.posix("pipes among the files")
def test_a_pipe_without_a_writer_or_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(reading, "SILENCE", 0.1)
    assert "that no program writes to" in wrong(tmp_path / "pipe")
    held = os.open(tmp_path / "pipe", os.O_RDWR)
    assert "that no program writes to" in wrong(tmp_path / "pipe")
    os.write(held, b"beginning")
    assert "without an end" in wrong(tmp_path / "pipe")
    os.write(held, b"x" * 200)
    assert wrong(tmp_path / "pipe").startswith("is larger than")
    os.close(held)
    with pytest.raises(Unreadable, match="can be read only once: name a file"):
        check_regular(tmp_path / "pipe", 100)


@pytest.mark.posix("pipes among the files")
def test_a_trickle_ends_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    now, held = [0.0], os.open(tmp_path / "pipe", os.O_RDWR)

    def drop(*_: object) -> None:
        now[0] += 9
        os.write(held, b"x")

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(reading, "_poll", drop)
    assert "without an end (waited 6" in wrong(tmp_path / "pipe")
    os.close(held)


@pytest.mark.posix("descriptors among the files")
def test_descriptors_are_read(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"content")
    os.close(writer)
    assert read(f"/dev/fd/{reader}", 100) == b"content"
    os.close(reader)
    assert wrong(f"/dev/fd/{reader}") == "cannot be read: Bad file descriptor"


def fed_slowly(*pieces: bytes) -> int:
    """Return a descriptor that does not block, as another program leaves the one that it shares with us."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)

    def feed() -> None:
        for piece in pieces:
            time.sleep(0.1)
            os.write(writer, piece)
        os.close(writer)

    threading.Thread(target=feed).start()
    return reader


def test_a_descriptor_that_does_not_block_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = fed_slowly(b"half, ", b"and half")
    assert read(f"/dev/fd/{reader}", 100) == b"half, and half"
    os.close(reader)
    with open(fed_slowly(b"half, ", b"and half")) as given:
        monkeypatch.setattr(sys, "stdin", given)
        assert read_standard_input(100) == b"half, and half"


@pytest.mark.filterwarnings("error")
def test_a_descriptor_is_not_left_open() -> None:
    reader = fed_slowly(b"x")
    assert read(f"/dev/fd/{reader}", 100) == b"x"
    os.close(reader)
    gc.collect()


@pytest.mark.parametrize("way", [read, open_file, check_regular])
def test_what_looks_like_a_file_and_does_not_end_is_not_waited_for(
    way: Callable[[Path, int], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Log(io.FileIO):
        """Has nothing yet, as ``/proc/kmsg`` that is opened without waiting."""

        def read(self, size: int | None = -1, /) -> bytes:
            return None  # type: ignore[return-value]  # so does FileIO then

    (tmp_path / "log").touch()
    monkeypatch.setattr(io, "FileIO", Log)
    with pytest.raises(Unreadable, match="does not end"):
        way(tmp_path / "log", 100)


def test_a_file_that_changes_is_read_again_and_then_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, real, left = tmp_path / "file", reading._all_of, [1]

    def changing(opened: Any, most: int) -> bytes:
        content = real(opened, most)
        left[0] -= 1
        if left[0] >= 0:
            file.write_bytes(content + b"more")
        return content

    monkeypatch.setattr(reading, "_all_of", changing)
    file.write_bytes(b"old")
    assert read(file, 100) == b"oldmore"
    left[0] = 100
    assert wrong(file) == "changes while it is read: try again when it is complete"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class Drops(io.BytesIO):
    """Gives one byte at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1, size) if size else size)


def walked(stream: JsonStream) -> Any:
    if stream.peek() == "{":
        return {key: walked(stream) for key in stream.members()}
    if stream.peek() == "[":
        return [walked(stream) for _ in stream.items()]
    return stream.value()


@given(JSON, st.booleans(), st.sampled_from([None, 1]), st.integers(0, 200))
def test_json_in_pieces_is_what_json_is(value: Any, ascii_: bool, indent: int | None, cut: int) -> None:
    text = json.dumps(value, ensure_ascii=ascii_, indent=indent).encode("utf-8", "surrogatepass")
    before, json_stream._BLOCK = json_stream._BLOCK, 1
    try:
        for read_it in (walked, JsonStream.value):
            for part in (text, text[:cut]):
                stream = JsonStream(Drops(part), 1 << 20)
                try:
                    found = read_it(stream), stream.peek()
                except (JsonError, UnicodeDecodeError):
                    with pytest.raises(ValueError):  # noqa: PT011  # of many kinds
                        json.loads(part)
                else:
                    if not found[1]:
                        assert found[0] == json.loads(part)
    finally:
        json_stream._BLOCK = before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "line 1: it ends too early"),
        (b'{"a":\n\n 1,}', "line 3: a key in quotes is missing"),
        (b"[1 2]", "line 1: `,` is missing"),
        (b"[" + b"9" * 100_000 + b"]", "a number that is too long"),
        (b"[" + b"[" * 200_000, "nested too deep"),
        (b'["' + b"x" * (LARGEST_VALUE + 10) + b'"]', "a value larger than 1 MiB"),
        (b"[" + (b'"' + b"x" * 997 + b'",') * 12_000 + b"1]", "larger than 8 MiB"),
    ],
)
def test_json_that_is_refused(text: bytes, words: str) -> None:
    stream = JsonStream(io.BytesIO(text), 8 << 20)
    with pytest.raises(JsonError, match=words):
        stream.value() if text.startswith(b"[[") else walked(stream)
