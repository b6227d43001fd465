"""Judge what the verifier of another package left: whose fault an error is, and whether a good verdict is proven.

Nothing here is asked of a built-in type, whose verifier has tests for each of its words.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanready.causes import common, plugin
from scanready.climb.probe import Probe
from scanready.model import GOOD, Cause, Check, Finding, Outcome, Step, Verdict, judge, reached

from .checks import drop_wrong_checks
from .origin import Origin
from .shape import shown

_HELD = (Outcome.PASSED, Outcome.WARNED)
#: Connections and logins that a verifier may count: far beyond any climb, and a number that every reader can hold.
_MOST_COUNTED = 1_000_000


class Review:
    """Judge the climbs of one target type of another package.

    Args:
        origin: where the type comes from; named in every fault.
    """

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._fault = ""

    def begin(self, probe: Probe) -> None:
        """Drop the checks that no report can hold; :meth:`conclude` tells what was wrong with them."""
        self._fault = drop_wrong_checks(probe)

    def conclude(self, probe: Probe) -> bool:
        """Name the package in every fault of its verifier, and add a failed check where a good verdict is not proven.

        Returns:
            Whether what the checks say of the target can be relied on.
        """
        faults = self._fault, drop_wrong_checks(probe), self.count(probe)
        if fault := next(filter(None, faults), ""):
            self._add(probe, plugin.PLUGIN_FAILED, fault)
        for check in probe.checks:
            if check.finding is not None and check.finding.cause is common.BUG:
                check.finding = self._finding(plugin.PLUGIN_FAILED, check.finding.detail)
            elif check.finding is None and check.outcome in (Outcome.FAILED, Outcome.WARNED):
                fault = f"the check of {check.step} has {check.outcome} and names no cause: {check.summary}"
                check.finding = self._finding(plugin.PLUGIN_FAILED, fault)
        verdict, decisive = judge(probe.checks, probe.row.proof)
        if verdict is Verdict.UNDECIDED and decisive is None and probe.depth.height >= probe.row.proof.height:
            ended = f"the climb ended after {reached(probe.checks) or 'nothing'}, without a reason"
            self._add(probe, plugin.PLUGIN_FAILED, ended)
        if gap := missing_proof(probe):
            self._add(probe, plugin.PLUGIN_UNPROVEN, gap)
        return not fault and not gap

    def canary(self, probe: Probe, canary: Probe) -> None:
        """Drop what no report can hold from the climb of a canary; what was wrong there fails the target's check.

        The canary could have said that its host answers on every port, so a good verdict is not proven without it.
        """
        dropped, miscounted = drop_wrong_checks(canary), self.count(canary)
        if fault := dropped or miscounted:
            self._add(probe, plugin.PLUGIN_FAILED, f"on port {canary.target.port}: {fault}")

    def count(self, probe: Probe) -> str:
        """Set counts that are none to 0, and say what is wrong with the first; empty if nothing is."""
        cost, faults = probe.footprint, []
        for name in ("connections", "login_attempts", "probe_logins"):
            count = getattr(cost, name)
            if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= _MOST_COUNTED:
                setattr(cost, name, 0)
                faults.append(f"the verifier counted {shown(count)} {name}; write a number from 0 to {_MOST_COUNTED}")
        return next(iter(faults), "")

    def _add(self, probe: Probe, cause: Cause, detail: str) -> None:
        finding = self._finding(cause, detail)
        step = probe.checks[-1].step if probe.checks else Step.AGENT
        probe.checks.append(Check(step, probe.endpoint, Outcome.FAILED, finding.detail, finding=finding))

    def _finding(self, cause: Cause, detail: str) -> Finding:
        return Finding(cause, f"{self._origin.described}: {detail}", self._origin.fix)


def missing_proof(probe: Probe) -> str:
    """Say what a good verdict of this climb lacks; empty if it lacks nothing, or if the verdict is not good."""
    verdict, _ = judge(probe.checks, probe.row.proof)
    return next(_gaps(probe), "") if verdict in GOOD else ""


def _gaps(probe: Probe) -> Iterator[str]:
    cost, contact, row = probe.footprint, probe.contact, probe.row
    if not (cost.connections or cost.login_attempts or cost.probe_logins or contact.answered or probe.address):
        yield "nothing was contacted"
    by_itself = cost.connections > contact.connections or cost.login_attempts or cost.probe_logins
    if not (row.by_connection or contact.answered or by_itself or not contact.connections):
        yield "the target sent not one byte: an open port proves nothing"
    if row.proof.height <= Step.CONNECT.height:
        yield f"its row ends at {row.proof}, which proves nothing"
    held = {check.step for check in probe.checks if check.outcome in _HELD}
    proven = {check.step for check in probe.checks if check.outcome in _HELD and _is_of_target(probe, check)}
    first = min(Step.HANDSHAKE, row.proof, key=lambda step: step.height)
    last = Step.ACCESS if Step.ACCESS in held else row.proof
    for step in (first, last):
        if step not in proven:
            elsewhere = " of an endpoint that the climb contacted" if step in held else ""
            yield f"no check of {step}{elsewhere} passed"
    if Step.LOGIN in held and not (cost.login_attempts or cost.probe_logins):
        yield "the login passed, and none was tried"


def _is_of_target(probe: Probe, check: Check) -> bool:
    """Whether a check is of the target, or of an endpoint that the climb contacted on its way, as a broker's port."""
    return check.endpoint in (probe.endpoint, probe.host) or check.endpoint in probe.contact.endpoints
