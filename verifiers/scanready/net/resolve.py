"""Names to addresses, as the scanner itself would resolve them: through the system's resolver.

Each name is asked once per run. The threads are our own: the event loop's default
pool has so few that a handful of dead resolvers would stop everything else.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from typing import Any

from .sockets import Address
from .system_errors import of_name
from .threads import DaemonThreads

#: Seconds under which a resolver without an answer is not called dead: the system's sends a lost question again after
#: 5 s (resolv.conf(5), ``timeout``), and less would blame it for one lost packet.
LEAST_SILENCE = 5.0
#: Enough that slow names do not hold up quick ones; each thread waits, it does not work.
_THREADS = 32


class NoTurn(TimeoutError):
    """The time was over before the resolver had its own: nothing is known of it, nor of the name."""


@dataclass(slots=True)
class _Question:
    """Hold one lookup, running or answered. ``begun`` is the time when a thread began it, None while it waits."""

    answer: asyncio.Future[list[Address]] | None = None
    begun: float | None = None

    def ask(self, host: str, port: int) -> list[Address]:
        """Ask; blocks for as long as the system's resolver does."""
        self.begun = time.monotonic()
        return _lookup(host, port)

    @property
    def hasty(self) -> bool:
        """True if the resolver has not had the time in which it would have asked twice."""
        return self.begun is None or time.monotonic() - self.begun < LEAST_SILENCE


class Resolver:
    """Resolves host names once per run. ``close`` when the run ends."""

    def __init__(self) -> None:
        self._pool: DaemonThreads | None = None
        self._asked: dict[str, _Question] = {}

    async def addresses(self, host: str, port: int, deadline: float | None = None) -> list[Address]:
        """Return the addresses of ``host`` in the system's order of preference, without duplicates.

        A name is asked for once, whatever the ports that it is dialled on.

        Args:
            host: a name or an address.
            port: goes into the addresses.
            deadline: in the event loop's time; None waits for as long as the system's resolver takes.

        Raises:
            socket.gaierror: as the system resolver says.
            NoTurn: the deadline came too early to say anything.
            TimeoutError: the resolver did not answer.
        """
        if known := literal(host, port):
            return [known]
        if host not in self._asked:
            self._asked[host] = question = _Question()
            self._pool = self._pool or DaemonThreads(_THREADS, "resolve")
            question.answer = asyncio.get_running_loop().run_in_executor(self._pool, question.ask, host, port)
            question.answer.add_done_callback(_heed)
        asked = self._asked[host]
        assert asked.answer is not None, "set where the question is"
        try:
            async with asyncio.timeout_at(deadline):
                found = await asyncio.shield(asked.answer)
                return [(family, (where[0], port, *where[2:])) for family, where in found]
        except TimeoutError as error:
            if not asked.hasty:
                raise
            why = "its threads were busy with other names" if asked.begun is None else "too short for two queries"
            raise NoTurn(f"the resolver did not answer within the time left: {why}") from error

    def forget(self) -> None:
        """Forget all answers, so that every name is resolved again."""
        self._asked.clear()

    def close(self) -> None:
        """Let go of the threads; a look-up that hangs ends with the system's own time-out."""
        for asked in self._asked.values():
            if asked.answer is not None:
                asked.answer.cancel()
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _heed(answer: asyncio.Future[list[Address]]) -> None:
    """Retrieve the exception of an answer that no task awaits any more; otherwise the event loop logs a complaint."""
    if not answer.cancelled():
        answer.exception()


def literal(host: str, port: int) -> Address | None:
    """Return what to dial if ``host`` is an address, None if it is a name; nothing is sent.

    Raises:
        socket.gaierror: its zone is no interface of this host.
    """
    if _is_address(socket.AF_INET, host):
        return socket.AF_INET, (host, port)
    address, _, zone = host.partition("%")
    if not _is_address(socket.AF_INET6, address):
        return None
    if zone:
        return socket.AF_INET6, _zoned(host, port)
    return socket.AF_INET6, (host, port, 0, 0)


def _zoned(host: str, port: int) -> tuple[Any, ...]:
    try:
        found = socket.getaddrinfo(host, port, socket.AF_INET6, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except socket.gaierror as error:
        raise of_name(error) from None
    return found[0][4]


def _is_address(family: socket.AddressFamily, host: str) -> bool:
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):  # ValueError: a NUL in it, or a lone surrogate
        return False
    return True


def _lookup(host: str, port: int) -> list[Address]:
    """Look up a name with ``AI_ADDRCONFIG``: no IPv6 addresses on an agent without IPv6, as the scanner does."""
    try:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    except socket.gaierror as error:
        raise of_name(error) from None
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, f"not a host name: {error}") from None
    return list(dict.fromkeys((family, where) for family, _, _, _, where in found))
