"""Compute the estate verdict of a target: can any of its agents scan it, and if not, why.

The scope of a cause decides which agents it binds. A cause of scope ``target`` or ``account`` binds every agent, so it
also counts for each agent that did not climb to its step. A cause of scope ``agent`` or ``path`` binds only the agent
that met it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scanready.model import GOOD, Cause, Check, Finding, Outcome, Report, Scope, Step, Verdict
from scanready.run.any_type import answered

from .refusals import Refusals

_BEST_FIRST = (Verdict.SCANNABLE, Verdict.READY, Verdict.LIMITED, Verdict.UNDECIDED, Verdict.BLOCKED)
_BINDING = (Scope.TARGET, Scope.ACCOUNT)


@dataclass(frozen=True, slots=True)
class Overruled:
    """Describe a result that counts as another verdict than its own.

    Attributes:
        agent: the agent whose result it is.
        own: the verdict of that result.
        counted: the verdict that it counts as.
        by: the agent whose result has the cause.
        finding, step: the cause, and where that agent met it.
        reached: the highest step of the overruled result; None if none passed.
        named: the result is a withheld login that names this refusal.
    """

    agent: str
    own: Verdict
    counted: Verdict
    by: str
    finding: Finding
    step: Step
    reached: Step | None
    named: bool = False

    @property
    def why(self) -> str:
        """The reason, in one sentence without names of agents."""
        code = self.finding.cause.code
        if self.named:
            return f"the login was withheld because of this refusal ({code})"
        whom = "this account on every agent" if self.finding.cause.scope is Scope.ACCOUNT else "every agent"
        climbed = f"climbed only to {self.reached}" if self.reached else "passed no step"
        return f"{code} at {self.step} applies to {whom}, and this result {climbed}"


@dataclass(frozen=True, slots=True)
class EstateVerdict:
    """Answer whether any of a target's agents can scan it.

    Attributes:
        verdict: the best verdict that counts.
        finding, step: the cause that leads, with the evidence of the agent ``met_by``; None for scannable and ready,
            and where only agents without a result make the target undecided.
        met_by: the agent that met this cause.
        by: the agents whose results the verdict rests on, in alphabetical order.
        overruled: the results that count as another verdict than their own, by agent.
        missing: the assigned agents without a fresh result, in alphabetical order. Each counts as undecided.
    """

    verdict: Verdict
    finding: Finding | None
    step: Step | None
    met_by: str | None
    by: tuple[str, ...]
    overruled: tuple[Overruled, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def cause(self) -> Cause | None:
        """The cause that leads."""
        return self.finding.cause if self.finding else None


@dataclass(frozen=True, slots=True)
class _Claim:
    """A cause that one agent met, with the verdict that it leads to."""

    agent: str
    finding: Finding | None
    step: Step | None
    verdict: Verdict


def estate_verdict(
    reports: Sequence[Report], missing: Iterable[str] = (), refusals: Refusals | None = None
) -> EstateVerdict:
    """Return the estate verdict of one target. The order of the reports does not matter.

    Without agents it is undecided. A single agent's own verdict is the estate verdict, unless its login was withheld
    because of a refusal that ``refusals`` has.

    Args:
        reports: the fresh results of one target, one for each agent.
        missing: the names of the assigned agents without a fresh result (none, or a stale one).
        refusals: the refused logins of the whole estate, for logins that were withheld; None if not known.

    Raises:
        ValueError: an agent has two results, or has one and is missing.
    """
    away = tuple(sorted(set(missing)))
    present = sorted(reports, key=lambda report: report.agent.name)
    names = [report.agent.name for report in present]
    if len(set(names)) < len(names) or set(names) & set(away):
        raise ValueError("an agent has two results for one target, or has one and is missing")
    if any(report.types for report in present):
        return _of_any_type(present, away, refusals)
    return _combined(present, away, refusals or Refusals())


def _of_any_type(reports: Sequence[Report], away: tuple[str, ...], refusals: Refusals | None) -> EstateVerdict:
    """Return the verdict of the type that leads: a cause of one type does not bind another."""
    tried: dict[str, list[Report]] = {}
    for report in reports:
        for one in report.types or (report,):
            tried.setdefault(one.target.type, []).append(one)
    found: list[tuple[tuple[int, int], EstateVerdict]] = []
    for members in tried.values():
        absent = {report.agent.name for report in reports} - {one.agent.name for one in members}
        verdict = estate_verdict(members, [*away, *absent], refusals)
        found.append((_place(verdict, members), verdict))
    return min(found, key=lambda one: one[0])[1]


def _place(found: EstateVerdict, members: Sequence[Report]) -> tuple[int, int]:
    """Return the place of a type among those of its host, as for a single agent: the least leads."""
    if found.verdict in GOOD:
        return 0, _badness(found.verdict)
    if any(map(answered, members)):
        return 1, _badness(found.verdict)
    return 2, int(found.verdict is not Verdict.BLOCKED)


def _combined(reports: Sequence[Report], away: tuple[str, ...], refusals: Refusals) -> EstateVerdict:
    binding = {report.agent.name: _binding(report, refusals) for report in reports}
    counted = [_counted(report, binding, refusals) for report in reports]
    verdicts = [claim.verdict for claim, _ in counted]
    if away:  # a cause that binds every agent also binds one without a result
        bound = [claim.verdict for some in binding.values() for claim in some]
        verdicts.append(max(Verdict.UNDECIDED, *bound, key=_badness) if bound else Verdict.UNDECIDED)
    verdict = min(verdicts, key=_badness, default=Verdict.UNDECIDED)
    carrying = [claim for claim, _ in counted if claim.verdict is verdict]
    lead = _lead(carrying)
    return EstateVerdict(
        verdict,
        lead.finding if lead else None,
        lead.step if lead else None,
        lead.agent if lead else None,
        tuple(sorted({claim.agent for claim in carrying})),
        tuple(overruled for _, overruled in counted if overruled is not None),
        away,
    )


def _badness(verdict: Verdict) -> int:
    return _BEST_FIRST.index(verdict)


def _counted(
    report: Report, binding: Mapping[str, Sequence[_Claim]], refusals: Refusals
) -> tuple[_Claim, Overruled | None]:
    """Return what a result counts as, and by what it is overruled, if it is."""
    own = _Claim(report.agent.name, report.finding, report.finding_step, report.verdict)
    named = refusals.named_by(report)
    if named is not None:
        taken = _Claim(named.agent, named.finding, named.step, named.verdict)
        return taken, _overruled(report, taken, named=True)
    height = report.reached.height if report.reached else -1
    worse = [
        claim
        for agent, some in binding.items()
        if agent != own.agent
        for claim in some
        if claim.step is not None and claim.step.height > height and _badness(claim.verdict) > _badness(own.verdict)
    ]
    worst = min(worse, key=lambda claim: (-_badness(claim.verdict), *_order(claim)), default=None)
    return (own, None) if worst is None else (worst, _overruled(report, worst))


def _overruled(report: Report, claim: _Claim, *, named: bool = False) -> Overruled:
    assert claim.finding is not None
    assert claim.step is not None
    return Overruled(
        report.agent.name, report.verdict, claim.verdict, claim.agent, claim.finding, claim.step, report.reached, named
    )


def _binding(report: Report, refusals: Refusals) -> list[_Claim]:
    """Return the causes of a report that bind other agents, each with the verdict that it leads to by itself.

    A withheld login speaks through the refusal that it names, and then only if that is one of the account: a refusal
    of scope ``target`` was another target's.
    """
    agent = report.agent.name
    if (named := refusals.named_by(report)) is not None:
        binds = named.finding.cause.scope is Scope.ACCOUNT
        return [_Claim(named.agent, named.finding, named.step, named.verdict)] if binds else []
    found = [_Claim(agent, report.finding, report.finding_step, report.verdict)] if report.finding else []
    for check in report.checks:
        verdict = _verdict(check)
        if verdict is not None and check.finding is not None:
            found.append(_Claim(agent, check.finding, check.step, verdict))
    return [claim for claim in found if claim.finding and claim.finding.cause.scope in _BINDING]


def _verdict(check: Check) -> Verdict | None:
    """Return the verdict that the cause of a check leads to; None if it leads to none."""
    if check.finding is None:
        return None
    if check.tentative or not check.finding.cause.definite:
        return Verdict.UNDECIDED
    return {Outcome.FAILED: Verdict.BLOCKED, Outcome.WARNED: Verdict.LIMITED}.get(check.outcome)


def _lead(claim: Sequence[_Claim]) -> _Claim | None:
    """Return the cause that leads.

    One that binds every agent comes first, since nothing helps while it lasts. Next comes the one on the highest step,
    whose agent is nearest to a scan, and then the one that most agents met.
    """
    known = [one for one in claim if one.finding is not None]
    agents = Counter(one.finding.cause.code for one in known if one.finding)

    def place(one: _Claim) -> tuple[object, ...]:
        assert one.finding is not None
        height = one.step.height if one.step else -1
        code = one.finding.cause.code
        return one.finding.cause.scope not in _BINDING, -height, -agents[code], *_order(one)

    return min(known, key=place, default=None)


def _order(claim: _Claim) -> tuple[str, str, str]:
    """Return what makes a choice independent of the order of agents."""
    finding = claim.finding
    return (finding.cause.code if finding else "", claim.agent, finding.detail if finding else "")
