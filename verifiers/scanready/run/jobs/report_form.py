"""Reports as JSON, between two processes of one run: short, and quick to write and to read.

A report has texts of a target, so its bytes are never executed and never name a class; each word of ours is looked up.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scanready.model import (
    Agent,
    Case,
    Cause,
    Check,
    Facts,
    Finding,
    Footprint,
    OtherOwner,
    Outcome,
    Owner,
    Report,
    Scope,
    Step,
    Target,
    Verdict,
    standing,
)
from scanready.run import registry
from scanready.run.any_type import combined
from scanready.run.plain import plain

_STEPS, _OUTCOMES = {step.value: step for step in Step}, {outcome.value: outcome for outcome in Outcome}
_VERDICTS, _OWNERS = {verdict.value: verdict for verdict in Verdict}, {owner.value: owner for owner in Owner}
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
#: The fields of a check behind those that every check has.
_RARE = ("tentative", "wordless", "trace", "remarks", "events")
#: The depth of a fact in a result.
_DEPTH = 3


class Causes:
    """The causes of this process by their codes; they grow when another package's type is loaded."""

    def __init__(self) -> None:
        self._known: Mapping[str, Cause] = registry.all_causes()

    def find(self, code: str) -> Cause | None:
        """Return the cause with a code; None if no catalogue has it."""
        if code not in self._known:
            self._known = registry.all_causes()
        return self._known.get(code)

    def form(self, cause: Cause) -> Any:
        """Return the code of a cause; of one that is in no catalogue, its fields."""
        found = self.find(cause.code)
        if found is cause:
            return cause.code
        if found and cause.case and found.narrowed(cause.case) is cause:
            return [cause.code, cause.case]
        return dataclasses.asdict(cause)

    def of(self, form: Any) -> Cause:
        """Return the cause of its form.

        Raises:
            ValueError: this process does not know the code.
        """
        if isinstance(form, str):
            if (found := self.find(form)) is None:
                raise ValueError(f"an unknown cause: {form[:80]}")
            return found
        if isinstance(form, list):
            code, case = form
            return self.of(code).narrowed(case)
        also = tuple(OtherOwner(Owner(one["owner"]), one["remedy"]) for one in form["also"])
        words: dict[str, Any] = {"owner": Owner(form["owner"]), "step": Step(form["step"]), "also": also}
        words["scoped"] = None if form["scoped"] is None else Scope(form["scoped"])
        words["of_database"] = None if form["of_database"] is None else Owner(form["of_database"])
        words["cases"] = tuple(_case(one) for one in form["cases"])
        return Cause(**form | words)


def _case(form: Any) -> Case:
    name, meaning, owners, adds = form
    return Case(name, meaning, tuple(OtherOwner(Owner(one["owner"]), one["remedy"]) for one in owners), adds)


class Writer:
    """Write reports in the process that climbed."""

    def __init__(self) -> None:
        self._causes = Causes()

    def text(self, report: Report) -> str:
        """Return a report as JSON, in ASCII.

        Raises:
            ValueError: a fact of another package's type has no form in JSON.
        """
        try:
            return _encode(self._form(report, lambda facts: facts))
        except (TypeError, ValueError, RecursionError):
            return _encode(self._form(report, lambda facts: plain(facts, _DEPTH)))

    def _form(self, report: Report, facts: Callable[[Facts], Any]) -> list[Any]:
        if report.types:
            places = {id(one): place for place, one in enumerate(report.target.tries)}
            return [[places[id(one.target)], self._form(one, facts)] for one in report.types]
        cost, finding = report.footprint, report.finding
        places = {id(check.finding): place for place, check in enumerate(report.checks) if check.finding}
        return [
            report.verdict,
            report.reached,
            places.get(id(finding), None if finding is None else self._finding(finding)),
            report.finding_step,
            [self._check(check, facts) for check in report.checks],
            [cost.connections, cost.login_attempts, cost.probe_logins],
            report.started,
            report.seconds,
        ]

    def _check(self, check: Check, facts: Callable[[Facts], Any]) -> list[Any]:
        finding = None if check.finding is None else self._finding(check.finding)
        form = [check.step, check.endpoint, check.outcome, check.summary, facts(check.facts), finding, check.seconds]
        if check.tentative or check.wordless or check.trace or check.remarks or check.events is not None:
            form += [getattr(check, name) for name in _RARE]
        return form

    def _finding(self, finding: Finding) -> list[Any]:
        return [self._causes.form(finding.cause), finding.detail, finding.fix, list(finding.also), finding.owner]


class Reader:
    """Read reports in the process that shows them.

    Args:
        agent: the agent of the run.
        day: the day, in UTC, that known failures are held against.
    """

    def __init__(self, agent: Agent, day: datetime.date) -> None:
        self._agent, self._day, self._causes = agent, day, Causes()

    def report(self, form: Sequence[Any], target: Target) -> Report:
        """Return the report of its form, with this process' own ``target``.

        Raises:
            ValueError, TypeError, KeyError, IndexError, AttributeError: it is none.
        """
        if target.tries:
            types = [self.report(one, target.tries[place]) for place, one in form]
            return combined(target, _in_order(types, target), self._day)
        verdict, step, place, finding_step, checks, cost, started, seconds = form
        made = [self._check(one) for one in checks]
        found = made[place].finding if isinstance(place, int) else None if place is None else self._finding(place)
        facts: Facts = {}
        for check in made:
            facts.update(check.facts)
        judged = _VERDICTS[verdict]
        return Report(
            self._agent,
            target,
            judged,
            None if step is None else _STEPS[step],
            found,
            None if finding_step is None else _STEPS[finding_step],
            facts,
            made,
            Footprint(*cost),
            started,
            seconds,
            standing(target.expected, judged, found.cause if found else None, self._agent.name, self._day),
        )

    def _check(self, form: Sequence[Any]) -> Check:
        step, endpoint, outcome, summary, facts, finding, seconds, *rare = form
        found = None if finding is None else self._finding(finding)
        return Check(_STEPS[step], endpoint, _OUTCOMES[outcome], summary, facts, found, seconds, *rare)

    def _finding(self, form: Sequence[Any]) -> Finding:
        cause, detail, fix, also, owner = form
        others = tuple((_OWNERS[who], text) for who, text in also)
        return Finding(self._causes.of(cause), detail, fix, others, _OWNERS[owner])


def _in_order(types: Sequence[Report], host: Target) -> list[Report]:
    places = {id(one): place for place, one in enumerate(host.tries)}
    return sorted(types, key=lambda report: places[id(report.target)])
