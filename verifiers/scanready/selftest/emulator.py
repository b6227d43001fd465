"""Read an emulator's file: what it says first, and its answer to each request.

``targets/X/emulated/TYPE.toml`` has these keys:

* ``what``: the emulated server and where its bytes are from.
* ``verdict``, ``cause``: what a check must find. ``closed`` is the cause where the port refuses connections.
* ``options``: the options of the target. ``tls``: the connection begins with TLS.
* ``greeting``: what it sends first. An item is the name of a file with hexadecimal text, in the same folder, or
  ``{text = "..."}``.
* ``answer``: a list; the first that fits is sent. ``to`` is a regular expression that the bytes of a request match
  from the first byte on, ``.`` for any byte; ``in_tls`` restricts it to one side of TLS. ``send`` is sent. Then
  ``begin_tls`` begins TLS, and ``close`` closes the connection. ``fill`` replaces bytes of the answer:
  ``{at = 4, group = 1}`` with the bytes that a group of the expression matched, ``{at = "c1", group = 1}`` does so
  where that text is, ``{at = 3, text = "A"}`` with a text, ``{at = 164, port = true}`` with the number of a second
  port, on which the emulator then listens as well (16 bits, big-endian), and ``{at = 108}`` with the time as Windows
  counts it.
"""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from scanready.catalogue import TargetType

FOLDER = "emulated"
#: Windows counts 100 ns from 1601; Unix counts seconds from 1970.
_TICKS, _1601 = 10_000_000, 11_644_473_600


@dataclass(frozen=True, slots=True)
class Fill:
    """Replace bytes of an answer, at an offset or at each place of a text."""

    at: int | bytes
    group: int = 0
    text: bytes = b""
    port: bool = False

    def into(self, answer: bytes, request: re.Match[bytes], port: int) -> bytes:
        """Return the answer to one request; ``port`` is the second port that the emulator listens on."""
        value = request[self.group] if self.group else self.text or (port.to_bytes(2) if self.port else _now())
        if isinstance(self.at, bytes):
            return answer.replace(self.at, value)
        return answer[: self.at] + value + answer[self.at + len(value) :]


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold the answer to the requests that match ``to``; ``in_tls`` is None where it is the same inside TLS."""

    to: re.Pattern[bytes]
    data: bytes
    fills: tuple[Fill, ...]
    in_tls: bool | None
    begins_tls: bool
    closes: bool


@dataclass(frozen=True, slots=True)
class Emulator:
    """Hold one emulated server and what a check of it must find."""

    what: str
    verdict: str
    cause: str | None
    closed: str
    options: Mapping[str, Any]
    tls: bool
    greeting: bytes
    answers: tuple[Answer, ...]

    @property
    def has_second_port(self) -> bool:
        """True if an answer names a second port."""
        return any(fill.port for answer in self.answers for fill in answer.fills)


class BadEmulator(Exception):
    """Name what is wrong with an emulator's file."""


def emulator_of(row: TargetType) -> Emulator | None:
    """Return the emulator in a type's folder; None if it has none.

    Raises:
        BadEmulator: its file, or one that it names, cannot be read.
    """
    folder = files(row.home) / FOLDER
    script = folder / f"{row.name}.toml"
    if not script.is_file():
        return None
    try:
        return _read(folder, tomllib.loads(script.read_text("utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, re.error) as error:
        raise BadEmulator(f"the emulator of {row.name} cannot be read: {type(error).__name__}: {error}") from error


def _read(folder: Traversable, read: Mapping[str, Any]) -> Emulator:
    return Emulator(
        what=read["what"],
        verdict=read["verdict"],
        cause=read.get("cause"),
        closed=read.get("closed", "connect.refused"),
        options=read.get("options", {}),
        tls=read.get("tls", False),
        greeting=_bytes(folder, read.get("greeting", ())),
        answers=tuple(_answer(folder, one) for one in read.get("answer", ())),
    )


def _answer(folder: Traversable, read: Mapping[str, Any]) -> Answer:
    return Answer(
        to=re.compile(read["to"].encode("latin-1"), re.DOTALL),
        data=_bytes(folder, read.get("send", ())),
        fills=tuple(_fill(one) for one in read.get("fill", ())),
        in_tls=read.get("in_tls"),
        begins_tls=read.get("begin_tls", False),
        closes=read.get("close", False),
    )


def _now() -> bytes:
    return int((time.time() + _1601) * _TICKS).to_bytes(8, "little")


def _fill(read: Mapping[str, Any]) -> Fill:
    at = read["at"]
    place = at.encode("latin-1") if isinstance(at, str) else at
    return Fill(place, read.get("group", 0), read.get("text", "").encode("latin-1"), read.get("port", False))


def _bytes(folder: Traversable, parts: Iterable[str | Mapping[str, str]]) -> bytes:
    """Return literal bytes: of files with hexadecimal text, and of texts."""
    return b"".join(
        bytes.fromhex((folder / part).read_text("ascii")) if isinstance(part, str) else part["text"].encode("latin-1")
        for part in parts
    )
