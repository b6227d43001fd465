"""Hold a server's answer back, whichever it is, and count the secrets that reach the server after that."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background

#: Returns the number of secrets that have reached a server so far.
Count = Callable[[], int]
#: A server: its port, and what counts the secrets there.
Peer = AbstractContextManager[tuple[int, Count]]


@dataclass(frozen=True, slots=True)
class Kind:
    """How one type logs in, by one mechanism.

    Attributes:
        type: the target type.
        accepts: makes a server that accepts the account.
        refuses: makes one that refuses it as wrong.
        options: of the targets.
        settings: of the run.
        username: an account of a form that the mechanism wants.
        first_word: the secret is the first word on the connection, so no server can hold it up.
    """

    type: str
    accepts: Callable[[], Peer]
    refuses: Callable[[], Peer]
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    username: str = "er"
    first_word: bool = False


def counting(behaviour: Behaviour, *names: str, **options: Any) -> Callable[[], Peer]:
    """Make servers of an emulator, whose ``names`` count the secrets."""

    @contextlib.contextmanager
    def served() -> Iterator[tuple[int, Count]]:
        with in_background(behaviour, **options) as server:
            yield server.port, lambda: sum(server.counts[name] for name in names)

    return served


def finding(behaviour: Behaviour, secrets: Callable[[bytes], int], **options: Any) -> Callable[[], Peer]:
    """Make servers of an emulator, where ``secrets`` counts them in what came over a connection."""

    @contextlib.contextmanager
    def served() -> Iterator[tuple[int, Count]]:
        with in_background(behaviour, **options) as server:
            yield server.port, lambda: sum(secrets(record.received) for record in server.connections)

    return served


class Gate:
    """Stands before a server, and keeps what the server sends from the ``number``-th part on until it is opened.

    Attributes:
        holds: it has something that it keeps.
        opened: what it keeps goes on.
    """

    def __init__(self, port: int, number: int, host: str = "127.0.0.1") -> None:
        self._place = host, port
        self._left = itertools.count(-number)
        self.holds, self.opened = threading.Event(), threading.Event()

    async def behaviour(self, reader: Reader, writer: Writer, record: Record) -> None:
        """Carry one connection, both ways."""
        inside, outside = await asyncio.open_connection(*self._place)

        async def outwards() -> None:
            with contextlib.suppress(ConnectionError):
                while data := await inside.read(1 << 16):
                    if next(self._left) >= 0:
                        await self._opened()
                    writer.write(data)
                    await writer.drain()
            record.half_close()

        record.tasks.append(asyncio.get_running_loop().create_task(outwards()))
        try:
            while data := await reader.read(1 << 16):
                outside.write(data)
        finally:
            outside.close()

    async def _opened(self) -> None:
        self.holds.set()
        while not self.opened.is_set():
            await asyncio.sleep(0.01)
