"""No reader's cost depends on the pieces that a message comes in; for every reader of the package, without a list."""

from __future__ import annotations

import ast
import functools
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scanready
from scanready.wire import Buffer, Cursor, Reader, Steps, Stepwise, WireError, stepwise
from tests.fuzzing.entries import modules
from tests.wire.floods import ARGUMENTS, TINY, Flood, all_floods

PACKAGE = Path(scanready.__file__).parent
PIECES = (1, 7, 65_536)
#: Bytes of a message, where the reader bears as many, and what a reader may examine whatever the size: its first bytes
#: as they come, and what it quotes.
SIZE, CONSTANT = 40_000, 1024
#: Seconds of a measurement. Some readers take 70 microseconds for a message, which a cold cache doubles.
LEAST = 0.002


def _readers() -> dict[str, Stepwise[..., Any]]:
    """Every reader of the package, by the name of the module that defines it and its own."""
    found = {}
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, Stepwise):
                place = value.steps.__module__.removeprefix("scanready.")
                found[f"{place}.{value.steps.__qualname__}"] = value
    return found


READERS, FLOODS = _readers(), all_floods()
CASES = [
    pytest.param(READERS[name], flood, id=f"{name.removeprefix('wire.')}-{what.replace(' ', '-')}")
    for name in sorted(READERS.keys() & FLOODS.keys())
    for what, flood in FLOODS[name].items()
]


class Counting(Buffer):
    """A buffer that counts the bytes that go into it, are copied out of it, and are searched."""

    def __init__(self) -> None:
        super().__init__()
        self.counted = 0

    def feed(self, data: bytes) -> None:
        self.counted += len(data)
        super().feed(data)

    def peek(self, count: int, offset: int = 0) -> bytes | None:
        found = super().peek(count, offset)
        self.counted += len(found or b"")
        return found

    def take(self, count: int) -> bytes:
        self.counted += count
        return super().take(count)

    def everything(self) -> bytes:
        self.counted += len(self)
        return super().everything()

    def find(self, needle: bytes, limit: int, start: int | None = None) -> int | None:
        found = super().find(needle, limit, start)
        end = min(len(self), limit) if found is None else found + len(needle)
        self.counted += max(0, end - (start or 0))
        return found


def called(reader: Stepwise[..., Any]) -> Reader[Any]:
    """Return the reader with the arguments that it needs."""
    place = reader.steps.__module__.removeprefix("scanready.")
    return functools.partial(reader, **ARGUMENTS.get(f"{place}.{reader.steps.__qualname__}", {}))


def fed(reader: Reader[Any], data: bytes, piece: int, buffer: Buffer) -> int:
    """Feed ``data`` in pieces until the reader answers or raises; return how many bytes that took."""
    for at in range(0, len(data), piece):
        buffer.feed(data[at : at + piece])
        try:
            if reader(buffer) is not None:
                return at + piece
        except WireError:
            return at + piece
    return len(data)


def test_every_reader_has_its_flood() -> None:
    assert READERS.keys() == FLOODS.keys() | TINY, "see tests/wire/floods.py"
    assert len(READERS) > 25


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize(("reader", "flood"), CASES)
def test_bytes_are_looked_at_a_few_times_whatever_the_pieces(
    reader: Stepwise[..., Any], flood: Flood, piece: int
) -> None:
    data = flood(SIZE)
    assert fed(called(reader), data, 1 << 30, Buffer()) == len(data)
    assert called(reader)(Buffer(data)) is None, "this is no flood: the message has an end"
    buffer = Counting()
    assert fed(called(reader), data, piece, buffer) == len(data)
    assert buffer.counted <= 4 * len(data) + CONSTANT


@pytest.mark.parametrize("reader", [pytest.param(READERS[name], id=name) for name in sorted(FLOODS) if name in READERS])
def test_the_same_of_floods_that_are_cut_doubled_and_spoiled(reader: Stepwise[..., Any]) -> None:
    draw = random.Random(1)
    place = reader.steps.__module__.removeprefix("scanready.")
    floods = list(FLOODS[f"{place}.{reader.steps.__qualname__}"].values())
    for _ in range(25):
        data = bytearray(draw.choice(floods)(2000))
        for _ in range(draw.randrange(4)):
            at, size = draw.randrange(len(data) or 1), draw.choice((1, 4, 300))
            data[at:at] = data[at : at + size] * draw.randrange(6)
            data[at : at + 1] = draw.randbytes(draw.randrange(3))
        buffer = Counting()
        took = fed(called(reader), bytes(data), draw.choice((1, 3, 7)), buffer)
        assert buffer.counted <= 4 * took + CONSTANT, bytes(data[:80])


@pytest.mark.parametrize(("reader", "flood"), CASES)
def test_twice_the_bytes_cost_twice_the_time(reader: Stepwise[..., Any], flood: Flood) -> None:
    whole = flood(SIZE)
    if len(whole) < 8192:
        return  # the reader bears no more, so there is nothing to grow; the bytes are counted above
    half = whole[: len(whole) // 2]
    times = 1 + int(LEAST / _seconds(reader, half))
    for _ in range(20):  # a busy machine spoils one measurement, and a reader that begins anew all of them
        ratio = _seconds(reader, whole, times) / _seconds(reader, half, times)
        if ratio <= 2.5:
            return
    pytest.fail(f"{ratio:.1f} times")


def _seconds(reader: Stepwise[..., Any], data: bytes, times: int = 1) -> float:
    """The CPU seconds to read ``data`` in pieces of some hundred bytes, so many times."""
    began = time.thread_time()
    for _ in range(times):
        fed(called(reader), data, 257, Buffer())
    return time.thread_time() - began


def test_the_measure_sees_a_reader_that_begins_anew() -> None:
    @stepwise
    def read_anew(cursor: Cursor) -> Steps[bytes]:
        while not cursor.shown(SIZE).endswith(b"\n"):
            yield cursor.ready + 1
        return b""

    buffer = Counting()
    fed(read_anew, b"x" * 5000, 7, buffer)
    assert buffer.counted > 100 * 5000


def test_no_reader_looks_into_the_buffer_itself() -> None:
    """It would begin anew with each piece. So a buffer is handed on to a reader made by ``stepwise``, and no more."""
    sources = {path: path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    offences = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path, source in sorted(sources.items())
        if "Buffer" in source or ".receive(" in source
        if path.parent.name != "wire" or path.name not in ("buffer.py", "reading.py")
        for node in _reads(ast.parse(source))
    ]
    assert not offences


def _reads(module: ast.Module) -> Iterator[ast.expr]:
    """Each use of a method of a parameter that is a buffer, and each reader that is written where it is received."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            buffers = {a.arg for a in node.args.args if a.annotation and "Buffer" in ast.unparse(a.annotation)}
            for inner in ast.walk(node):
                if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id in buffers:
                    yield inner
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "receive":
            yield from (argument for argument in node.args if isinstance(argument, ast.Lambda))
