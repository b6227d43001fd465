"""An SMB server from the negotiation to the end of a session, in dialect 2.0.2: neither signed nor encrypted.

Negotiation and challenge are captured from Samba; the other answers are built after [MS-SMB2] 2.2. A test names the
commands that get another answer: a status, a status with a body, or a function that takes over the connection.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fixtures.emulators import Reader, Record, Server, Writer, in_background
from fixtures.transcripts import load
from scanready.model import Credential
from scanready.targets.smb import login

NEGOTIATE, SETUP, LOGOFF, TREE, UNTREE, CREATE, CLOSE, READ, IOCTL, DIRECTORY = 0, 1, 2, 3, 4, 5, 6, 8, 11, 14
NAMES = {
    **{NEGOTIATE: "negotiate", SETUP: "setup", LOGOFF: "logoff", TREE: "tree", UNTREE: "untree", CREATE: "create"},
    **{CLOSE: "close", READ: "read", IOCTL: "ioctl", DIRECTORY: "directory"},
}
SCANNER = Credential("scanuser", "scanuser", "Passw0rd!")

NEGOTIATED = load("smb/samba4.17-smb2-negotiate-202.s2c.hex")[4:]
CHALLENGE = load("smb/samba4.17-sessionsetup-type2.s2c.hex")[4:]
MORE_PROCESSING_REQUIRED, NO_MORE_FILES = 0xC0000016, 0x80000006

EMPTY = struct.pack("<HH", 4, 0)
ERROR = struct.pack("<HHI", 9, 0, 0) + b"\0"


def session(flags: int = 0) -> bytes:
    return struct.pack("<HHHH", 9, flags, 72, 0)


def tree(kind: int = 1, flags: int = 0, capabilities: int = 0) -> bytes:
    return struct.pack("<HBBIII", 16, kind, 0, flags, capabilities, 0x1F01FF)


def created(attributes: int) -> bytes:
    times_and_sizes = struct.pack("<4Q2Q", *(0,) * 6)
    return struct.pack("<HBBI", 89, 0, 0, 1) + times_and_sizes + struct.pack("<II16sII", attributes, 0, b"f" * 16, 0, 0)


def listing(*names: tuple[str, int]) -> bytes:
    data = b""
    for at, (name, attributes) in enumerate(names):
        text = name.encode("utf-16le")
        entry = struct.pack("<I4xQQQQQQII", 0, 0, 0, 0, 0, 0, 0, attributes, len(text)) + text
        entry += b"\0" * (-len(entry) % 8)
        data += entry if at == len(names) - 1 else struct.pack("<I", len(entry)) + entry[4:]
    return struct.pack("<HHI", 9, 72, len(data)) + data


def answered(data: bytes) -> bytes:
    """An IOCTL's answer."""
    return struct.pack("<HHI16sIIIIII", 49, 0, 0x00060194, b"\xff" * 16, 112, 0, 112, len(data), 0, 0) + data


DIRECTORY_, FILE = 0x10, 0x20
CLOSED = struct.pack("<HHI4Q2QI", 60, 0, 0, *(0,) * 6, 0)

Odd = Callable[[Reader, Writer, Record], Awaitable[None]]
Answer = int | tuple[int, bytes] | list["Answer"] | Odd

ANSWERS: dict[int, Answer] = {
    NEGOTIATE: (0, NEGOTIATED[64:]),
    SETUP: [(MORE_PROCESSING_REQUIRED, CHALLENGE[64:]), (0, session())],
    LOGOFF: (0, EMPTY),
    TREE: (0, tree()),
    UNTREE: (0, EMPTY),
    CREATE: [(0, created(DIRECTORY_)), (0, created(FILE))],
    CLOSE: (0, CLOSED),
    DIRECTORY: (0, listing((".", DIRECTORY_), ("..", DIRECTORY_), ("customers.csv", FILE))),
    IOCTL: 0xC0000225,  # STATUS_NOT_FOUND: no such link
}


def frame(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def server(answers: dict[int, Answer] | None = None) -> Odd:
    """Return a behaviour that differs from ANSWERS in these; of a list, the last answer is kept for good."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        told = {
            key: list(value) if isinstance(value, list) else value for key, value in (ANSWERS | (answers or {})).items()
        }
        while True:
            (length,) = struct.unpack(">I", await reader.readexactly(4))
            asked = await reader.readexactly(length)
            (command,) = struct.unpack_from("<H", asked, 12)
            record.count(NAMES.get(command, str(command)))
            answer = told[command]
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            if callable(answer):
                await answer(reader, writer, record)
                return
            status, body = answer if isinstance(answer, tuple) else (answer, ERROR)
            number, identity = asked[24:32], struct.pack("<Q", 0x1234)
            head = b"\xfeSMB" + struct.pack("<HHIHHII", 64, 1, status, command, 1, 1, 0) + number
            writer.write(frame(head + struct.pack("<II", 0, 7) + identity + bytes(16) + body))
            await writer.drain()

    return behaviour


def where(peer: Server, share: str | None = "finance", path: str = "", **more: Any) -> login.Where:
    """That peer, as a handshake would have found it."""
    return login.Where("127.0.0.1", "127.0.0.1", peer.port, share, path, **{"dialect": 0x0202, **more})


@contextmanager
def peer(answers: dict[int, Answer] | None = None) -> Iterator[Server]:
    with in_background(server(answers)) as running:
        yield running


async def silent(reader: Reader, writer: Writer, record: Record) -> None:
    """Read on and say nothing."""
    while await reader.read(4096):
        pass


async def drips(reader: Reader, writer: Writer, record: Record) -> None:
    """Announce 64 KiB and send one octet every tenth of a second."""

    async def send() -> None:
        writer.write(struct.pack(">I", 0xFFFF))
        while True:
            writer.write(b"\xfe")
            await asyncio.sleep(0.1)

    record.tasks.append(asyncio.get_running_loop().create_task(send()))
    await silent(reader, writer, record)


async def resets(reader: Reader, writer: Writer, record: Record) -> None:
    """Reset the connection."""
    record.reset()


async def closes(reader: Reader, writer: Writer, record: Record) -> None:
    """Close the connection."""


async def endless(reader: Reader, writer: Writer, record: Record) -> None:
    """Send messages of the greatest length without end."""

    async def send() -> None:
        while True:
            writer.write(b"\0\xff\xff\xff" + bytes(0xFFFFFF))
            await writer.drain()

    record.tasks.append(asyncio.get_running_loop().create_task(send()))
    await silent(reader, writer, record)
