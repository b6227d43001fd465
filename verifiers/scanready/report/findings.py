"""Collect the causes of a report: the decisive one, the others, and each owner's remedy and fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scanready.model import Cause, Check, Finding, Outcome, Owner, Report, Step, Target, Verdict
from scanready.remedies.fixes import together
from scanready.run.registry import all_causes

from .filled import fill


@dataclass(frozen=True, slots=True)
class Part:
    """The remedy of one owner; ``fix`` is the text to apply, or None."""

    owner: Owner
    remedy: str
    fix: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """One cause of one report.

    ``parts`` has at least one entry, the first owner's. ``verdict`` is the verdict that this cause by itself leads to.
    """

    cause: Cause
    step: Step
    detail: str
    parts: tuple[Part, ...]
    verdict: Verdict

    @property
    def owner(self) -> Owner:
        """The first owner."""
        return self.parts[0].owner

    @property
    def fix(self) -> str | None:
        """The text that the first owner applies, or None."""
        return self.parts[0].fix


def decisive(report: Report) -> Told | None:
    """Return the cause that decided the verdict, with the fixes of every check that has it; None without one."""
    finding = report.finding
    if finding is None:
        return None
    found = [finding, *(one for _, one in _found(report) if one.cause is finding.cause)]
    return told(report.target, found, report.finding_step or finding.cause.step, report.verdict)


def besides(report: Report) -> list[Told]:
    """Return the other causes of the checks in climbing order, each detail of a cause once."""
    decided = report.finding.cause if report.finding else None
    alike: dict[tuple[str, str], list[tuple[Check, Finding]]] = {}
    for check, finding in _found(report):
        if finding.cause is not decided:
            alike.setdefault((finding.cause.code, finding.detail), []).append((check, finding))
    return [
        told(
            report.target, [finding for _, finding in pairs], pairs[0][0].step, min(map(_verdict, pairs), key=_GRAVEST)
        )
        for pairs in alike.values()
    ]


_GRAVEST = (Verdict.BLOCKED, Verdict.UNDECIDED, Verdict.LIMITED).index


def _found(report: Report) -> list[tuple[Check, Finding]]:
    return [(check, check.finding) for check in report.checks if check.finding is not None]


def _verdict(pair: tuple[Check, Finding]) -> Verdict:
    check, finding = pair
    if check.tentative or not finding.cause.definite:
        return Verdict.UNDECIDED
    return Verdict.BLOCKED if check.outcome is Outcome.FAILED else Verdict.LIMITED


def told(target: Target, found: list[Finding], step: Step, verdict: Verdict) -> Told:
    """Return a cause of a target with the remedy and the fixes of each owner.

    Args:
        target: fills in the placeholders.
        found: the findings with this cause, at least one.
        step: the step that the cause was met at.
        verdict: the verdict that it leads to.
    """
    first = found[0]
    parts = [Part(first.owner, fill(first.cause.remedy, target), together(one.fix for one in found))]
    for other in first.cause.also:
        fix = together(_fix_of(found, other.owner))
        parts.append(Part(other.owner, fill(other.remedy, target), fix))
    return Told(first.cause, step, first.detail, tuple(parts), verdict)


def general(cause: Cause) -> Cause:
    """Return the catalogue's cause, for a text about several targets: the evidence of each may narrow it down."""
    return all_causes().get(cause.code, cause) if cause.case else cause


def _fix_of(found: Iterable[Finding], owner: Owner) -> list[str]:
    return [fix for one in found for whose, fix in one.also if whose is owner]
