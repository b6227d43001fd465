"""Every type on an agent whose loop tells errors in Windows' words: the same report, field by field, as elsewhere."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fixtures.emulators import Behaviour, misbehave, serve
from scanready.model import Target
from scanready.net import resolve
from scanready.net.sockets import Address
from scanready.report.serialize import as_object
from scanready.run.engine import verify
from scanready.run.settings import Settings
from tests.clock import JumpingLoop, PortableLoop
from tests.completion_ports import CompletionPorts, TellingTuples, completed, sockets_of_windows
from tests.ladder import TYPES, target

#: Not an address of anybody (RFC 5737); no packet goes there.
NOBODY = "192.0.2.7"
#: fault -> (errno, numbers by which Windows tells it, cause of a TCP connection or None: then the type decides).
FAULTS: dict[str, tuple[int, tuple[int, ...], str | None]] = {
    "refused": (errno.ECONNREFUSED, (1225, 10061), "connect.refused"),
    "timed-out": (errno.ETIMEDOUT, (121, 10060), "connect.filtered"),
    "host-unreachable": (errno.EHOSTUNREACH, (1232, 10065), "connect.unreachable"),
    "net-unreachable": (errno.ENETUNREACH, (1231, 10051), "connect.unreachable"),
    "net-down": (errno.ENETDOWN, (1222, 10050, 59), "connect.unreachable"),
    "reset": (errno.ECONNRESET, (64, 10054), None),
    "aborted": (errno.ECONNABORTED, (1236, 10053), "connect.local-limit"),
    "own-firewall": (errno.EACCES, (10013, 5), "connect.local-limit"),
    "no-port-left": (errno.EADDRINUSE, (10048, 68), "connect.local-limit"),
    "no-address": (errno.EADDRNOTAVAIL, (10049,), "connect.local-limit"),
    "no-buffers": (errno.ENOBUFS, (10055, 1450), "connect.local-limit"),
    "no-sockets": (errno.EMFILE, (10024,), "connect.local-limit"),
}
_IN_TIME = {"started", "finished", "seconds", "duration", "id", "run"}


class Faulty(PortableLoop):
    """Raises ``told()`` for each connection, and for each datagram that is waited for."""

    told: Callable[[], OSError]

    async def sock_connect(self, sock: Any, address: Any) -> None:
        if sock.type == socket.SOCK_STREAM:
            raise self.told()
        await super().sock_connect(sock, ("127.0.0.1", self.silent) if sock.family == socket.AF_INET else address)

    async def sock_recv(self, sock: Any, n: int) -> bytes:
        if sock.type == socket.SOCK_DGRAM:
            raise self.told()
        return await super().sock_recv(sock, n)

    silent = 0


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """All names are one address: no name is asked for."""

    def look_up(host: str, port: int) -> list[Address]:
        return [(socket.AF_INET, (NOBODY, port))]

    monkeypatch.setattr(resolve, "_lookup", look_up)


def _where(kind: str) -> Target:
    row = next(row for row in TYPES if row.name == kind)
    return target(kind, NOBODY) if row.port else target(kind, "db7.example", 443)


def _report(loop: Callable[[], asyncio.AbstractEventLoop], where: Target) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        return _timeless(as_object(await verify(where, Settings(timeout=8))))

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


def _timeless(report: dict[str, Any]) -> dict[str, Any]:
    return {key: _without_times(value) for key, value in report.items() if key not in _IN_TIME}


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return _timeless(value)
    return [_without_times(one) for one in value] if isinstance(value, list) else value


def _faulty(told: Callable[[], OSError], silent: int) -> Callable[[], asyncio.AbstractEventLoop]:
    def make() -> asyncio.AbstractEventLoop:
        loop = Faulty()
        loop.told, loop.silent = told, silent
        return loop

    return make


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", [row.name for row in TYPES])
def test_a_connection_that_fails_has_one_report(kind: str, fault: str) -> None:
    number, told_by, code = FAULTS[fault]
    where = _where(kind)
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        ours = _report(_faulty(lambda: OSError(number, os.strerror(number)), port), where)
        if code is not None:
            assert any(check["cause"] == code for check in ours["checks"]), ours["checks"]
        for win in told_by:
            theirs = _report(_faulty(partial(completed, win), port), where)
            assert theirs == ours, f"{fault} as {win}"


@pytest.mark.parametrize("kind", [row.name for row in TYPES])
@pytest.mark.parametrize("number", [11001, 11002, 11003, 11004], ids=str)
def test_a_name_that_fails_has_one_report(kind: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {11001: "EAI_NONAME", 11002: "EAI_AGAIN", 11003: "EAI_FAIL", 11004: "EAI_NODATA"}
    ours_of = getattr(socket, names[number], socket.EAI_NONAME)
    monkeypatch.undo()
    found = []
    for told in (ours_of, number):

        def refuse(*_: object, told: int = told) -> list[object]:
            words = "getaddrinfo failed" if told > 0 else _in_words(told)
            raise socket.gaierror(told, words)

        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        found.append(_report(JumpingLoop, target(kind, "db7.example", None if _has_port(kind) else 443)))
    assert found[0] == found[1]


def _has_port(kind: str) -> bool:
    return next(row.port for row in TYPES if row.name == kind) is not None


def _in_words(number: int) -> str:
    words = {
        socket.EAI_NONAME: "Name or service not known",
        socket.EAI_AGAIN: "Temporary failure in name resolution",
        socket.EAI_FAIL: "Non-recoverable failure in name resolution",
    }
    return words.get(number, "No address associated with hostname")


PEERS: dict[str, Behaviour] = {
    "silent": misbehave.silent,
    "closes": misbehave.closes_at_once,
    "resets": misbehave.resets,
    "half-open": misbehave.half_open,
    "garbage": misbehave.garbage(7, 600),
    "resets-later": misbehave.says_and_resets(b"S"),
}


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("kind", [row.name for row in TYPES])
def test_a_peer_that_misbehaves_has_one_report(kind: str, peer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "_lookup", lambda host, port: [(socket.AF_INET, ("127.0.0.1", port))])

    def asked(loop: Callable[[], asyncio.AbstractEventLoop]) -> dict[str, Any]:
        async def run() -> dict[str, Any]:
            async with serve(PEERS[peer]) as server:
                host = "127.0.0.1" if _has_port(kind) else "db7.example"
                report = as_object(await verify(target(kind, host, server.port), Settings(timeout=8, canary=False)))
                return _timeless(_portless(report, server.port))

        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(run())

    ours = asked(JumpingLoop)
    theirs = [asked(CompletionPorts), asked(TellingTuples)]
    with sockets_of_windows(monkeypatch.setattr):
        theirs.append(asked(CompletionPorts))
    for one in theirs:
        assert one == ours


def _portless(value: Any, port: int) -> Any:
    """Without the number of a port that is another one each time."""
    if isinstance(value, dict):
        return {_portless(key, port): _portless(one, port) for key, one in value.items()}
    if isinstance(value, list):
        return [_portless(one, port) for one in value]
    return value.replace(str(port), "PORT") if isinstance(value, str) else ("PORT" if value == port else value)
