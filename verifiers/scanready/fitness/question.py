"""Ask one question about this host and record exactly one check: passed, warned, failed or skipped."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from scanready.causes import common
from scanready.climb.explain import Failure, explain
from scanready.model import Cause, Check, Finding, Outcome, Step, Target
from scanready.net.stream import StreamError
from scanready.wire import WireError


@dataclass(slots=True)
class Answer(Check):
    """A check whose ``endpoint`` is its subject ("ssh client"); ``about`` is the server that it concerns, if any."""

    about: Target | None = None


class Line:
    """Append one answer to ``answers`` on exit, also after an error: ``with Line("clock", answers) as line``."""

    def __init__(self, subject: str, answers: list[Answer], about: Target | None = None) -> None:
        self.answer = Answer(Step.AGENT, subject, Outcome.PASSED, "", about=about)
        self._answers = answers

    def ok(self, summary: str, **facts: Any) -> None:
        """Pass; ``facts`` are the evidence."""
        self.answer.summary = f"{self.answer.summary}; {summary}" if self.answer.summary else summary
        self.answer.facts.update(facts)

    def warn(self, cause: Cause, detail: str, fix: str | None = None, **facts: Any) -> None:
        """Pass with a warning: a scan is impaired."""
        self._say(Outcome.WARNED, Finding(cause, detail, fix), facts)

    def fail(self, cause: Cause, detail: str, fix: str | None = None, **facts: Any) -> None:
        """Fail; with a cause that is not definite, the answer is unknown."""
        self._say(Outcome.FAILED, Finding(cause, detail, fix), facts)

    def skip(self, reason: str, **facts: Any) -> None:
        """Skip; ``reason`` says why the question was not asked or does not matter."""
        self.answer.outcome = Outcome.SKIPPED
        self.ok(reason, **facts)

    def _say(self, outcome: Outcome, finding: Finding, facts: dict[str, Any]) -> None:
        self.answer.outcome, self.answer.finding = outcome, finding
        self.ok(finding.detail, **facts)

    def __enter__(self) -> Line:
        self._clock = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        """Record the answer. An error of the system is a limit of scanready, not a fault of the host."""
        self.answer.seconds = time.perf_counter() - self._clock
        expected = isinstance(error, (Failure, OSError, StreamError, WireError))
        if isinstance(error, TimeoutError):
            self.fail(common.LIMIT, f"no result in time: {error}")
        elif expected and error is not None:
            found = explain(error, Step.AGENT, "")
            self.fail(common.LIMIT if found.cause is common.BUG else found.cause, f"no result: {found.detail}")
        if error is None or expected:
            self._answers.append(self.answer)
        return expected
