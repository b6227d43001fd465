"""Protocols whose first word is a login: the operator's, or, with leave, one of an invented user that is refused."""

from __future__ import annotations

from typing import Protocol, TypeVar

from scanready.climb.explain import Failure
from scanready.climb.guard import Attempt
from scanready.climb.probe import Probe, Rung
from scanready.model import INVENTED_USER, Step
from scanready.net.stream import Stream

Answer = TypeVar("Answer")


class Session(Protocol[Answer]):
    """One login in such a protocol, and what its answer means."""

    asks: str

    async def log_in(self, probe: Probe, stream: Stream, user: str, password: str) -> Answer:
        """Send the login and return the answer."""

    def untried(self) -> Failure:
        """Nobody may log in without leave."""

    def report_product(self, rung: Rung, answer: Answer) -> None:
        """Tell who answers."""

    def judged(self, probe: Probe, answer: Answer) -> None:
        """Raise what the server has against the login."""

    def is_prompt(self, failure: Failure) -> bool:
        """True for refusals that only somebody who judges logins gives."""


async def to_the_prompt(probe: Probe, session: Session[Answer], stream: Stream) -> None:
    """Climb ``handshake`` and ``auth`` without a credential: nothing is sent unless ``allow_login_probe`` says so."""
    async with probe.step(Step.HANDSHAKE) as rung:
        if not probe.target.options.get("allow_login_probe"):
            raise session.untried()
        probe.footprint.probe_logins += 1
        answer = await session.log_in(probe, stream, INVENTED_USER, "")
        session.report_product(rung, answer)
    async with probe.step(Step.AUTH) as rung:
        try:
            session.judged(probe, answer)
        except Failure as failure:
            if not session.is_prompt(failure):
                rung.inconclusive(failure.cause, failure.detail, **failure.facts)
                return
            rung.ok(f"asks for {session.asks} ({failure.detail})", auth_methods=["password"])
        else:
            rung.ok(f"lets {INVENTED_USER} in without a password", anonymous=True)


async def log_in(probe: Probe, session: Session[Answer], stream: Stream, going: Attempt) -> None:
    """Climb ``handshake`` and ``auth`` by the operator's login, on the login's rung, under its attempt.

    Raises:
        Failure: refused, and why; ``login.withheld`` where the password would travel in clear.
    """
    credential = probe.credential
    assert credential is not None
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
