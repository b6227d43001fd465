"""The step of a cause: what breaks past the handshake is no broken handshake."""

from __future__ import annotations

import asyncio

import pytest

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.identify import Signatures
from scanready.climb.rung import ClimbEnded, Rung
from scanready.model import Cause, Check, Finding, Step
from scanready.net.stream import PeerClosed
from scanready.wire import WireError
from tests.ladder import BY_NAME

BROKEN = [WireError("a length of -1"), Failure(common.MALFORMED, "a length of -1")]


def found(step: Step, error: Exception) -> Finding:
    checks: list[Check] = []

    async def climb() -> None:
        async with Rung(BY_NAME["mysql"], Step.ACCESS, Signatures(), step, "h:3306", checks):
            raise error

    with pytest.raises(ClimbEnded):
        asyncio.run(climb())
    finding = checks[0].finding
    assert finding is not None
    return finding


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


def test_a_hang_up_is_no_question_of_understanding() -> None:
    assert found(Step.LOGIN, PeerClosed("the peer closed the connection", b"+OK")).cause is common.MALFORMED
