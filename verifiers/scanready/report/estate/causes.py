"""Group the targets of an estate view by the cause of their estate verdict, with the agents that met it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace

from scanready.model import GOOD, Owner, Report, Standing, Step, Target
from scanready.report.findings import Told, besides, decisive, told
from scanready.report.groups import ByCause, Group, Second, to_do, worth_telling
from scanready.report.paper import GRAVITY
from scanready.report.rules import rules_of_result
from scanready.report.serialize import as_line
from scanready.run.any_type import reports_of

from .view import FINE, Row

_MILDEST = GRAVITY[::-1].index


@dataclass(frozen=True, slots=True)
class Lead:
    """Hold the cause that decides an estate verdict.

    Attributes:
        told: the cause with its remedies and fixes, with the evidence of the agent that the verdict names.
        target: the target; for a host without a type, with the type that the cause belongs to, if any type answered.
        agents: the agents that met this cause at the target, in alphabetical order.
    """

    told: Told
    target: Target
    agents: tuple[str, ...]


def lead_of(row: Row) -> Lead | None:
    """Return the cause that decides the estate verdict; None without one."""
    finding, verdict = row.verdict.finding, row.verdict
    if finding is None or verdict.met_by is None:
        return None
    found, target = [finding], row.target
    for one in worth_telling(row.reports[verdict.met_by]) if verdict.met_by in row.reports else ():
        alike = [check.finding for check in one.checks if check.finding and check.finding.cause is finding.cause]
        if finding in alike:
            found, target = [finding, *alike], one.target
            break
    step = verdict.step or finding.cause.step
    met = {name for name, report in row.reports.items() if finding.cause.code in _codes(report)}
    return Lead(told(target, found, step, verdict.verdict), target, tuple(sorted({*met, verdict.met_by})))


def other_causes(row: Row) -> dict[str, tuple[Told, tuple[str, ...]]]:
    """Return the causes beside the one that decides, by code, each with the agents that met it.

    A target that an agent can scan has none: what another agent met there does not matter to the verdict.
    """
    if row.verdict.verdict in FINE:
        return {}
    lead = row.verdict.finding.cause.code if row.verdict.finding else ""
    met: dict[str, tuple[Told, list[str]]] = {}
    for name, report in row.reports.items():
        for one in (decisive(report), *besides(report)):
            if one is not None and one.cause.code != lead:
                agents = met.setdefault(one.cause.code, (one, []))[1]
                if name not in agents:
                    agents.append(name)
    return {code: (one, tuple(agents)) for code, (one, agents) in met.items()}


def _no_graver(found: Told, row: Row) -> Told:
    """Return a cause of one agent with a verdict that is no graver than that of the estate."""
    return replace(found, verdict=min(found.verdict, row.verdict.verdict, key=_MILDEST))


def _codes(report: Report) -> set[str]:
    return {check.finding.cause.code for one in reports_of(report) for check in one.checks if check.finding}


class EstateCauses:
    """Sort the rows into groups by cause and owner; keep a short record of each.

    Args:
        every_owner: add a target to the group of each owner who can fix its cause, with the firewall rules; otherwise
            only to the group of the first owner.
    """

    def __init__(self, *, every_owner: bool = False) -> None:
        self._every_owner = every_owner
        self._causes = ByCause()
        self._owners: Counter[Owner] = Counter()
        self._agents: dict[tuple[str, ...], tuple[str, ...]] = {}

    def add(self, row: Row) -> None:
        """Add a row by the cause of its estate verdict, unless its failure is known.

        The other causes count for their owners, too: each of them stands in the way of one agent at least.
        """
        lead = lead_of(row)
        if lead is None or row.standing is Standing.WAIVED:
            return
        others = other_causes(row)
        found = [(lead.told, lead.agents)] + [(_no_graver(one, row), names) for one, names in others.values()]
        seconds = [
            Second(one.cause.code, one.owner, self._causes.once(f"{one.detail} (from {', '.join(names)})"), None)
            for one, names in found
        ]
        self._owners.update({part.owner for one, _ in found for part in one.parts})
        for place, (one, names) in enumerate(found if self._every_owner else found[:1]):
            besides = tuple(seconds[:place] + seconds[place + 1 :])
            self._put(row, lead.target, one, self._agents.setdefault(names, names), besides)

    def _put(self, row: Row, target: Target, found: Told, agents: tuple[str, ...], besides: tuple[Second, ...]) -> None:
        for part in found.parts if self._every_owner else found.parts[:1]:
            group = self._causes.put(target, row.place, found, part, besides, agents)
            if self._every_owner and part.owner is Owner.NETWORK and found.step is Step.CONNECT:
                self._add_rules(group, row, agents)

    def _add_rules(self, group: Group, row: Row, agents: tuple[str, ...]) -> None:
        for name in agents:
            if (report := row.reports.get(name)) is not None and report.verdict not in GOOD:
                group.rules += rules_of_result(json.loads(as_line(report)))

    def groups(self) -> list[Group]:
        """Return the groups, the gravest and largest first. Call it last."""
        return self._causes.groups()

    def by_owner(self) -> dict[Owner, list[Group]]:
        """Return the groups by owner, the owner of the most targets first. Call it last."""
        found: dict[Owner, list[Group]] = {}
        for group in self.groups():
            found.setdefault(group.owner, []).append(group)
        return dict(sorted(found.items(), key=lambda pair: -sum(len(group.members) for group in pair[1])))

    def to_do(self) -> str:
        """Return the number of targets for each owner who can fix a cause of their estate verdict, or of an agent."""
        return to_do(self._owners)
