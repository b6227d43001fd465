"""Compare this host's clock with that of a server that reports the time (HTTP, SMB, NTLM)."""

from __future__ import annotations

import dataclasses

from scanready.causes import agent as causes
from scanready.model import Report, bracketed
from scanready.run.engine import Run

from .question import Answer, Line
from .request import Asked

#: Seconds. Kerberos (RFC 4120, 1.6, "clock skew", by custom five minutes) and the clouds' request signatures permit
#: as much; the last half minute is kept back, since clocks that differ by so much drift on.
MOST_SKEW = 270
#: Seconds of difference that mean nothing: a date has whole seconds, and a busy host reads it late.
_NOISE = 5


async def look(asked: Asked) -> list[Answer]:
    """Ask the hosts one after another until one reports a time."""
    answers: list[Answer] = []
    with Line("clock", answers) as line:
        if not asked.clock_from:
            line.skip("not checked; --clock-from HOST compares this host's clock with a server's")
            return answers
        heard: list[Report] = []
        for target in asked.clock_from:
            line.answer.about = target
            async with Run(dataclasses.replace(asked.settings, agent=asked.agent, canary=False)) as run:
                report = await run.verify(target)
            if "clock_skew_seconds" in report.facts:
                _judge(line, report)
                return answers
            heard.append(report)
        _untold(line, heard, named=asked.clock_named)
    return answers


def _judge(line: Line, report: Report) -> None:
    skew = int(report.facts["clock_skew_seconds"])
    where = f"{report.target.type}://{bracketed(report.target.host)}"
    summary = f"the clock of {where} is {abs(skew)} s {'ahead of' if skew > 0 else 'behind'} this host's"
    if abs(skew) <= _NOISE:
        summary = f"agrees with {where} within {_NOISE} seconds"
    if abs(skew) >= MOST_SKEW:
        line.warn(causes.CLOCK_SKEWED, summary, clock_skew_seconds=skew)
    else:
        line.ok(summary, clock_skew_seconds=skew)


def _untold(line: Line, heard: list[Report], *, named: bool) -> None:
    """Record that no server reported a time: a finding if the operator named the host, otherwise a note."""
    if not named:
        short = "; ".join(
            f"{report.target.port}: {report.cause.code if report.cause else 'no date'}" for report in heard
        )
        line.skip(f"not checked: the Master's Web Console reports no time, which is allowed ({short})")
        return
    why = "; ".join(f"{report.target}: {_why(report)}" for report in heard)
    line.fail(causes.CLOCK_UNKNOWN, f"no server reported a time: {why}")


def _why(report: Report) -> str:
    finding = report.finding
    return f"{finding.cause.code}, {finding.detail}" if finding else "its answer has no date"
