"""Make an estate of a given size for tests: every verdict, several types, owners and tags."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from scanready.causes import common
from scanready.model import Cause, Check, Finding, Footprint, Outcome, Report, Step, Target, Verdict
from scanready.report import new_document
from scanready.report.document import RunInfo, Totals
from scanready.report.look import Look
from scanready.targets.postgresql import causes
from tests.report.reports import AGENT

_TYPES = (("postgresql", 5432), ("ssh", 22), ("smb", 445), ("https", 443), ("mysql", 3306))
_ENDS: tuple[tuple[Verdict, Cause | None, Step, Outcome], ...] = (
    (Verdict.SCANNABLE, None, Step.ACCESS, Outcome.PASSED),
    (Verdict.READY, None, Step.AUTH, Outcome.PASSED),
    (Verdict.LIMITED, common.TLS_EXPIRED, Step.TLS, Outcome.WARNED),
    (Verdict.BLOCKED, common.FILTERED, Step.CONNECT, Outcome.FAILED),
    (Verdict.BLOCKED, causes.HBA_REJECTED, Step.AUTH, Outcome.FAILED),
    (Verdict.UNDECIDED, common.THROTTLED, Step.HANDSHAKE, Outcome.FAILED),
)


def reports(count: int) -> Iterator[Report]:
    """Yield reports of ``count`` targets, two types on each host, the verdicts in turn."""
    for number in range(count):
        kind, port = _TYPES[number % len(_TYPES)]
        address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
        host = f"host-{number // 2:05}.corp"
        tags = ("finance",) if number % 3 == 0 else ("web", "dmz")
        yield _report(Target(host, kind, port, {}, None, tags), address, *_ENDS[number % len(_ENDS)])


def many(count: int, ladders: int) -> Iterator[Report]:
    """So many targets with so many distinct ladders: product facts and the details of findings differ.

    Seconds differ from target to target, as those of a real run do.
    """
    for number, report in enumerate(reports(count)):
        build = f"build {number % ladders}"
        seconds = [(number * 7919 + step * 104729) % 900_000 / 1e6 for step in range(len(report.checks))]
        checks = [
            dataclasses.replace(check, facts=check.facts | {"build": build} if check.facts else {}, seconds=taken)
            for check, taken in zip(report.checks, seconds, strict=True)
        ]
        finding = report.finding
        if finding:
            finding = dataclasses.replace(finding, detail=f"{finding.detail}: {build}")
            checks = [dataclasses.replace(check, finding=finding) if check.finding else check for check in checks]
        started = f"2026-01-01T00:{number // 60_000:02}:{number // 1000 % 60:02}.{number % 1000:03}Z"
        yield dataclasses.replace(
            report,
            facts=report.facts | {"build": build},
            checks=checks,
            finding=finding,
            started=started,
            seconds=sum(seconds),
        )


def with_cause(cause: Cause) -> Report:
    """One blocked target with this cause."""
    report = next(itertools.islice(reports(4), 3, None))
    return dataclasses.replace(report, finding=Finding(cause, "what was seen"), finding_step=cause.step)


def _report(
    target: Target, address: str, verdict: Verdict, cause: Cause | None, last: Step, outcome: Outcome
) -> Report:
    fix = f"ip saddr 10.0.1.5 ip daddr {address} tcp dport {target.port} accept"
    finding = Finding(cause, f"what was seen at {address}", fix) if cause else None
    where = f"{target.host}:{target.port}"
    checks = [Check(Step.RESOLVE, target.host, Outcome.PASSED, address, {"addresses": [address]}, None, 0.001)]
    for step in (Step.CONNECT, Step.TLS, Step.HANDSHAKE, Step.AUTH, Step.LOGIN, Step.ACCESS):
        if step is last:
            checks.append(Check(step, where, outcome, f"{step} at {address}", {"product": "Thing"}, finding, 0.02))
        elif step.height < last.height or (outcome is Outcome.WARNED and step.height <= Step.AUTH.height):
            checks.append(Check(step, where, Outcome.PASSED, f"{step} holds", {"version": "1.2.3"}, None, 0.01))
        else:
            checks.append(Check(step, where, Outcome.SKIPPED, f"not reached: stopped at {last}"))
    reached = [check.step for check in checks if check.outcome in (Outcome.PASSED, Outcome.WARNED)][-1]
    facts = {"product": "Thing", "version": "1.2.3", "addresses": [address]}
    return Report(
        AGENT,
        target,
        verdict,
        reached,
        finding,
        last if finding else None,
        facts,
        checks,
        Footprint(1, 0, 0),
        "2026-01-01T00:00:00Z",
        0.04,
    )


def document(name: str, of: Sequence[Report], **run: Any) -> str:
    """A whole document of a format."""
    info = RunInfo("0.1.0", AGENT, "2026-01-01T00:00:00.000Z", 10.0, Step.ACCESS, [report.target for report in of])
    made = new_document(name, Look())
    text = made.begin(dataclasses.replace(info, **run))
    text += "".join(made.add(report) for report in of)
    return text + made.end(Totals(Counter(report.verdict for report in of), 12.5))
