"""Check NFSv3's other ports besides 2049: rpcbind and the services that it reports.

The mount daemon is required: without it no mount works. The requirements demand the other services too, but a scan
only reads and works without them, so a missing one makes the verdict ``limited``. The requirements want the lock daemon
over UDP, and status receives its notifications over UDP. The other services may answer over TCP only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from scanready.causes import common
from scanready.climb.probe import Probe
from scanready.model import Check, Finding, Outcome, Step
from scanready.remedies.fixes import firewall_rule, together
from scanready.wire.rpc import message, mount, rpcbind

from . import causes, fixes, rpc_services
from .options import MOUNTD_PORT, NLOCKMGR_PORT, RQUOTAD_PORT, STATUS_PORT
from .rpc_services import MOUNTD, NFS, NLOCKMGR, RQUOTAD, STATUS, Endpoint

_STOPPED = (common.FILTERED, common.REJECTED, common.UNREACHABLE)
_LOCKING = (NLOCKMGR, STATUS)


@dataclass(slots=True)
class ThirdVersion:
    """Hold the results for NFSv3; ``mountd`` is the endpoint for the mount, None if no mount daemon answers."""

    checks: list[Check] = field(default_factory=list)
    mountd: Endpoint | None = None
    exports: tuple[mount.Export, ...] | None = None


async def look_around(probe: Probe, *, needed: bool, version: int) -> ThirdVersion:
    """Ask rpcbind and test every endpoint that it reports, after NFSv3 (or older) answered on the target's own port.

    Args:
        needed: True if the target can be scanned only with NFSv3; otherwise a missing service is only a warning.
        version: 3, or 2, for which an older mount daemon is enough.
    """
    listed, brokers, still_asked = await rpc_services.ask_rpcbind(probe)
    every = _beside_ours(probe, rpc_services.endpoints(probe, listed))
    found = every[: rpc_services.MOST_ENDPOINTS]
    await asyncio.gather(rpc_services.knock(probe, found), *still_asked)
    if len(every) > len(found):
        brokers[0].check.summary += f" on {len(every)} ports; {len(found)} of them were tested"
    third = ThirdVersion(mountd=_mount_daemon(found, version))
    if third.mountd is not None:
        third.exports = await rpc_services.list_exports(third.mountd)
    _judge_brokers(probe, brokers, needed=needed)
    third.checks = [one.check for one in brokers]
    if any(one.answered for one in brokers):
        lost = _mount_versions(version) if needed and third.mountd is None else set()
        _judge(probe, found, needed=needed, lost=lost)
        third.checks += [one.check for one in found]
        third.checks += _unregistered(probe, {entry.program for entry in listed}, needed=needed)
        third.checks += _elsewhere(probe, found)
    if needed and third.mountd is None and not any(check.outcome is Outcome.FAILED for check in third.checks):
        third.checks.append(_no_mount_daemon(probe, found, version))
    return third


def _beside_ours(probe: Probe, every: Iterable[Endpoint]) -> list[Endpoint]:
    """Return the endpoints to test: without NFS on the target's own port, but with other services on that port."""
    for one in every:
        if (one.transport, one.port) == ("tcp", probe.target.port):
            one.programs.pop(NFS, None)
    return [one for one in every if one.programs]


def _mount_versions(version: int) -> set[int]:
    """Return the versions of the mount daemon that serve that version of NFS."""
    return {3} if version == 3 else {1, 2}


def _mount_daemon(found: Iterable[Endpoint], version: int) -> Endpoint | None:
    """Return the endpoint for the mount; TCP first, as clients prefer it."""
    wanted = _mount_versions(version)
    answering = (one for one in found if one.answered.get(MOUNTD))
    usable = (one for one in answering if wanted & set(one.answered[MOUNTD] if _by_tcp(one) else one.programs[MOUNTD]))
    return min(usable, key=lambda one: (one.transport, one.port), default=None)


def _by_tcp(one: Endpoint) -> bool:
    return one.transport == "tcp"


def _judge_brokers(probe: Probe, brokers: list[Endpoint], *, needed: bool) -> None:
    """Judge rpcbind: TCP or UDP is enough. Without it NFSv3 cannot be used, but NFSv4 can."""
    if any(one.answered for one in brokers):
        for one in brokers:
            if not one.answered:
                _let_pass(one.check, "the other transport answers")
        return
    finding = _no_broker(probe, brokers)
    for one in brokers:
        if one.check.outcome is Outcome.SKIPPED:
            continue
        if needed or (finding.cause is not causes.NO_RPCBIND and finding.cause.definite):
            one.check.outcome, one.check.finding = (Outcome.FAILED if needed else Outcome.WARNED), finding
        else:
            _let_pass(one.check, "NFSv4 needs no rpcbind")


def _no_broker(probe: Probe, brokers: list[Endpoint]) -> Finding:
    by_tcp = brokers[0].check
    if by_tcp.facts.get("refused") == message.State.AUTH_ERROR or _is(by_tcp, common.HUNG_UP):
        return Finding(causes.RPCBIND_DENIED, by_tcp.summary, fixes.ALLOW_RPCBIND(agent=probe.agent_address))
    if "refused" in by_tcp.facts:
        return Finding(causes.REFUSED, by_tcp.summary)
    if _is(by_tcp, common.REFUSED):
        return Finding(causes.NO_RPCBIND, "port 111 refuses the connection")
    if _is(by_tcp, *_STOPPED):
        return _blocked(probe, brokers)
    assert by_tcp.finding is not None, "an endpoint that does not answer has a finding"
    return by_tcp.finding


def _is(check: Check, *those: object) -> bool:
    return check.finding is not None and check.finding.cause in those


def _let_pass(check: Check, why: str) -> None:
    """Skip an endpoint that did not answer and does not affect the verdict."""
    check.outcome, check.finding = Outcome.SKIPPED, None
    check.summary += f" ({why})"


def _judge(probe: Probe, found: list[Endpoint], *, needed: bool, lost: set[int]) -> None:
    """Judge what each endpoint without an answer means for a mount.

    ``lost`` holds the required versions of the mount daemon if none of them answers. Each version may have its own
    port, so an older version that answers does not help.
    """
    by_tcp = {NFS} | {number for one in found if _by_tcp(one) for number in one.answered}
    for one in found:
        if _is(one.check, common.UDP_SILENT) and by_tcp.issuperset(one.programs) and not _is_for_locking(one):
            _let_pass(one.check, "TCP is enough")
    stopped = [one for one in found if _is(one.check, *_STOPPED) or _reset_by_a_firewall(one, found)]
    silent = [one for one in found if _is(one.check, common.UDP_SILENT)]
    all_blocked = _blocked(probe, [*stopped, *silent]) if stopped else None
    for one in found:
        if one.check.outcome is not Outcome.FAILED:
            continue
        missing = bool(lost & set(one.programs.get(MOUNTD, ())))
        one.check.outcome = Outcome.FAILED if missing else Outcome.WARNED
        if one in stopped:
            one.check.finding = all_blocked
        elif one in silent:
            one.check.finding = _silence(probe, one, all_blocked, missing=missing)
        elif _is(one.check, common.REFUSED) or "refused" in one.check.facts:
            one.check.finding = _not_there(one)
        elif not needed and one.check.finding is not None and not one.check.finding.cause.definite:
            _let_pass(one.check, "unknown, but NFSv4 does not need it")


def _not_there(one: Endpoint) -> Finding:
    """Return the finding for a registered port where the service is missing, or rejects the call."""
    refusal = one.check.facts.get("refused")
    if refusal in (None, message.State.PROGRAM_UNAVAILABLE, message.State.VERSION_MISMATCH):
        result = f"the port answers: {refusal}" if refusal else "the port refuses connections"
        return Finding(causes.STALE, f"{one.name} is registered, but {result}")
    return Finding(causes.REFUSED, one.check.summary)


def _is_for_locking(one: Endpoint) -> bool:
    return any(number in _LOCKING for number in one.programs)


def _silence(probe: Probe, one: Endpoint, all_blocked: Finding | None, *, missing: bool) -> Finding:
    """Judge silence over UDP: part of a block that TCP proves, otherwise a limit; it never blocks by itself."""
    if all_blocked is not None:
        return all_blocked
    detail = f"{one.name} does not answer over UDP"
    return Finding(common.UDP_SILENT if missing else causes.UDP_SILENT, detail, _rules(probe, [one]))


def _reset_by_a_firewall(one: Endpoint, found: list[Endpoint]) -> bool:
    """Return True for a port that resets TCP while the same program answers over UDP: only a firewall does that."""
    others = {number for other in found if other.transport == "udp" for number in other.answered}
    return one.transport == "tcp" and _is(one.check, common.REFUSED) and bool(others & set(one.programs))


def _blocked(probe: Probe, those: list[Endpoint]) -> Finding:
    """Return one finding for all blocked endpoints, with every missing firewall rule."""
    certain = [one.name for one in those if not _is(one.check, common.UDP_SILENT)]
    silent = [one.name for one in those if one.name not in certain]
    detail = f"blocked: {', '.join(certain)}"
    if silent:
        detail += f"; no answer from {', '.join(silent)}"
    return Finding(causes.PORT_BLOCKED, detail, _rules(probe, those))


def _rules(probe: Probe, those: list[Endpoint]) -> str | None:
    address = probe.address or probe.host
    return together(firewall_rule(probe.agent_address, address, one.port, one.transport) for one in those)


def _unregistered(probe: Probe, registered: set[int], *, needed: bool) -> list[Check]:
    """Return failed checks for the services that a mount needs and rpcbind does not list."""
    missing = [number for number in (MOUNTD, NLOCKMGR) if number not in registered]
    return [
        _absent(probe, f"{rpc_services.NAMES[number]} is not registered", fails=needed and number == MOUNTD)
        for number in missing
    ]


def _no_mount_daemon(probe: Probe, found: list[Endpoint], version: int) -> Check:
    """Return the failed check for a missing mount daemon: it has other versions, or a port that is not contacted."""
    check = _absent(probe, f"no mount daemon for NFSv{version} answers", fails=True)
    left = [one for one in found if MOUNTD in one.programs and one.check.outcome is Outcome.SKIPPED]
    if left:
        check.summary = "; ".join(one.check.summary for one in left)
        check.finding = Finding(common.NOT_FOLLOWED, check.summary)
    return check


def _elsewhere(probe: Probe, found: Iterable[Endpoint]) -> list[Check]:
    """Return a warning for each service that has another port than the inventory says; rules are made from that."""
    options, checks = probe.target.options, []
    pinned = {
        MOUNTD: MOUNTD_PORT.of(options),
        NLOCKMGR: NLOCKMGR_PORT.of(options),
        STATUS: STATUS_PORT.of(options),
        RQUOTAD: RQUOTAD_PORT.of(options),
    }
    for number, told in pinned.items():
        ports = {one.port for one in found if number in one.programs}
        if told is None or not ports or ports <= set(map(int, told.split(","))):
            continue
        name, there = rpc_services.NAMES[number], " and ".join(map(str, sorted(ports)))
        detail = f"rpcbind reports {name} on port {there}, and the inventory says {told} (`{name}_port`)"
        check = rpc_services.endpoint(probe, min(ports), "tcp", {number: ()}).check
        check.step, check.outcome, check.summary = Step.HANDSHAKE, Outcome.WARNED, detail
        check.finding = Finding(causes.PORT_DIFFERS, detail)
        checks.append(check)
    return checks


def _absent(probe: Probe, detail: str, *, fails: bool) -> Check:
    check = rpc_services.endpoint(probe, rpcbind.PORT, "tcp", {}).check
    check.summary, check.finding = detail, Finding(causes.NOT_REGISTERED, detail)
    check.outcome = Outcome.FAILED if fails else Outcome.WARNED
    return check
