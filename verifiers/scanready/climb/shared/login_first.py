"""Protocols whose first word is a login: the operator's, or, with leave, one of an invented user that is refused."""

from __future__ import annotations

from typing import Protocol, TypeVar

from scanready.catalogue.option import ALLOW_LOGIN_PROBE, TLS
from scanready.causes import common, unproven
from scanready.climb.explain import Failure
from scanready.climb.guard import Attempt
from scanready.climb.probe import Probe, Rung
from scanready.model import INVENTED_USER, Cause, Credential, Owner, Step
from scanready.net.stream import Stream

from . import first_word

Answer = TypeVar("Answer")
#: The causes that speak of the database that the server would open for a user.
_ABOUT_DATA = (common.ACCESS_DENIED, common.ACCESS_NOT_FOUND)


class Session(Protocol[Answer]):
    """One login in such a protocol, and what its answer means.

    Attributes:
        asks: what the login prompt asks for, in words.
        protocol: the name of the protocol, as the sentence about it has it.
        login_is_first: the cause that says that a login is the protocol's first word.
    """

    asks: str
    protocol: str
    login_is_first: Cause

    def missing(self, probe: Probe) -> Failure | None:
        """Return what the target must name before a login can be tried; None if nothing is missing."""

    async def log_in(self, probe: Probe, stream: Stream, user: str, password: str) -> Answer:
        """Send the login and return the answer."""

    def report_product(self, rung: Rung, answer: Answer) -> None:
        """Tell who answers."""

    def judged(self, probe: Probe, answer: Answer) -> None:
        """Raise what the server has against the login."""

    def is_prompt(self, probe: Probe, failure: Failure) -> bool:
        """True for refusals that only somebody who judges logins gives, of what scanready invented."""

    def is_of_inventory(self, probe: Probe, failure: Failure) -> bool:
        """True for refusals of a name that the target itself has: they hold for the scan too."""


async def reach(probe: Probe, stream: Stream) -> None:
    """Climb ``tls``, if the target's option ``tls`` asks for it, and make sure that the server lets the client begin.

    Raises:
        ClimbEnded: TLS failed, or another protocol answers.
    """
    if TLS.of(probe.target.options):
        async with probe.step(Step.TLS) as rung:
            await probe.start_tls(stream, rung)
    await first_word.is_ours(probe, stream)


async def to_the_prompt(probe: Probe, session: Session[Answer], stream: Stream) -> None:
    """Climb ``handshake`` and ``auth`` without a credential: nothing is sent unless ``allow_login_probe`` says so."""
    async with probe.step(Step.HANDSHAKE) as rung:
        if not ALLOW_LOGIN_PROBE.of(probe.target.options):
            detail = f"accepts connections; {session.protocol} begins with a login, and none was tried"
            raise Failure(session.login_is_first, detail)
        probe.footprint.probe_logins += 1
        answer = await session.log_in(probe, stream, INVENTED_USER, "")
        session.report_product(rung, answer)
    async with probe.step(Step.AUTH) as rung:
        try:
            session.judged(probe, answer)
        except Failure as failure:
            if session.is_of_inventory(probe, failure):
                raise
            if not session.is_prompt(probe, failure):
                _doubt(rung, failure)
                return
            rung.ok(f"asks for {session.asks} ({failure.detail})", auth_methods=["password"])
        else:  # a gateway, or a simulator: a server that judges logins refuses a user that was never made
            detail = f"accepts the invented user {INVENTED_USER} without a password"
            rung.inconclusive(common.LOGIN_NOT_JUDGED, detail, anonymous=True)


def _doubt(rung: Rung, failure: Failure) -> None:
    """Record another answer to an invented user than the usual refusal; no fix is for that user."""
    about_user = failure.cause.owner is Owner.IDENTITY or failure.cause in _ABOUT_DATA
    detail = f"asked as {INVENTED_USER}: {failure.detail}" if about_user else failure.detail
    rung.inconclusive(unproven.IDENTITY_INVENTED if about_user else failure.cause, detail, **failure.facts)


async def log_in(probe: Probe, session: Session[Answer], stream: Stream) -> None:
    """Climb ``handshake``, ``auth`` and ``login`` by the operator's login.

    Raises:
        ClimbEnded: the login was refused or not tried; its check says why.
    """
    credential = probe.credential
    assert credential is not None, "a login needs a credential"
    async with probe.step(Step.LOGIN) as rung:
        if missing := session.missing(probe):
            raise missing
        async with probe.attempt() as going:
            await _send_login(probe, session, stream, credential, going)
        rung.ok(f"logged in as {credential.username}")


async def _send_login(
    probe: Probe, session: Session[Answer], stream: Stream, credential: Credential, going: Attempt
) -> None:
    if not stream.encrypted:
        probe.about_to_send_in_clear()
    async with probe.step(Step.HANDSHAKE) as rung:
        going.pending = True
        answer = await session.log_in(probe, stream, credential.username, credential.password or "")
        going.pending = False
        session.report_product(rung, answer)
    async with probe.step(Step.AUTH) as rung:
        rung.ok(f"asks for {session.asks}", auth_methods=["password"])
    session.judged(probe, answer)
