"""Ask an endpoint mapper, without a login: its interfaces, DCOM's bindings, its services and the NTLM challenge.

    agent                                           server
    bind: mapper, IObjectExporter, activator   ->
                                               <-   the interfaces that it has
    alter_context, ServerAlive2                ->
                                               <-   DCOM's version, names and addresses, login methods
    ept_lookup (and ept_map)                   ->
                                               <-   services and their ports
    alter_context with NTLM type 1             ->
                                               <-   NTLM type 2 (names, build, clock): the login prompt

The login comes last because it is never finished, and no call may follow it. Some servers do not accept a login on a
connection that began without one. For them, the login goes into the bind of another connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.net.events import record
from scanready.net.stream import PeerClosed, ReadTimeout, Stream, StreamError
from scanready.wire import UnknownValue, WireError, dcerpc, dcom, epm, ntlm

T = TypeVar("T")

MAPPER, EXPORTER, ACTIVATOR, _LOGINS = range(4)
_CONTEXTS = (
    dcerpc.Context(MAPPER, epm.INTERFACE),
    dcerpc.Context(EXPORTER, dcom.OBJECT_EXPORTER),
    dcerpc.Context(ACTIVATOR, dcom.ACTIVATOR),
    dcerpc.Context(_LOGINS, epm.INTERFACE, dcerpc.SEVERAL_LOGINS),
)
#: Seconds to wait for an answer that a server may leave out.
PATIENCE = 3.0
#: The most pages of the table to read: 800 entries, twice as many as a busy domain controller has.
_MOST_PAGES = 8
#: Interfaces to ask for by name if the server hides its table: Windows has each on a dynamic TCP port.
_EVENT_LOG: epm.Syntax = (uuid.UUID("f6beaff7-1e19-4fbb-9f8f-b89e2018337c"), 1, 0)
_ACCOUNTS: epm.Syntax = (uuid.UUID("12345778-1234-abcd-ef00-0123456789ac"), 1, 0)


class Refused(Exception):
    """The server did not answer a question; the text describes its reaction."""

    def __init__(self, reaction: object, *, busy: bool = False) -> None:
        super().__init__(str(reaction))
        self.busy = busy


class Untold(Exception):
    """A question failed in a way that proves nothing; the text describes it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """State whether the server has an endpoint mapper and DCOM."""

    mapper: bool
    dcom: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """List the services on their own TCP ports, each port once; ``refused`` says why the list is empty."""

    services: tuple[epm.Tower, ...] = ()
    entries: int = 0
    refused: str = ""

    @property
    def ports(self) -> list[int]:
        """Return the ports, in the endpoint mapper's order."""
        return [service.port for service in self.services if service.port is not None]


class Talk:
    """Make calls on one connection, in order; remember the interfaces accepted on it."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._calls = 0
        self._accepted: set[int] = set()
        self._over = False

    async def bind(self, token: bytes = b"", *contexts: dcerpc.Context) -> dcerpc.BindAck:
        """Bind to the endpoint mapper's interfaces, or to those in ``contexts``.

        Raises:
            Refused: a bind_nak or a fault.
            PeerClosed, ReadTimeout, WireError: no answer, or none in DCE/RPC.
        """
        wanted = contexts or _CONTEXTS
        self._calls = 1
        answer = await self._ask(dcerpc.bind(wanted, token, call=1))
        return self._taken_up(wanted, answer)

    async def call(self, context: int, operation: int, stub: bytes = b"") -> bytes:
        """Call an operation and return the answer's stub; add the interface first if the bind did not accept it.

        Raises:
            Refused: a fault, a rejected interface, a closed connection, or silence. The server has answered the bind,
                so silence is a refusal here.
            WireError: the answer is not valid DCE/RPC.
        """
        async with self._questioned():
            if context not in self._accepted:
                await self._alter(_CONTEXTS[context])
            if context not in self._accepted:
                raise Refused("the server does not accept the interface on this connection")
            self._calls += 1
            answer = await self._ask(dcerpc.request(context, operation, stub, call=self._calls))
        if isinstance(answer, dcerpc.Fault):
            raise Refused(answer)
        if not isinstance(answer, dcerpc.Response):
            raise WireError("the server answers a call as if it were a bind")
        return answer.stub

    async def begin_login(self) -> bytes:
        """Begin an NTLM login on this connection and return the server's token; no call may follow.

        Raises:
            Refused: a fault, a closed connection, or silence.
        """
        known = min(self._accepted, default=MAPPER)
        async with self._questioned():
            return (await self._alter(_CONTEXTS[known], ntlm.NEGOTIATE)).token

    @contextlib.asynccontextmanager
    async def _questioned(self) -> AsyncIterator[None]:
        """Limit the wait for an answer that a server may leave out; without an answer, make no more calls."""
        if self._over:
            raise Refused("the server had stopped answering")
        whole = self.stream.deadline
        self.stream.deadline = min(whole, asyncio.get_running_loop().time() + PATIENCE)
        try:
            yield
        except (PeerClosed, ReadTimeout) as error:
            self._over = True
            raise Refused("no answer" if isinstance(error, ReadTimeout) else error) from error
        finally:
            self.stream.deadline = whole

    async def _alter(self, context: dcerpc.Context, token: bytes = b"") -> dcerpc.BindAck:
        self._calls += 1
        answer = await self._ask(dcerpc.alter_context((context,), token, call=self._calls))
        return self._taken_up((context,), answer)

    async def _ask(self, message: bytes) -> dcerpc.Answer:
        await self.stream.send(message)
        return await self.stream.receive(partial(dcerpc.read_answer, call=self._calls))

    def _taken_up(self, wanted: tuple[dcerpc.Context, ...], answer: dcerpc.Answer) -> dcerpc.BindAck:
        if isinstance(answer, dcerpc.Fault):
            raise Refused(answer, busy=answer.status == dcerpc.TOO_BUSY)
        if isinstance(answer, dcerpc.BindNak):
            raise Refused(answer, busy=answer.reason in (dcerpc.TEMPORARY_CONGESTION, dcerpc.LOCAL_LIMIT))
        if not isinstance(answer, dcerpc.BindAck) or len(answer.results) != len(wanted):
            raise WireError(f"the answer does not fit a bind of {len(wanted)} interfaces")
        self._accepted |= {c.number for c, became in zip(wanted, answer.results, strict=True) if became.accepted}
        return answer


def offered(answer: dcerpc.BindAck) -> Offer:
    """Tell which interfaces the server has, including those that it did not accept in this bind.

    Raises:
        UnknownValue: the result for DCOM is an unknown value.
    """
    there = [result.known and not result.absent for result in answer.results]
    unknown = [result for result in answer.results[EXPORTER : ACTIVATOR + 1] if not result.known]
    if unknown and not (there[EXPORTER] or there[ACTIVATOR]):
        raise UnknownValue(
            "the reason of a result" if unknown[0].result in (1, 2) else "the result of a bind",
            unknown[0].reason if unknown[0].result in (1, 2) else unknown[0].result,
        )
    return Offer(mapper=there[MAPPER], dcom=there[EXPORTER] or there[ACTIVATOR])


async def server_alive(talk: Talk) -> dcom.Alive:
    """Ask the host for the names and addresses that it gives to DCOM clients.

    Raises:
        Refused: the host rejects the anonymous call.
        Untold: the answer cannot be read.
    """
    record("alive")
    alive = _translate(dcom.read_server_alive2, await talk.call(EXPORTER, dcom.SERVER_ALIVE_2))
    if alive.status:
        raise Refused(f"status 0x{alive.status:08x}")
    return alive


def _translate(read: Callable[[bytes], T], stub: bytes) -> T:
    """Read a stub; an unreadable one raises Untold, since no verdict depends on it."""
    try:
        return read(stub)
    except WireError as error:
        raise Untold(f"the answer cannot be read: {error}") from error


async def listing(talk: Talk, own_port: int, reached: str) -> Listing:
    """Read the endpoint mapper's table; if it is hidden, ask for two services by name. The result holds any refusal.

    Args:
        own_port: the endpoint mapper's port.
        reached: the address that the agent connected to; services on the host's other addresses are listed last.
    """
    entries: list[epm.Entry] = []
    refused = ""
    try:
        await _lookup(talk, entries)
    except (Refused, Untold) as error:
        refused = f"ept_lookup: {error}"
    towers = [entry.tower for entry in entries if entry.tower is not None]
    if not _on_tcp(towers, own_port, reached):
        try:
            for interface in (_EVENT_LOG, _ACCOUNTS):
                found = await talk.call(MAPPER, epm.MAP, epm.map_interface(interface))
                towers += _translate(epm.read_map, found).towers
        except (Refused, Untold) as error:
            refused = refused or f"ept_map: {error}"
    return Listing(_on_tcp(towers, own_port, reached), len(entries), refused)


def _on_tcp(towers: list[epm.Tower], own_port: int, reached: str) -> tuple[epm.Tower, ...]:
    """Return one service for each port, without the endpoint mapper's own port and without loopback addresses.

    Services on the host's other addresses come last: their ports are closed to this agent, whatever the firewalls do.
    """
    by_port: dict[int | None, epm.Tower] = {}
    for tower in sorted(towers, key=lambda tower: tower.address not in ("", "0.0.0.0", reached)):
        loopback = tower.address.startswith("127.") and tower.address != reached
        if tower.port not in (None, 0, own_port, 135) and not loopback:
            by_port.setdefault(tower.port, tower)
    return tuple(by_port.values())


async def _lookup(talk: Talk, found: list[epm.Entry]) -> None:
    """Add the table's entries to ``found``, page by page, so that a partial table counts too."""
    handle = epm.NO_HANDLE
    record("lookup")
    for _ in range(_MOST_PAGES):
        page = _translate(epm.read_lookup, await talk.call(MAPPER, epm.LOOKUP, epm.lookup(handle)))
        found += page.entries
        handle = page.handle
        if page.status not in (0, epm.NOT_REGISTERED):
            raise Refused(f"status 0x{page.status:08x} ({epm.STATUSES.get(page.status, 'no name known')})")
        if page.status or handle == epm.NO_HANDLE:
            return
    await talk.call(MAPPER, epm.FREE, epm.free(handle))


async def challenge(probe: Probe, talk: Talk) -> ntlm.Challenge:
    """Begin an NTLM login, on this connection or else in the bind of another one, and return the challenge.

    Raises:
        Refused: the server rejects the login.
        Untold: the other connection failed.
        WireError: the challenge is broken.
    """
    record("ntlm")
    try:
        token = await talk.begin_login()
    except Refused:
        await probe.leave(talk.stream)
        token = await _begin_elsewhere(probe)
    if not token:
        raise Untold("the bind_ack holds no NTLM challenge")
    return ntlm.read_challenge(token)


async def _begin_elsewhere(probe: Probe) -> bytes:
    try:
        another = await probe.dial(probe.address or probe.host, probe.target.port)
        another.wait_for_first_byte(PATIENCE)
        token = (await Talk(another).bind(ntlm.NEGOTIATE)).token
    except (Failure, StreamError) as error:
        raise Untold(str(error)) from error
    await probe.leave(another)
    return token
