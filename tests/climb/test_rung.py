"""The step of a cause: what breaks past the handshake is no broken handshake."""

from __future__ import annotations

import asyncio

import pytest

from scanready.causes import common, talk_ended
from scanready.climb.explain import Failure
from scanready.climb.identify import Signatures
from scanready.climb.rung import ClimbEnded, Rung
from scanready.model import Cause, Check, Finding, Outcome, Step, Verdict, judge
from scanready.net.errors import LEAST_SILENCE
from scanready.net.stream import PeerClosed, ReadTimeout
from scanready.wire import WireError
from tests.ladder import BY_NAME

BROKEN = [WireError("a length of -1"), Failure(common.MALFORMED, "a length of -1")]


WHERE = "h:3306"


def climbed(step: Step, error: Exception, *before: Check) -> list[Check]:
    """Return the checks of a rung that ``error`` leaves, after those that were made before."""
    checks = [*before]

    async def climb() -> None:
        async with Rung(BY_NAME["mysql"], Step.ACCESS, Signatures(), step, WHERE, checks):
            raise error

    with pytest.raises(ClimbEnded):
        asyncio.run(climb())
    return checks


def checked(step: Step, error: Exception) -> Check:
    (check,) = climbed(step, error)
    return check


def finding_of(check: Check) -> Finding:
    assert check.finding is not None
    return check.finding


def found(step: Step, error: Exception) -> Finding:
    return finding_of(checked(step, error))


@pytest.mark.parametrize("error", BROKEN)
@pytest.mark.parametrize(
    ("step", "cause"),
    [
        (Step.HANDSHAKE, common.MALFORMED),
        (Step.AUTH, common.LIMIT),
        (Step.LOGIN, common.LIMIT),
        (Step.ACCESS, common.LIMIT),
    ],
)
def test_bytes_that_break_past_the_handshake_are_a_limit_of_ours(step: Step, cause: Cause, error: Exception) -> None:
    finding = found(step, error)
    assert finding.cause is cause
    assert "a length of -1" in finding.detail
    assert ("the server's answer is not understood: " in finding.detail) is (cause is common.LIMIT)


PAST = {
    Step.AUTH: (talk_ended.AUTH_TOO_SLOW, talk_ended.AUTH_BROKEN_OFF),
    Step.LOGIN: (talk_ended.LOGIN_TOO_SLOW, talk_ended.LOGIN_BROKEN_OFF),
    Step.ACCESS: (talk_ended.ACCESS_TOO_SLOW, talk_ended.ACCESS_BROKEN_OFF),
}


@pytest.mark.parametrize("step", PAST)
@pytest.mark.parametrize("heard", [b"", b"+OK"])
def test_silence_and_a_hang_up_past_the_handshake_belong_to_the_rung_that_was_climbed(step: Step, heard: bytes) -> None:
    slow, broken_off = PAST[step]
    for error, cause in (
        (ReadTimeout("no answer", heard, LEAST_SILENCE), slow),
        (Failure(common.TOO_SLOW, "no answer"), slow),
        (PeerClosed("the peer closed the connection", heard), broken_off),
        (PeerClosed("the peer closed the connection", b"SSH-2.0-x"), broken_off),
        (Failure(common.HUNG_UP, "closed"), broken_off),
    ):
        check = checked(step, error)
        assert (check.step, finding_of(check).cause) == (step, cause)


def test_what_a_verifier_recognised_past_the_handshake_stands_on_the_handshake() -> None:
    for cause in (common.OTHER_PROTOCOL, common.THROTTLED):
        check = checked(Step.AUTH, Failure(cause, "an HTTP server"))
        assert (check.step, finding_of(check).cause) == (Step.HANDSHAKE, cause)


@pytest.mark.parametrize("cause", [common.SILENT, common.HUNG_UP, common.MALFORMED, common.OTHER_PROTOCOL])
def test_what_precedes_tls_stands_on_the_handshake(cause: Cause) -> None:
    """PostgreSQL's request for TLS is its first word. The skipped TLS is recorded, too."""
    checks = climbed(Step.TLS, Failure(cause, "nothing"))
    assert [(one.step, one.outcome) for one in checks] == [
        (Step.HANDSHAKE, Outcome.FAILED),
        (Step.TLS, Outcome.SKIPPED),
    ]


def test_tls_that_follows_a_handshake_has_causes_of_its_own() -> None:
    """IMAP's STARTTLS: the greeting has proven the protocol."""
    for error, cause in (
        (ReadTimeout("no answer", b"* OK", LEAST_SILENCE), common.TLS_TOO_SLOW),
        (PeerClosed("the peer closed the connection", b"* OK"), common.TLS_FAILED),
        (WireError("no answer to c1"), common.LIMIT),
    ):
        (check,) = climbed(Step.TLS, error, Check(Step.HANDSHAKE, WHERE, Outcome.PASSED, "greets"))[1:]
        assert (check.step, finding_of(check).cause) == (Step.TLS, cause)


def test_a_cause_of_another_rung_moves_the_check() -> None:
    for step, cause in (
        (Step.CONNECT, common.REFUSED),
        (Step.RESOLVE, common.NOT_FOUND),
        (Step.TLS, common.TLS_CLIENT_CERTIFICATE),
    ):
        assert checked(Step.ACCESS, Failure(cause, "x")).step is step


def test_a_warning_of_another_rung_is_a_check_of_its_own() -> None:
    checks: list[Check] = []

    async def climb() -> None:
        async with Rung(BY_NAME["mysql"], Step.ACCESS, Signatures(), Step.AUTH, WHERE, checks) as rung:
            rung.inconclusive(common.TLS_CLIENT_CERTIFICATE, "asks for one", auth_methods=["cert"])

    asyncio.run(climb())
    passed, warned = checks
    assert (passed.step, passed.outcome, passed.tentative) == (Step.AUTH, Outcome.PASSED, False)
    assert passed.facts == {"auth_methods": ["cert"]}
    assert (warned.step, warned.outcome, warned.tentative) == (Step.TLS, Outcome.WARNED, True)
    assert judge(checks) == (Verdict.UNDECIDED, warned)
