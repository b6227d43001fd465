"""Ask rpcbind for its list, and test each service in it: one check for each endpoint.

All endpoints are tested in parallel, because each port behind a dropping firewall costs the whole timeout.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from scanready.climb import peers_word
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Check, Outcome, Step, bracketed
from scanready.net.stream import Stream, StreamError
from scanready.wire import WireError
from scanready.wire.rpc import message as wire
from scanready.wire.rpc import mount, rpcbind

from .rpc_talk import Calls, Datagrams, Talk, null, read

NFS, MOUNTD, NLOCKMGR, STATUS, RQUOTAD = 100003, 100005, 100021, 100024, 100011
NAMES = {NFS: "nfs", MOUNTD: "mountd", NLOCKMGR: "nlockmgr", STATUS: "status", RQUOTAD: "rquotad"}
#: The most endpoints of one check: five services, each with several ports, over TCP and UDP.
MOST_ENDPOINTS = 32
#: Seconds by which TCP starts before UDP: enough for an answer from a near server, short compared to a timeout.
_HEAD_START = 0.3
#: Seconds for a first answer on an open port, and for the list of exports: the same as for UDP. A daemon that hangs
#: must not use up the time that is needed to read the export.
_PATIENCE = 3.0
# NFSv4 is left out: it registers itself only for convenience, and its NULL goes over the target's own connection.
_VERSIONS = {NFS: (2, 3), MOUNTD: (1, 2, 3), NLOCKMGR: (1, 2, 3, 4), STATUS: (1,), RQUOTAD: (1, 2)}

_Asking = asyncio.Task[tuple[rpcbind.Registration, ...]]


@dataclass(slots=True)
class Endpoint:
    """Hold one port of the server, the programs registered there, and the result of the test.

    ``programs`` and ``answered`` map each program to its versions. ``calls`` is kept for a mount daemon, for the later
    mount. ``mounted`` has the argument and the credential of a mount that must be undone.
    """

    port: int
    transport: str
    programs: dict[int, tuple[int, ...]]
    check: Check
    answered: dict[int, tuple[int, ...]] = field(default_factory=dict)
    calls: Calls | None = None
    mounted: tuple[bytes, bytes] | None = None

    @property
    def name(self) -> str:
        """Return the endpoint's name in findings, such as ``mountd 20048/tcp``."""
        return f"{self.services} {self.port}/{self.transport}"

    @property
    def services(self) -> str:
        """Return the names of the services registered there."""
        return " and ".join(NAMES.get(number, "rpcbind") for number in self.programs)

    async def unmount(self, stream: Stream) -> None:
        """Undo a mount before the connection to the mount daemon closes, whatever the result of the check."""
        if self.mounted is not None:
            (argument, credential), self.mounted = self.mounted, None
            await Talk(stream).call(MOUNTD, mount.VERSION, mount.UMNT, argument, credential)


def endpoint(probe: Probe, port: int, transport: str, programs: dict[int, tuple[int, ...]]) -> Endpoint:
    """Return an endpoint that has not been tested yet."""
    where = f"{bracketed(probe.host)}:{port}/{transport}"
    return Endpoint(port, transport, programs, Check(Step.CONNECT, where, Outcome.FAILED, ""))


async def ask_rpcbind(probe: Probe) -> tuple[tuple[rpcbind.Registration, ...], list[Endpoint], set[_Asking]]:
    """Ask for the list over TCP and UDP; return the first list, both endpoints, and the unfinished tasks.

    An rpcbind that rejects a call logs it, so after a rejection over TCP it is not asked over UDP.
    """
    by_tcp, by_udp = (endpoint(probe, rpcbind.PORT, transport, {rpcbind.PROGRAM: ()}) for transport in ("tcp", "udp"))
    asking: set[_Asking] = {asyncio.create_task(_list(probe, by_tcp))}
    listed: tuple[rpcbind.Registration, ...] = ()
    try:
        await asyncio.wait(asking, timeout=_HEAD_START)
        if "refused" in by_tcp.check.facts:
            by_udp.check.outcome = Outcome.SKIPPED
            by_udp.check.summary = "not asked: rpcbind rejects the agent over TCP, and logs each call"
            return (), [by_tcp, by_udp], set()
        asking.add(asyncio.create_task(_list(probe, by_udp)))
        while asking and not listed:
            done, asking = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            listed = max((task.result() for task in done), key=len)
    except BaseException:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        raise
    return listed, [by_tcp, by_udp], asking


async def _list(probe: Probe, broker: Endpoint) -> tuple[rpcbind.Registration, ...]:
    found: tuple[rpcbind.Registration, ...] = ()

    async def ask(calls: Calls) -> str:
        nonlocal found
        # Every rpcbind supports the portmapper's version; only the later versions have IPv6.
        versions = (4, 3) if ":" in (probe.address or "") else (rpcbind.PORTMAPPER, 4, 3)
        for version in versions:
            reply = await calls.call(rpcbind.PROGRAM, version, rpcbind.DUMP)
            if reply.state is not wire.State.VERSION_MISMATCH:
                break
        if reply.state is wire.State.SUCCESS:
            found = read(lambda results: rpcbind.parse_dump(results, version), reply)
        elif reply.state is not wire.State.PROCEDURE_UNAVAILABLE:
            raise Refused(reply)
        broker.answered[rpcbind.PROGRAM] = (version,)
        summary = f"rpcbind lists {len(found)} registrations"
        if not any(entry.program in NAMES for entry in found):
            found += (unlisted := await _look_up(probe, calls, version))
            summary += f"; it reports {len(unlisted)} more if asked for each service" if unlisted else ""
        return summary

    await _examine(probe, broker, ask)
    return found


async def _look_up(probe: Probe, calls: Calls, version: int) -> tuple[rpcbind.Registration, ...]:
    """Ask for each program by its number, as a mount does: some servers hide their list."""
    found = []
    for program, numbers in _VERSIONS.items():
        for netid in _netids(probe):
            arguments = rpcbind.which(version, program, numbers[-1], netid)
            reply = await calls.call(rpcbind.PROGRAM, version, rpcbind.GETPORT, arguments)
            if reply.state is wire.State.SUCCESS:
                port = read(lambda results: rpcbind.parse_port(results, version), reply)
                found += [rpcbind.Registration(program, numbers[-1], netid, port)] if port else []
    return tuple(found)


def _netids(probe: Probe) -> tuple[str, str]:
    """Return rpcbind's names of TCP and UDP for the address family in use."""
    return ("tcp6", "udp6") if ":" in (probe.address or "") else ("tcp", "udp")


class Refused(Exception):
    """The program answers and rejects the call."""

    def __init__(self, reply: wire.Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


def endpoints(probe: Probe, listed: Iterable[rpcbind.Registration]) -> list[Endpoint]:
    """Return the endpoints of NFSv3's programs, in the order of :data:`NAMES`; one for each port and transport."""
    netids = _netids(probe)
    where: dict[tuple[int, str], dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for entry in listed:
        if entry.version in _VERSIONS.get(entry.program, ()) and entry.transport in netids:
            where[entry.port, entry.transport[:3]][entry.program].add(entry.version)
    found = [
        endpoint(probe, port, transport, {number: tuple(sorted(versions)) for number, versions in programs.items()})
        for (port, transport), programs in where.items()
    ]
    order = list(NAMES)
    return sorted(found, key=lambda one: (min(map(order.index, one.programs)), one.transport, one.port))


async def knock(probe: Probe, asked: Iterable[Endpoint]) -> None:
    """Call procedure NULL of every program at each endpoint, in parallel; keep the connections to mount daemons."""
    await asyncio.gather(*(_knock(probe, one) for one in asked))


async def _knock(probe: Probe, one: Endpoint) -> None:
    if name := peers_word.other_service(probe, one.port, probe.row.speaks):
        one.check.outcome = Outcome.SKIPPED
        one.check.summary = f"{one.name} is registered on the port of {name}: not contacted"
        return

    async def ask(calls: Calls) -> str:
        for program, versions in one.programs.items():
            one.answered[program] = await _null(calls, program, versions, every=one.transport == "tcp")
        return "; ".join(f"{NAMES[program]} {', '.join(map(str, good))}" for program, good in one.answered.items())

    await _examine(probe, one, ask, keep=MOUNTD in one.programs)


async def _null(calls: Calls, program: int, versions: tuple[int, ...], *, every: bool) -> tuple[int, ...]:
    """Return the versions that answer; over UDP, where each call costs a new socket, stop at the first one."""
    good: list[int] = []
    for version in reversed(versions):
        reply = await null(calls, program, version)
        if reply.state is wire.State.SUCCESS:
            good.insert(0, version)
            if not every:
                break
        elif reply.state is not wire.State.VERSION_MISMATCH or (version == versions[0] and not good):
            raise Refused(reply)
    return tuple(good)


async def list_exports(daemon: Endpoint) -> tuple[mount.Export, ...] | None:
    """Ask a mount daemon for its exports; return None if it does not answer.

    The list is optional: a daemon may be slow with DNS lookups, and a list can be too long. After a failure the
    connection cannot be used for the mount, which then opens its own.
    """
    assert daemon.calls is not None, "the connection was kept for this call"
    version = max(daemon.answered[MOUNTD])
    try:
        async with asyncio.timeout(_PATIENCE):
            reply = await daemon.calls.call(MOUNTD, version, mount.EXPORT)
    except (StreamError, WireError, OSError):
        daemon.calls = None
        return None
    with contextlib.suppress(WireError):
        return mount.parse_exports(reply.results) if reply.state is wire.State.SUCCESS else None
    return None


async def _examine(probe: Probe, one: Endpoint, ask: Callable[[Calls], Awaitable[str]], *, keep: bool = False) -> None:
    """Run ``ask`` with calls over the endpoint's transport, and write the result into its check."""
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
        check.finding = probe.explain(error, check.step)
        detail = check.finding.detail.removeprefix(f"{bracketed(probe.address or probe.host)}:{one.port}: ")
        check.summary = f"{one.services}: {detail}"
    check.seconds = time.perf_counter() - clock
