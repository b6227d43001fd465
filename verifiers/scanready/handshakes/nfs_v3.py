"""NFSv3 beside its port 2049: rpcbind and every program that it names, and what is missing for a mount.

What decides: without the mount daemon nothing is mounted. The others are demanded by the requirements, and a scan that
only reads can do without: their absence limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from .. import fixes
from ..causes import common
from ..causes import nfs as causes
from ..model import Check, Finding, Outcome
from ..probe import Probe
from ..wire.rpc import mount, rpcbind
from . import rpc_services as services
from .rpc_services import MOUNTD, NFS, NLOCKMGR, Endpoint

_STOPPED = (common.FILTERED, common.REJECTED, common.UNREACHABLE)
_NEEDED = (NFS, MOUNTD)


@dataclass(slots=True)
class ThirdVersion:
    """What was found of NFSv3. ``mountd`` is the endpoint to mount through, None if there is none that answers."""

    checks: list[Check] = field(default_factory=list)
    mountd: Endpoint | None = None
    exports: tuple[mount.Export, ...] | None = None
    offered: bool = True


async def look_around(probe: Probe, *, needed: bool, on_2049: bool) -> ThirdVersion:
    """Ask rpcbind and every endpoint that it names.

    Args:
        needed: without NFSv3 this target cannot be scanned; else what is missing limits at the most.
        on_2049: NFSv3 answers on the target's own port.
    """
    listed, brokers, still_asked = await services.ask_rpcbind(probe)
    found = [one for one in services.endpoints(probe, listed) if not _is_ours(one, probe)]
    await asyncio.gather(services.knock(probe, found), *still_asked)
    third = ThirdVersion()
    registered = {entry.program for entry in listed}
    third.offered = bool(registered & {MOUNTD, NLOCKMGR}) or on_2049
    third.mountd = _reachable(found, MOUNTD)
    third.exports = next((one.exports for one in found if one.exports is not None), None)
    _judge_brokers(probe, brokers, needed=needed, matters=on_2049)
    if any(one.answered for one in brokers):
        _judge(probe, found, reached={NFS} if on_2049 else set(), needed=needed)
        third.checks = [one.check for one in (*brokers, *found)]
        third.checks += _unregistered(probe, registered, third, needed=needed)
    else:
        third.checks = [one.check for one in brokers]
    return third


def _is_ours(one: Endpoint, probe: Probe) -> bool:
    """Whether this is the target's own connection, which has been asked already."""
    return (one.transport, one.port) == ("tcp", probe.target.port)


def _reachable(found: Iterable[Endpoint], program: int) -> Endpoint | None:
    """The endpoint where a program answered; TCP first, as clients prefer it."""
    return next((one for one in sorted(found, key=lambda one: one.transport) if program in one.answered), None)


def _judge_brokers(probe: Probe, brokers: list[Endpoint], *, needed: bool, matters: bool) -> None:
    """rpcbind over TCP or UDP is enough; without it NFSv3 is out of reach, and NFSv4 is not."""
    if any(one.answered for one in brokers):
        for one in brokers:
            if not one.answered:
                one.check.outcome, one.check.finding = Outcome.SKIPPED, None
                one.check.summary += " (the other transport answers)"
        return
    by_tcp = brokers[0].check
    if "refused" in by_tcp.facts or _is(by_tcp, common.HUNG_UP):
        finding = Finding(causes.RPCBIND_DENIED, by_tcp.summary, f"rpcbind: {probe.agent_address}")
    elif _is(by_tcp, common.REFUSED):
        finding = Finding(causes.NO_RPCBIND, "nothing listens on port 111")
    elif _is(by_tcp, *_STOPPED):
        finding = _blocked(probe, brokers)
    else:
        finding = by_tcp.finding or Finding(common.MALFORMED, by_tcp.summary)
    for one in brokers:
        if one.check.outcome is Outcome.SKIPPED:
            continue
        if needed or (matters and finding.cause is not causes.NO_RPCBIND):
            one.check.outcome, one.check.finding = (Outcome.FAILED if needed else Outcome.WARNED), finding
        else:
            one.check.outcome, one.check.finding = Outcome.SKIPPED, None
            one.check.summary += " (NFSv4 needs no rpcbind)"


def _is(check: Check, *those: object) -> bool:
    return check.finding is not None and check.finding.cause in those


def _judge(probe: Probe, found: list[Endpoint], *, reached: set[int], needed: bool) -> None:
    """Say what each endpoint without an answer means for a mount; ``reached`` are programs that answered elsewhere."""
    reached = reached | {number for one in found for number in one.answered}
    stopped = [one for one in found if _is(one.check, *_STOPPED) or _reset_by_a_firewall(one, found)]
    silent = [one for one in found if _is(one.check, common.UDP_SILENT)]
    all_blocked = _blocked(probe, [*stopped, *silent]) if stopped else None
    for one in found:
        if one.check.outcome is not Outcome.FAILED:
            continue
        missing = needed and any(number in _NEEDED and number not in reached for number in one.programs)
        one.check.outcome = Outcome.FAILED if missing else Outcome.WARNED
        if one in stopped:
            one.check.finding = all_blocked
        elif one in silent:
            one.check.finding = _silence(probe, one, all_blocked, missing=missing)
        elif _is(one.check, common.REFUSED) or "refused" in one.check.facts:
            said = f"{one.name} is registered, and {'refuses' if 'refused' in one.check.facts else 'nothing listens'}"
            one.check.finding = Finding(causes.STALE, said)


def _silence(probe: Probe, one: Endpoint, all_blocked: Finding | None, *, missing: bool) -> Finding:
    """Over UDP: part of a block that TCP proves; or a limit of its own; alone it never blocks."""
    if all_blocked is not None:
        return all_blocked
    detail = f"{one.name} does not answer over UDP"
    return Finding(common.UDP_SILENT if missing else causes.UDP_SILENT, detail, _rules(probe, [one]))


def _reset_by_a_firewall(one: Endpoint, found: list[Endpoint]) -> bool:
    """A port that is reset over TCP while the same program answers over UDP: its server would not do that."""
    others = {number for other in found if other.transport == "udp" for number in other.answered}
    return one.transport == "tcp" and _is(one.check, common.REFUSED) and bool(others & set(one.programs))


def _blocked(probe: Probe, those: list[Endpoint]) -> Finding:
    """One finding for all endpoints that a firewall keeps from us, with every rule that is missing."""
    certain = [one.name for one in those if one.transport == "tcp" or not _is(one.check, common.UDP_SILENT)]
    silent = [one.name for one in those if one.name not in certain]
    detail = f"no way through to {', '.join(certain)}"
    if silent:
        detail += f"; and no answer from {', '.join(silent)}"
    return Finding(causes.PORT_BLOCKED, detail, _rules(probe, those))


def _rules(probe: Probe, those: list[Endpoint]) -> str:
    address = probe.address or probe.host
    return "\n".join(fixes.firewall_rule(probe.agent_address, address, one.port, one.transport) for one in those)


def _unregistered(probe: Probe, registered: set[int], third: ThirdVersion, *, needed: bool) -> list[Check]:
    """Programs that a mount needs, and rpcbind does not know."""
    if not third.offered:
        return []
    missing = [number for number in (MOUNTD, NLOCKMGR) if number not in registered]
    found = []
    for number in missing:
        one = services.endpoint(probe, rpcbind.PORT, "tcp", {})
        said = f"{services.NAMES[number]} is not registered"
        check = one.check
        check.summary, check.finding = said, Finding(causes.NOT_REGISTERED, said)
        check.outcome = Outcome.FAILED if needed and number == MOUNTD else Outcome.WARNED
        found.append(check)
    return found
