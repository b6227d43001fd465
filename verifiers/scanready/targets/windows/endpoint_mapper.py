"""A talk with an endpoint mapper, without a login: what it offers, what the host tells of itself and its services.

    we                                              server
    bind: mapper, IObjectExporter, activator   ->
                                               <-   which of them there are
    alter_context, ServerAlive2                ->
                                               <-   DCOM's version, names and addresses, ways to log in
    ept_lookup (and ept_map)                   ->
                                               <-   services and their ports
    alter_context with NTLM type 1             ->
                                               <-   NTLM type 2: names, build, clock: the login prompt

The login that is begun is last, since it is never finished: no call may follow it. Not every server lets one begin on
a connection that did without; such a server is asked in the bind of another connection.
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
#: Seconds for the answer to what a server may leave unanswered.
PATIENCE = 3.0
#: Pages of the table that are read: 800 entries, twice what a busy domain controller has.
_MOST_PAGES = 8
#: What is asked for by name where the table is not told: Windows has each on a dynamic TCP port.
_EVENT_LOG: epm.Syntax = (uuid.UUID("f6beaff7-1e19-4fbb-9f8f-b89e2018337c"), 1, 0)
_ACCOUNTS: epm.Syntax = (uuid.UUID("12345778-1234-abcd-ef00-0123456789ac"), 1, 0)


class Refused(Exception):
    """The server did not answer a question; the text says what it did instead."""

    def __init__(self, said: object, *, busy: bool = False) -> None:
        super().__init__(str(said))
        self.busy = busy


class Untold(Exception):
    """A question came to nothing, which says nothing: the text tells how."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a bind found out."""

    mapper: bool
    dcom: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """The services on TCP ports of their own, each port once; ``refused`` is why there are none to be had."""

    services: tuple[epm.Tower, ...] = ()
    entries: int = 0
    refused: str = ""

    @property
    def ports(self) -> list[int]:
        """The ports, in the mapper's order."""
        return [service.port for service in self.services if service.port is not None]


class Talk:
    """One connection: its calls in order, and which interfaces have been taken up on it."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._calls = 0
        self._accepted: set[int] = set()
        self._over = False

    async def bind(self, token: bytes = b"", *contexts: dcerpc.Context) -> dcerpc.BindAck:
        """Open the talk, for what a mapper has or for ``contexts``.

        Raises:
            Refused: bind_nak, or a fault.
            PeerClosed, ReadTimeout, WireError: no answer, or not in DCE/RPC.
        """
        wanted = contexts or _CONTEXTS
        self._calls = 1
        answer = await self._ask(dcerpc.bind(wanted, token, call=1))
        return self._taken_up(wanted, answer)

    async def call(self, context: int, operation: int, stub: bytes = b"") -> bytes:
        """Call, after taking up the interface if the bind left it; return the answer's stub.

        Raises:
            Refused: a fault, an interface that is not taken up, a hang-up, or silence: it knew us well enough by then.
            WireError: as it says.
        """
        async with self._questioned():
            if context not in self._accepted:
                await self._alter(_CONTEXTS[context])
            if context not in self._accepted:
                raise Refused("the interface is not to be had on this connection")
            self._calls += 1
            answer = await self._ask(dcerpc.request(context, operation, stub, call=self._calls))
        if isinstance(answer, dcerpc.Fault):
            raise Refused(answer)
        if not isinstance(answer, dcerpc.Response):
            raise WireError("an answer to a bind, where a call was made")
        return answer.stub

    async def begin_login(self) -> bytes:
        """Begin an NTLM login within the talk; return the server's half of it. Nothing may be called afterwards.

        Raises:
            Refused: a fault, a hang-up, or silence.
        """
        known = min(self._accepted, default=MAPPER)
        async with self._questioned():
            return (await self._alter(_CONTEXTS[known], ntlm.NEGOTIATE)).token

    @contextlib.asynccontextmanager
    async def _questioned(self) -> AsyncIterator[None]:
        """Ask something that a server may leave unanswered; then this talk is over, and the climb goes on."""
        if self._over:
            raise Refused("the talk had ended")
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
            raise WireError(f"no answer to a bind of {len(wanted)} interfaces")
        self._accepted |= {c.number for c, became in zip(wanted, answer.results, strict=True) if became.accepted}
        return answer


def offered(answer: dcerpc.BindAck) -> Offer:
    """Tell what is there; an interface that was not taken up now is there all the same.

    Raises:
        UnknownValue: what became of DCOM is not known.
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
    """Ask the host what it gives DCOM clients to call it at.

    Raises:
        Refused: it does not tell strangers.
        Untold: its answer is not understood.
    """
    record("alive")
    alive = _translate(dcom.read_server_alive2, await talk.call(EXPORTER, dcom.SERVER_ALIVE_2))
    if alive.status:
        raise Refused(f"status 0x{alive.status:08x}")
    return alive


def _translate(read: Callable[[bytes], T], stub: bytes) -> T:
    """Whatever the reason, of what we do not understand nobody is to be blamed: it was more than we need."""
    try:
        return read(stub)
    except WireError as error:
        raise Untold(f"its answer is not understood: {error}") from error


async def listing(talk: Talk, own_port: int, reached: str) -> Listing:
    """Read the mapper's table, or ask for two services by name where it does not tell it; why not is in the result.

    Args:
        own_port: the mapper's.
        reached: the address by which the host was reached; what listens on its other ones is listed last.
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
    """One service of each port that is not the mapper's own, none of the host's loopback.

    A service of another of the host's networks is nobody's evidence: its port is closed here, however open the
    firewalls are.
    """
    by_port: dict[int | None, epm.Tower] = {}
    for tower in sorted(towers, key=lambda tower: tower.address not in ("", "0.0.0.0", reached)):
        loopback = tower.address.startswith("127.") and tower.address != reached
        if tower.port not in (None, 0, own_port, 135) and not loopback:
            by_port.setdefault(tower.port, tower)
    return tuple(by_port.values())


async def _lookup(talk: Talk, found: list[epm.Entry]) -> None:
    """Add the table's entries to ``found``, page by page: what there is of it counts if it breaks off."""
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
    """Begin an NTLM login, in the talk or else in the bind of another connection, and return the challenge.

    Raises:
        Refused: the server does not begin one.
        Untold: the other connection came to nothing.
        WireError: as it says.
    """
    record("ntlm")
    try:
        token = await talk.begin_login()
    except Refused:
        await probe.leave(talk.stream)
        token = await _begin_elsewhere(probe)
    if not token:
        raise Untold("a bind_ack without an answer to the login")
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
