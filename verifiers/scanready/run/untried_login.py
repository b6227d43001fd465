"""Record a credential that a verifier was given and did not try: then the target is ``undecided``, never ``ready``.

A built-in type whose row ends before LOGIN, or says ``logs_in=False``, has no login by design: its page says so, and
its verdict stays. A built-in verifier that skips LOGIN gives the reason there. For a type of another package neither
is known to the person who gave the credential.
"""

from __future__ import annotations

from scanready.causes import unproven
from scanready.climb.probe import Probe
from scanready.model import Check, Finding, Outcome, Step, Verdict, judge

_HELD = (Outcome.PASSED, Outcome.WARNED)


def record_untried_login(probe: Probe, *, built_in: bool) -> None:
    """Add a check of LOGIN with ``login.not-tried`` where the climb ended well without trying the credential."""
    if probe.credential is None or probe.depth.height < Step.LOGIN.height:
        return
    verdict, _ = judge(probe.checks, probe.row.proof)
    if verdict not in ((Verdict.READY,) if built_in else (Verdict.READY, Verdict.LIMITED)):
        return
    if built_in and (Step.LOGIN not in probe.row.steps or not probe.row.logs_in):
        return
    logins = [check for check in probe.checks if check.step is Step.LOGIN]
    read = any(check.step is Step.ACCESS and check.outcome in _HELD for check in probe.checks)
    if read or (logins if built_in else any(check.outcome is not Outcome.SKIPPED for check in logins)):
        return
    detail = f"the verifier of {probe.row.name} did not log in with {probe.credential.name}"
    finding = Finding(unproven.LOGIN_NOT_TRIED, detail)
    probe.checks.append(Check(Step.LOGIN, probe.endpoint, Outcome.FAILED, detail, finding=finding))
