"""What rpcbind knows, and whether each program that it names can be reached: one check an endpoint.

Everything is asked side by side: ports that a firewall drops cost their whole patience each.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from ..catalogue import TYPES
from ..explain import Failure, explain
from ..model import Check, Outcome, Step, bracketed
from ..probe import Probe
from ..stream import Stream, StreamError
from ..wire import WireError
from ..wire.rpc import message as wire
from ..wire.rpc import mount, rpcbind
from .rpc_talk import Calls, Datagrams, Talk

NFS, MOUNTD, NLOCKMGR, STATUS, RQUOTAD = 100003, 100005, 100021, 100024, 100011
NAMES = {NFS: "nfs", MOUNTD: "mountd", NLOCKMGR: "nlockmgr", STATUS: "status", RQUOTAD: "rquotad"}
#: Endpoints that one check asks at the most: five programs, each with some ports of its own, over TCP and UDP.
MOST_ENDPOINTS = 32
#: Seconds that TCP is asked alone: long enough for an answer from near by, short against a dropped packet.
_HEAD_START = 0.3
#: Seconds for a first answer on a port that accepts, and for the list of exports: as long as one is asked over UDP. A
#: hung daemon shall not cost the time that reading the export needs.
_PATIENCE = 3.0
# NFSv4 registers itself for clients' convenience only; its NULL is asked on the connection that is there anyway.
_VERSIONS = {NFS: (2, 3), MOUNTD: (1, 2, 3), NLOCKMGR: (1, 2, 3, 4), STATUS: (1,), RQUOTAD: (1, 2)}
# A list that names the port of another well-known service is not followed: foreign bytes are an offence there.
_FOREIGN_PORTS = frozenset(row.port for row in TYPES) - {2049} | {25, 53, 110, 389, 636}


_Asking = asyncio.Task[tuple[rpcbind.Registration, ...]]


@dataclass(slots=True)
class Endpoint:
    """One port of the server, what is registered there, and what became of asking.

    ``programs`` and ``answered`` have the versions of each program. ``calls`` are what goes on once that is known: of a
    mount daemon that was to be kept. ``mounted`` is the argument and the credential of a mount that is to be undone.
    """

    port: int
    transport: str
    programs: dict[int, tuple[int, ...]]
    check: Check
    answered: dict[int, tuple[int, ...]] = field(default_factory=dict)
    exports: tuple[mount.Export, ...] | None = None
    calls: Calls | None = None
    mounted: tuple[bytes, bytes] | None = None

    @property
    def name(self) -> str:
        """As the findings name it: ``mountd 20048/tcp``."""
        return f"{self.services} {self.port}/{self.transport}"

    @property
    def services(self) -> str:
        """What is registered there."""
        return " and ".join(NAMES.get(number, "rpcbind") for number in self.programs)

    async def unmount(self, stream: Stream) -> None:
        """Undo a mount; the farewell to a mount daemon, wherever the climb stops."""
        if self.mounted is not None:
            (argument, credential), self.mounted = self.mounted, None
            await Talk(stream).call(MOUNTD, mount.VERSION, mount.UMNT, argument, credential)


def endpoint(probe: Probe, port: int, transport: str, programs: dict[int, tuple[int, ...]]) -> Endpoint:
    """An endpoint that nobody has asked yet."""
    where = f"{bracketed(probe.host)}:{port}/{transport}"
    return Endpoint(port, transport, programs, Check(Step.CONNECT, where, Outcome.FAILED, ""))


async def ask_rpcbind(probe: Probe) -> tuple[tuple[rpcbind.Registration, ...], list[Endpoint], set[_Asking]]:
    """Ask for the list over TCP and over UDP; return the first list, both endpoints, and who is still being asked.

    An rpcbind that refuses logs each question: refused over TCP, it is not asked again.
    """
    by_tcp, by_udp = (endpoint(probe, rpcbind.PORT, transport, {rpcbind.PROGRAM: ()}) for transport in ("tcp", "udp"))
    asking: set[_Asking] = {asyncio.create_task(_dump(probe, by_tcp))}
    listed: tuple[rpcbind.Registration, ...] = ()
    try:
        await asyncio.wait(asking, timeout=_HEAD_START)
        if "refused" in by_tcp.check.facts:
            by_udp.check.outcome = Outcome.SKIPPED
            by_udp.check.summary = "not asked: it refuses over TCP, and logs that"
            return (), [by_tcp, by_udp], set()
        asking.add(asyncio.create_task(_dump(probe, by_udp)))
        while asking and not listed:
            done, asking = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            listed = max((task.result() for task in done), key=len)
    except asyncio.CancelledError:
        for task in asking:
            task.cancel()
        raise
    return listed, [by_tcp, by_udp], asking


async def _dump(probe: Probe, broker: Endpoint) -> tuple[rpcbind.Registration, ...]:
    found: tuple[rpcbind.Registration, ...] = ()

    async def ask(calls: Calls) -> str:
        nonlocal found
        # The portmapper's list is understood everywhere, and has no IPv6.
        versions = (4, 3) if ":" in (probe.address or "") else (rpcbind.PORTMAPPER, 4, 3)
        for version in versions:
            reply = await calls.call(rpcbind.PROGRAM, version, rpcbind.DUMP)
            if reply.state is not wire.State.VERSION_MISMATCH:
                break
        if reply.state is not wire.State.SUCCESS:
            raise Refused(reply)
        found = rpcbind.parse_dump(reply.results, version)
        broker.answered[rpcbind.PROGRAM] = (version,)
        return f"rpcbind lists {len(found)} registrations"

    await _examine(probe, broker, ask)
    return found


class Refused(Exception):
    """The program is there, and refuses the call."""

    def __init__(self, reply: wire.Reply) -> None:
        auth = f" ({wire.AUTH_REFUSALS.get(reply.auth, reply.auth)})" if reply.state is wire.State.AUTH_ERROR else ""
        super().__init__(f"{reply.state}{auth}")
        self.reply = reply


def endpoints(probe: Probe, listed: Iterable[rpcbind.Registration]) -> list[Endpoint]:
    """The endpoints of NFSv3's programs, in the order of their names; one for each port and transport."""
    sixth = "6" if ":" in (probe.address or "") else ""
    where: dict[tuple[int, str], dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for entry in listed:
        ours = entry.version in _VERSIONS.get(entry.program, ())
        if ours and entry.transport in (f"tcp{sixth}", f"udp{sixth}"):
            where[entry.port, entry.transport[:3]][entry.program].add(entry.version)
    found = [
        endpoint(probe, port, transport, {number: tuple(sorted(versions)) for number, versions in programs.items()})
        for (port, transport), programs in where.items()
    ]
    order = list(NAMES)
    return sorted(found, key=lambda one: (min(map(order.index, one.programs)), one.transport, one.port))


async def knock(probe: Probe, asked: Iterable[Endpoint], *, keep: bool) -> None:
    """Call procedure NULL of every program and version at each endpoint, side by side.

    ``keep`` leaves the connection to a mount daemon open, for the mount.
    """
    await asyncio.gather(*(_knock(probe, one, keep=keep) for one in asked))


async def _knock(probe: Probe, one: Endpoint, *, keep: bool) -> None:
    if one.port in _FOREIGN_PORTS:
        one.check.outcome = Outcome.SKIPPED
        one.check.summary = f"{one.services} is registered on the port of another service: not contacted"
        return

    async def ask(calls: Calls) -> str:
        said = []
        for program, versions in one.programs.items():
            good = []
            for version in versions:
                reply = await calls.call(program, version, 0)
                if reply.state is wire.State.SUCCESS:
                    good.append(version)
                elif reply.state is not wire.State.VERSION_MISMATCH or (version == versions[-1] and not good):
                    raise Refused(reply)
            one.answered[program] = tuple(good)
            said.append(f"{NAMES[program]} {', '.join(map(str, good))}")
            if program == MOUNTD and one.exports is None:
                await _list_exports(one, calls, good[-1])
        return "; ".join(said)

    await _examine(probe, one, ask, keep=keep and MOUNTD in one.programs)


async def _list_exports(one: Endpoint, calls: Calls, version: int) -> None:
    """The list is good to know, and no more: a daemon that looks up names for it may take its time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            reply = await calls.call(MOUNTD, version, mount.EXPORT)
            if reply.state is wire.State.SUCCESS:
                one.exports = mount.parse_exports(reply.results)


async def _examine(probe: Probe, one: Endpoint, ask: Callable[[Calls], Awaitable[str]], *, keep: bool = False) -> None:
    """Run ``ask`` with calls over the endpoint's transport; write what became of it into its check."""
    check, clock = one.check, time.perf_counter()
    try:
        if one.transport == "udp":
            calls: Calls = Datagrams(probe, one.port)
            check.summary = await ask(calls)
            check.step = Step.HANDSHAKE
        else:
            host = probe.address or probe.host
            stream = await probe.dial(host, one.port, one.unmount, privileged=True)
            check.step = Step.HANDSHAKE
            stream.wait_for_first_byte(_PATIENCE)
            calls = Talk(stream)
            check.summary = await ask(calls)
            if not keep:
                await probe.leave(stream)
        one.calls = calls if keep else None
        check.outcome = Outcome.PASSED
    except Refused as error:
        check.step, check.summary = Step.HANDSHAKE, f"{one.services}: {error}"
        check.facts["refused"] = str(error.reply.state)
    except (Failure, StreamError, WireError, OSError) as error:
        if isinstance(error, WireError):
            check.step = Step.HANDSHAKE
        check.finding = explain(error, check.step, "rpc")
        told = check.finding.detail.removeprefix(f"{bracketed(probe.address or probe.host)}:{one.port}: ")
        check.summary = f"{one.services}: {told}"
    check.seconds = time.perf_counter() - clock
