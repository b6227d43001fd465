"""Every login library against a server that means harm: in time, within its memory, and nothing at the thief."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanready.causes import fleet
from scanready.clients.login_process import memory
from scanready.clients.login_process.processes import LoginProcesses
from scanready.climb.explain import Failure
from scanready.climb.login_network import OwnPlaces
from scanready.model import Target
from scanready.net.allowed import NotAllowed, limited_to
from scanready.net.dial import dial
from scanready.net.resolve import Resolver
from scanready.net.stream import Stream, StreamError
from scanready.wire import WireError
from tests.hostile.hostile_logins import BEHAVIOURS, CREDENTIAL, LIBRARIES, SECRET, Library, Server
from tests.ladder import BY_NAME
from tests.pace import held_up

SECONDS = 3.0
#: A killed login was given so many seconds; a tenth of it is the most that may be added.
KILL = SECONDS * 1.05


class Thief:
    """Listens on another address of this host, and counts what comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.2", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0

    def __enter__(self) -> Thief:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._socket.accept()
                self.connections += 1
                sock.close()


class Scale:
    """Notes how much the largest login below this process has grown, and which logins it met.

    One that ends within 5 ms may pass unseen.
    """

    def __init__(self) -> None:
        self.most = 0
        self.met: set[int] = set()
        self._over = threading.Event()

    def __enter__(self) -> Scale:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        first: dict[int, int] = {}
        while not self._over.wait(0.005):
            for pid in _login_pids():
                self.met.add(pid)
                if (now := memory.resident(pid)) is not None:
                    self.most = max(self.most, now - first.setdefault(pid, now))


def _login_pids() -> Iterator[int]:
    for root in _children(os.getpid()):
        for template in _children(root):
            yield from _children(template)


def _children(pid: int) -> list[int]:
    """Return the children of a process, none of one that is gone; psutil reads all processes there are for it."""
    try:
        lists = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in " ".join(lists).split()]


def visited(library: Library, port: int) -> tuple[BaseException | object, float]:
    """Run the login against the server on ``port``, as a probe does; return its outcome and its seconds.

    Seconds for which other processes held this one up do not count.
    """

    async def run() -> tuple[BaseException | object, float]:
        loop = asyncio.get_running_loop()
        processes = LoginProcesses()
        await processes.prepare(library.visit)
        begun, before = loop.time(), held_up()
        target, row = Target("127.0.0.1", "oracle", port), BY_NAME["oracle"]
        places = OwnPlaces(target, row, "127.0.0.1", Resolver(), begun + SECONDS, (), lambda _: None)

        async def connect() -> Stream:
            return await dial((socket.AF_INET, ("127.0.0.1", port)), begun + SECONDS)

        arguments = library.where(port, connect), CREDENTIAL
        assert processes.runs(library.visit, arguments)
        outcome: BaseException | object
        try:
            outcome = await processes.run(library.visit, arguments, begun + SECONDS, begun + KILL, places)
        except (Failure, OSError, StreamError, WireError) as error:
            outcome = error
        seconds = loop.time() - begun - max(0.0, held_up() - before)
        processes.close()
        return outcome, seconds

    return asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is an address of Linux's loopback; reads /proc")
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("library", LIBRARIES, ids=[library.name for library in LIBRARIES])
def test_a_hostile_server(library: Library, behaviour: str) -> None:
    with Thief() as thief, Server(library, behaviour, thief.port) as server, Scale() as scale:
        outcome, seconds = visited(library, server.port)
        time.sleep(0.05)
    assert server.received, "the library came as far as its login"
    assert seconds <= SECONDS * 1.1, f"{seconds:.2f} s: {outcome!r}"
    assert scale.met or seconds < SECONDS / 2, "a login that takes its time is watched"
    assert scale.most < 100 << 20, f"{scale.most >> 20} MB: {outcome!r}"
    assert thief.connections == 0
    if behaviour != "echoes":  # a report hides what a server repeats
        assert SECRET not in repr(outcome)
    assert isinstance(outcome, BaseException) or getattr(outcome, "denied", None) is not None


@pytest.mark.parametrize("library", LIBRARIES, ids=[library.name for library in LIBRARIES])
def test_an_agent_with_a_limit_lets_no_library_out(library: Library) -> None:
    """The connection is asked of this process, which judges the address; the server is outside --allow."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        with limited_to([ipaddress.ip_network("127.0.0.9/32")]):
            outcome, _ = visited(library, server.getsockname()[1])
        with pytest.raises(BlockingIOError):
            server.accept()
    assert isinstance(outcome, (Failure, NotAllowed)), outcome
    if isinstance(outcome, Failure):
        assert outcome.cause is fleet.NOT_ALLOWED


@pytest.mark.parametrize("library", LIBRARIES, ids=[library.name for library in LIBRARIES])
def test_nobody_is_told_who_runs_us_and_where(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver may tell the user of this process and the path of its interpreter, which concern no target."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "canary-person")
    with Thief() as thief, Server(library, "resets", thief.port) as server:
        visited(library, server.port)
    assert server.received
    told = server.received.lower()
    assert b"canary-person" not in told
    assert sys.executable.encode().lower() not in told
