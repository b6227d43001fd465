"""Climb one step: run its clock, record exactly one check, and offer the verbs of a verifier.

``ok`` (it holds), ``warn`` (it holds, a scan would suffer), ``inconclusive`` (refused to
an identity we invented), ``fail`` (it fails, climb on), ``skip`` (not tried, and
why), ``stop`` (it fails, the climb ends).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, NoReturn

from scanready.catalogue import TargetType
from scanready.catalogue.facts import ACCOUNT_PROVEN
from scanready.causes import common
from scanready.model import Cause, Check, Facts, Finding, OtherFixes, Outcome, Step
from scanready.net import events
from scanready.net.passage import ALWAYS_OPEN, Passage
from scanready.net.stream import StreamError, TlsError
from scanready.wire import OurLimit

from .explain import Failure, explain, only
from .identify import Signatures
from .placing import past_handshake, rung_of
from .trace import bounded, trace_of


class ClimbEnded(Exception):
    """Ends the climb. All checks are recorded by then; a verifier does not catch it."""


class Rung:
    """Climb one step; record exactly one check on exit.

    Args:
        row: the target's type.
        depth: the last step of the climb; entering a later one ends it.
        signatures: recognise another protocol in what the peer sent.
        checks: the list to which the check is appended.
        proofs: of each accepted login of this climb so far, whether the server checked the secret.
        passage: the step's seconds leave out the time that stands still in it.
    """

    __slots__ = (
        *("_checks", "_clock", "_depth", "_followers", "_outer", "_passage", "_proofs", "_row", "_signatures"),
        "check",
    )

    def __init__(
        self,
        row: TargetType,
        depth: Step,
        signatures: Signatures,
        step: Step,
        endpoint: str,
        checks: list[Check],
        proofs: Sequence[bool] = (),
        passage: Passage = ALWAYS_OPEN,
    ) -> None:
        self._row = row
        self._depth = depth
        self._signatures = signatures
        self._checks = checks
        self._proofs, self._passage = proofs, passage
        self.check = Check(step, endpoint, Outcome.PASSED, "")
        self._followers: list[Check] = []

    def add_seconds(self, seconds: float) -> None:
        """Count seconds that the step took before it was entered."""
        self._clock -= seconds

    def also(self, *checks: Check) -> None:
        """Record further checks right after this rung's own, of the same step or of one on the way to it."""
        self._followers += checks

    def ok(self, summary: str, **facts: Any) -> None:
        """Pass; ``summary`` is one line for people, ``facts`` the evidence. Several calls add up."""
        self.check.summary = f"{self.check.summary}; {summary}" if self.check.summary else summary
        self.check.facts.update(facts)

    def warn(self, cause: Cause, detail: str, fix: str | None = None, *, also: OtherFixes = (), **facts: Any) -> None:
        """Pass with a warning: a scan would suffer, and the verdict becomes ``limited``."""
        self._say(Outcome.WARNED, Finding(cause, detail, fix, also), facts)

    def inconclusive(
        self, cause: Cause, detail: str, fix: str | None = None, *, also: OtherFixes = (), **facts: Any
    ) -> None:
        """Record that an invented user was refused: the verdict becomes ``undecided``, never ``blocked``."""
        self.check.tentative = self.check.outcome is not Outcome.FAILED
        self._say(Outcome.WARNED, Finding(cause, detail, fix, also), facts)

    def fail(self, cause: Cause, detail: str, fix: str | None = None, *, also: OtherFixes = (), **facts: Any) -> None:
        """Fail, and climb on: the verdict becomes ``blocked``, and the rest of the ladder is still shown."""
        self._say(Outcome.FAILED, Finding(cause, detail, fix, also), facts)

    def judge_access(self, failure: Failure) -> None:
        """Judge a failed read after a successful login: a missing grant warns, anything else fails.

        Raises:
            Failure: the data does not exist, or another cause than ``access.denied``.
        """
        if failure.cause is not common.ACCESS_DENIED:
            raise failure
        self.warn(failure.cause, failure.detail, failure.fix, also=failure.also, **failure.facts)

    def skip(self, reason: str) -> None:
        """Skip; ``reason`` says why the step was not tried. A failure or a warning of this rung stands."""
        if self.check.finding is None:
            self.check.outcome = Outcome.SKIPPED
        self.ok(reason)

    def stop(
        self, cause: Cause, detail: str, fix: str | None = None, *, also: OtherFixes = (), **facts: Any
    ) -> NoReturn:
        """Fail, and end the climb.

        Raises:
            Failure: always; the rung records it.
        """
        raise Failure(cause, detail, fix, also=also, **facts)

    def _say(self, outcome: Outcome, finding: Finding, facts: Facts) -> None:
        if outcome is Outcome.FAILED or self.check.outcome is not Outcome.FAILED:  # a failure stands
            self.check.outcome = outcome
            self.check.finding = finding
        self.ok(finding.detail, **facts)

    async def __aenter__(self) -> Rung:
        if self.check.step.height > self._depth.height:
            raise ClimbEnded
        self._clock = time.perf_counter() - self._passage.waited
        self.check.events = []
        self._outer = events.swap(self.check.events)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.check.seconds = max(0.0, time.perf_counter() - self._passage.waited - self._clock)
        events.swap(self._outer)
        if error is None:
            if self.check.outcome is Outcome.PASSED and not self.check.summary:  # no word is no proof
                detail = f"the verifier of {self._row.name} returned no result for the step {self.check.step}"
                self._say(Outcome.FAILED, Finding(common.BUG, detail), {})
            self._note_proof()
            self._record()
            return
        if not isinstance(error, Exception) or isinstance(error, ClimbEnded):
            return  # a cancelled or finished climb is not a finding
        error, past = only(error), self._past_handshake()
        finding = explain(error, self.check.step, self._row.speaks, self._signatures)
        if past:
            finding = past_handshake(finding, error, self.check.step)
        if finding.cause is common.BUG:
            finding = bounded(finding)
            self.check.trace = trace_of(error)
        self._say(Outcome.FAILED, finding, getattr(error, "facts", {}))
        self.check.wordless = getattr(error.__cause__, "heard", None) == b""
        if not past:
            self._note_protocol(error)
        self._record()
        raise ClimbEnded from error

    def _note_proof(self) -> None:
        """Note whether an accepted login proves the account, for all who take it for proven later."""
        accepted = self.check.outcome in (Outcome.PASSED, Outcome.WARNED)
        if self.check.step is Step.LOGIN and accepted and self._proofs:
            self.check.facts[ACCOUNT_PROVEN.name] = any(self._proofs)

    def _past_handshake(self) -> bool:
        """Say whether the peer has proven its protocol: it has above the handshake, and in TLS that follows one."""
        if self.check.step is not Step.TLS:
            return self.check.step.height > Step.HANDSHAKE.height
        holds, where = (Outcome.PASSED, Outcome.WARNED), self.check.endpoint
        return any(
            one.step is Step.HANDSHAKE and one.outcome in holds and one.endpoint == where for one in self._checks
        )

    def _note_protocol(self, error: Exception) -> None:
        """Note the protocol that the peer spoke in place of the expected one, or of TLS."""
        heard, row = getattr(error, "heard", b""), self._row
        # A TLS handshake that the peer's own protocol led to is no sign of another one.
        consented = isinstance(error, StreamError) and error.securing and error.spoke
        if not consented and (other := self._signatures.foreigner(heard, row.speaks)):
            self.check.facts["speaks"] = other.protocol
        elif isinstance(error, OurLimit) or (
            row.tls and isinstance(error, TlsError) and self._signatures.identify(heard)
        ):  # the right protocol, which our reader does not read, or without TLS
            self.check.facts["speaks"] = row.speaks

    def _record(self) -> None:
        """Record the check, on the rung that its cause belongs to; a warning for another rung is a check of its own."""
        entered, found = self.check.step, self.check.finding
        if found and (own := rung_of(found.cause, entered)) is not entered:
            if self.check.outcome is Outcome.FAILED:
                self.check.step = own
            else:
                self._followers.insert(
                    0, replace(self.check, step=own, summary=found.detail, facts={}, seconds=0.0, events=None)
                )
                self.check.outcome, self.check.finding, self.check.tentative = Outcome.PASSED, None, False
        self._checks += [self.check, *self._followers]
        if entered is Step.TLS and self.check.step is Step.HANDSHAKE:
            reason = "not reached: the handshake failed before TLS"
            self._checks.append(Check(entered, self.check.endpoint, Outcome.SKIPPED, reason))
