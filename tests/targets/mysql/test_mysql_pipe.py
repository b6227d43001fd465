"""The socket that pymysql is given, and how it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time

import pytest

from scanready.clients.login_process.lent import Lent
from scanready.climb.explain import Unfinished
from scanready.net.stream import Stream
from scanready.targets.mysql import login
from scanready.targets.mysql.login_reading import Where
from tests.ladder import PLENTY


class Taken(Lent):
    """A connection that is there already, as a login's process has it."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(self._never)
        self._taken = sock

    async def _never(self) -> Stream:
        raise asyncio.CancelledError

    def take(self) -> socket.socket:
        """Return it."""
        return self._taken


def test_a_server_that_drips_does_not_hold_the_close() -> None:
    ours, theirs = socket.socketpair()
    over = threading.Event()

    def drip() -> None:
        with contextlib.suppress(OSError):
            while not over.wait(0.05):
                theirs.sendall(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    pipe = login.Pipe(Where(Taken(ours), b"", "localhost"), PLENTY)
    begun = time.monotonic()
    pipe.close()
    took = time.monotonic() - begun
    over.set()
    dripping.join()
    theirs.close()
    assert took < PLENTY / 2, "a quarter of a second, however many bytes come"


def test_an_answer_that_is_too_long_leaves_the_login_open() -> None:
    """The password may have left by then, and no word came on it."""
    ours, theirs = socket.socketpair()
    pipe = login.Pipe(Where(Taken(ours), b"", "localhost"), 5.0)
    with theirs, contextlib.closing(pipe), pytest.raises(Unfinished, match="announces more than"):
        pipe.read(login.MOST_RECEIVED + 1)
