"""Connect to a name: dial all its addresses concurrently, and record one check for each.

A race, as browsers run it, would hide a dead address among several. The scanner may use that address, so it is a
finding.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from scanready.causes import common, connect, fleet
from scanready.model import Check, Finding, Outcome, Step, bracketed
from scanready.net.dial import dial
from scanready.net.passage import ALWAYS_OPEN, Passage
from scanready.net.sockets import Address, source_address
from scanready.net.stream import ConnectError, ReadTimeout, Stream, Tap

from .explain import HOST_UNREACHABLE, explain

# A host that is absent answers "unreachable" only after 3.05 s (the kernel's ARP patience, measured), and a lost
# SYN is sent again after 1 and 3 s: less than 4 s would call an absent host filtered. More would eat the deadline.
PATIENCE = 4.5


#: The cases of an address at which no host may be.
_OF_THE_ADDRESS = ("", "no-neighbour", "said-by")


@dataclass(slots=True, eq=False)
class Dialled:
    """Hold the result of dialling: the checks in the resolver's order, and the open streams.

    ``source`` is this agent's own address towards the target, None where there is no route.
    """

    checks: list[Check] = field(default_factory=list)
    alive: list[Stream] = field(default_factory=list)
    source: str | None = None


Opened = Callable[[Stream], object]


async def dial_all(
    addresses: list[Address],
    deadline: float,
    tap: Tap | None,
    opened: Opened,
    privileged: bool = False,
    passage: Passage = ALWAYS_OPEN,
) -> Dialled:
    """Dial all addresses until ``deadline`` (the loop's time), with :data:`PATIENCE` seconds for each.

    ``opened`` is called with each stream as soon as it is connected, so that a cancellation loses none;
    ``privileged`` asks for source ports below 1024. Each waits for its turn in ``passage``, and its time with it.

    Raises:
        NotBegun: the run was stopped before a connection was begun.
    """

    dialled, before = Dialled(), passage.waited
    patience = min(deadline, asyncio.get_running_loop().time() + PATIENCE)
    if len(addresses) == 1:
        attempts = [await _dial(addresses[0], patience, tap, opened, privileged, passage)]
    else:
        every = (_dial(address, patience, tap, opened, privileged, passage) for address in addresses)
        attempts = list(await asyncio.gather(*every))
    for stream, check, source in attempts:
        dialled.checks.append(check)
        dialled.source = dialled.source or source
        if stream is not None:
            stream.deadline = deadline + passage.waited - before
            dialled.alive.append(stream)
    if dialled.alive:
        for check in dialled.checks:
            _soften(check)
    return dialled


async def _dial(
    address: Address, patience: float, tap: Tap | None, opened: Opened, privileged: bool, passage: Passage
) -> tuple[Stream | None, Check, str | None]:
    host, port = str(address[1][0]), int(address[1][1])
    clock = time.perf_counter() - passage.waited  # it stands still, too
    try:
        stream = await dial(address, patience, tap, opened, privileged, passage)
    except (ConnectError, ReadTimeout) as error:
        check, source = _not_connected(error, host, port, address)
        check.seconds = max(0.0, time.perf_counter() - passage.waited - clock)
        return None, check, source
    return _connected(stream, host, port, max(0.0, time.perf_counter() - passage.waited - clock))


def dialled_before(stream: Stream, address: Address, seconds: float) -> Dialled:
    """Return the result of dialling an address to which a connection is open; it took so many seconds."""
    _, check, source = _connected(stream, stream.peer, int(address[1][1]), seconds)
    return Dialled([check], [stream], source)


def failed_before(error: ConnectError | ReadTimeout, address: Address, seconds: float) -> Dialled:
    """Return the result of dialling an address to which there is no connection; that took so many seconds."""
    check, source = _not_connected(error, str(address[1][0]), int(address[1][1]), address)
    check.seconds = seconds
    return Dialled([check], [], source)


def _not_connected(
    error: ConnectError | ReadTimeout, host: str, port: int, address: Address
) -> tuple[Check, str | None]:
    # Only a packet filter's victim needs to know where it came from; a reset costs no extra look-up.
    refused = isinstance(error, ConnectError) and error.offender is None
    source = None if refused else source_address(address)
    check = Check(Step.CONNECT, f"{bracketed(host)}:{port}", Outcome.FAILED, "")
    check.finding = _finding(error, source, host, port)
    check.summary = check.finding.detail
    if isinstance(error, ConnectError) and error.offender not in (None, source):
        check.facts = {"rejected_by": error.offender}
    return check, source


def _connected(stream: Stream, host: str, port: int, seconds: float) -> tuple[Stream, Check, str]:
    check = Check(Step.CONNECT, f"{bracketed(host)}:{port}", Outcome.PASSED, "connected", seconds=seconds)
    return stream, check, str(stream.sock.getsockname()[0])


def _finding(error: ConnectError | ReadTimeout, source: str | None, host: str, port: int) -> Finding:
    """Return the finding, with the missing firewall rule if a firewall is the cause."""
    found = explain(error, Step.CONNECT, "")
    if source is None and found.cause is common.UNREACHABLE:
        return replace(found, case="no-route")
    if source is not None and isinstance(error, ConnectError) and error.offender == source:
        if unanswered := _next_hop_is_silent(error, host):
            return unanswered
        return Finding(common.LOCAL_LIMIT, f"this host's own firewall rejects the connection ({found.detail})")
    if source is None or found.cause not in (common.FILTERED, common.REJECTED):
        return found
    from scanready.remedies.fixes import firewall_rule  # no packet waits for what only a failure needs

    return replace(found, fix=firewall_rule(source, host, port))


def _next_hop_is_silent(error: ConnectError, host: str) -> Finding | None:
    """Return the finding if the kernel itself gave up, since the next hop does not answer; None if a rule forbids it.

    It reports that as a router would: with an ICMP message, from this host's own address.
    """
    if error.icmp not in HOST_UNREACHABLE:
        return None
    from scanready.net.neighbours import next_hop  # no packet waits for what only a failure needs

    hop = next_hop(host)
    if hop is None or not hop.neighbour.silent:
        return None
    if hop.gateway:
        detail = f"{error.strerror}: the gateway {hop.gateway} does not answer at the link layer"
        return Finding(common.UNREACHABLE, detail, case="no-gateway")
    detail = f"{error.strerror}: no host answers for this address at the link layer"
    return Finding(common.UNREACHABLE, detail, case="no-neighbour")


def _soften(check: Check) -> None:
    """Turn a dead address beside a live one into a warning; skip a loopback address, or one without a route."""
    if check.outcome is not Outcome.FAILED or check.finding is None:
        return
    if check.finding.cause is fleet.NOT_ALLOWED:  # it was not asked, so it may answer
        check.outcome, check.tentative = Outcome.WARNED, True
        return
    loopback = check.endpoint.startswith(("127.", "[::1]"))
    if loopback or check.finding.case == "no-route":
        check.outcome, check.finding = Outcome.SKIPPED, None
        check.summary += " (another address of the name answers)"
        return
    check.outcome = Outcome.WARNED
    if check.finding.cause is not common.REJECTED and check.finding.case in _OF_THE_ADDRESS:
        check.finding = replace(check.finding, case=connect.OTHER_ADDRESS)
