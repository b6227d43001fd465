"""The verdict: a table of checks and what follows from them."""

from __future__ import annotations

import pytest

from scanready.causes import common
from scanready.model import Check, Credential, Finding, Outcome, Step, Verdict, judge, reached

P, W, F, S = Outcome.PASSED, Outcome.WARNED, Outcome.FAILED, Outcome.SKIPPED
CLIMBED = [(Step.RESOLVE, P), (Step.CONNECT, P), (Step.HANDSHAKE, P), (Step.AUTH, P)]


def checks(*steps: tuple[Step, Outcome], **last: object) -> list[Check]:
    """Checks without findings; ``last`` is set on the last one."""
    made = [Check(step, "h:1", outcome, "") for step, outcome in steps]
    for name, value in last.items():
        setattr(made[-1], name, value)
    return made


def finding(cause: object) -> Finding:
    return Finding(cause, "seen")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (checks(*CLIMBED), Verdict.READY),
        (checks(*CLIMBED, (Step.LOGIN, P)), Verdict.READY),
        (checks(*CLIMBED, (Step.LOGIN, P), (Step.ACCESS, P)), Verdict.SCANNABLE),
        (checks(*CLIMBED[:2], (Step.ACCESS, P)), Verdict.SCANNABLE),
        (checks(*CLIMBED[:2]), Verdict.UNDECIDED),
        (checks(*CLIMBED[:3]), Verdict.UNDECIDED),
        (checks(), Verdict.UNDECIDED),
        (checks(*CLIMBED[:1], (Step.CONNECT, F), finding=finding(common.REFUSED)), Verdict.BLOCKED),
        (checks(*CLIMBED, (Step.LOGIN, F), finding=finding(common.BUG)), Verdict.UNDECIDED),
        (checks(*CLIMBED, (Step.LOGIN, F), finding=finding(common.LOGIN_WITHHELD)), Verdict.UNDECIDED),
        (checks(*CLIMBED, (Step.TLS, W), finding=finding(common.TLS_EXPIRED)), Verdict.LIMITED),
        (checks(*CLIMBED[:2], (Step.CONNECT, W), finding=finding(common.FILTERED)), Verdict.UNDECIDED),
        (checks(*CLIMBED[:3], (Step.AUTH, W), finding=finding(common.REFUSED), tentative=True), Verdict.UNDECIDED),
        (checks(*CLIMBED[:3], (Step.AUTH, F), finding=finding(common.REFUSED), tentative=True), Verdict.UNDECIDED),
        (checks(*CLIMBED, (Step.HANDSHAKE, W), finding=finding(common.FALSE_OPEN)), Verdict.UNDECIDED),
        (checks(*CLIMBED, (Step.LOGIN, S)), Verdict.READY),
    ],
)
def test_judge(made: list[Check], verdict: Verdict) -> None:
    assert judge(made)[0] is verdict


def test_a_blocking_cause_outranks_what_came_before_it() -> None:
    made = checks((Step.TLS, W), finding=finding(common.TLS_EXPIRED)) + checks(
        (Step.LOGIN, F), finding=finding(common.LOGIN_REFUSED)
    )
    verdict, decisive = judge(made)
    assert verdict is Verdict.BLOCKED
    assert decisive is made[1]


def test_a_type_whose_requirement_ends_earlier() -> None:
    assert judge(checks(*CLIMBED[:3]), Step.HANDSHAKE)[0] is Verdict.READY


def test_reached_is_the_highest_that_held() -> None:
    assert reached(checks(*CLIMBED, (Step.LOGIN, F))) is Step.AUTH
    assert reached(checks((Step.RESOLVE, F))) is None


def test_secrets_are_not_in_a_repr() -> None:
    credential = Credential("pg", "er", password="canary-1", key_passphrase="canary-2")
    assert "canary" not in repr(credential)
