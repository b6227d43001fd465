"""Compute the estate verdict of a target: can any of its agents scan it, and if not, why.

The scope of a cause decides which agents it binds. A cause of scope ``target`` or ``account`` binds every agent, so it
also counts for each agent that did not climb to its step. A cause of scope ``agent`` or ``path`` binds only the agent
that met it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scanready.model import GOOD, Cause, Check, Finding, Outcome, Report, Scope, Step, Verdict
from scanready.run.any_type import answered

from .refusals import Refusal, Refusals

_BEST_FIRST = (Verdict.SCANNABLE, Verdict.READY, Verdict.LIMITED, Verdict.UNDECIDED, Verdict.BLOCKED)
_BADNESS = {verdict: place for place, verdict in enumerate(_BEST_FIRST)}
_badness = _BADNESS.__getitem__
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
        bound = "this account on every agent" if self.finding.cause.scope is Scope.ACCOUNT else "every agent"
        climbed = f"climbed only to {self.reached}" if self.reached else "passed no step"
        return f"{code} at {self.step} applies to {bound}, and this result {climbed}"


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


class _Claim(NamedTuple):
    """A cause that one agent met, with the verdict that it leads to."""

    agent: str
    finding: Finding | None
    step: Step | None
    verdict: Verdict

    @property
    def height(self) -> int:
        return self.step.height if self.step else -1

    @property
    def order(self) -> tuple[str, str, str]:
        """The values that make a choice independent of the order of agents."""
        finding = self.finding
        return (finding.cause.code if finding else "", self.agent, finding.detail if finding else "")


#: A claim that binds other agents, with the agent whose result has it.
_Binding = tuple[str, _Claim]


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
    named = [refusals.named_by(report) for report in reports]
    binding = [
        (report.agent.name, claim)
        for report, refusal in zip(reports, named, strict=True)
        for claim in (_binding(report) if refusal is None else _of_account(refusal))
    ]
    binding.sort(key=lambda one: (-_badness(one[1].verdict), one[1].order))
    counted = [_counted(report, refusal, binding) for report, refusal in zip(reports, named, strict=True)]
    verdicts = [claim.verdict for claim, _ in counted]
    if away:  # a cause that binds every agent also binds one without a result
        worst = binding[0][1].verdict if binding else Verdict.UNDECIDED
        verdicts.append(max(Verdict.UNDECIDED, worst, key=_badness))
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


def _counted(report: Report, named: Refusal | None, binding: Sequence[_Binding]) -> tuple[_Claim, Overruled | None]:
    """Return what a result counts as, and by what it is overruled, if it is.

    Args:
        named: the refusal that its withheld login names.
        binding: the claims that bind other agents, the worst first.
    """
    own = _Claim(report.agent.name, report.finding, report.finding_step, report.verdict)
    if named is not None:
        taken = _claim(named)
        return taken, _overruled(report, taken, named=True)
    height, least = (report.reached.height if report.reached else -1), _badness(own.verdict)
    for agent, claim in binding:
        if _badness(claim.verdict) <= least:
            break
        if agent != own.agent and claim.height > height:
            return claim, _overruled(report, claim)
    return own, None


def _overruled(report: Report, claim: _Claim, *, named: bool = False) -> Overruled:
    assert claim.finding is not None
    assert claim.step is not None
    return Overruled(
        report.agent.name, report.verdict, claim.verdict, claim.agent, claim.finding, claim.step, report.reached, named
    )


def _claim(refusal: Refusal) -> _Claim:
    return _Claim(refusal.agent, refusal.finding, refusal.step, refusal.verdict)


def _of_account(refusal: Refusal) -> list[_Claim]:
    """Return what a withheld login tells other agents: the refusal that it names, if that is one of the account.

    A refusal of scope ``target`` was another target's.
    """
    return [_claim(refusal)] if refusal.finding.cause.scope is Scope.ACCOUNT else []


def _binding(report: Report) -> list[_Claim]:
    """Return the causes of a report that bind other agents, each with the verdict that it leads to by itself."""
    agent, decisive = report.agent.name, report.finding
    found = []
    if decisive and decisive.cause.scope in _BINDING:
        found.append(_Claim(agent, decisive, report.finding_step, report.verdict))
    for check in report.checks:
        if check.finding is None or check.finding is decisive or check.finding.cause.scope not in _BINDING:
            continue
        verdict = _verdict(check, check.finding)
        if verdict is not None:
            found.append(_Claim(agent, check.finding, check.step, verdict))
    return found


def _verdict(check: Check, finding: Finding) -> Verdict | None:
    """Return the verdict that the cause of a check leads to; None if it leads to none."""
    if check.tentative or not finding.cause.definite:
        return Verdict.UNDECIDED
    return {Outcome.FAILED: Verdict.BLOCKED, Outcome.WARNED: Verdict.LIMITED}.get(check.outcome)


def _lead(claims: Sequence[_Claim]) -> _Claim | None:
    """Return the cause that leads.

    One that binds every agent comes first, since nothing helps while it lasts. Next comes the one on the highest step,
    whose agent is nearest to a scan, and then the one that most agents met.
    """
    known = [(claim, claim.finding.cause) for claim in claims if claim.finding is not None]
    agents = Counter(cause.code for _, cause in known)

    def place(one: tuple[_Claim, Cause]) -> tuple[object, ...]:
        claim, cause = one
        return cause.scope not in _BINDING, -claim.height, -agents[cause.code], claim.order

    return min(known, key=place)[0] if known else None
