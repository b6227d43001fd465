"""Find the changes that targets lack at an agent, for a ranking: firewall rules, and other causes of one agent or path.

A server may refuse several agents for the same cause. That is one change at the server, and it has one entry.

Only a target that no agent can scan gains from a change. A check that passes a port which opens may find another cause
behind it, so a count is "up to" so many targets.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from scanready.causes import common
from scanready.estate.rank import Pair, Ranking
from scanready.model import GOOD, Check, Finding, Outcome, Owner, Report, Scope, Step, is_address
from scanready.report.endpoints import evidence
from scanready.report.filled import fill
from scanready.report.groups import worth_telling
from scanready.report.rules import Rule, merged, rules_of_result
from scanready.report.serialize import as_object

from .view import Row

#: One rule of a change has destinations in one network of this size.
_PREFIX = {4: 24, 6: 64}
#: The cause of a rung that another agent passes, and this one never.
_OTHER_AGENT = common.PLATFORM_MISMATCH
#: An address, with the length of its prefix if there is one; a number.
_ADDRESS = re.compile(
    r"(?:\b\d{1,3}(?:\.\d{1,3}){3}|(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15})(?:/\d{1,3})?"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
#: A rule does not help against a missing route.
_NO_RULE = common.UNREACHABLE


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """Name one change, by one owner at one place.

    Attributes:
        agent: the agent that gains by it; "" for a change at a server, which each agent that it refuses gains by.
        code: the cause that it removes; "" for a firewall rule, which may remove several.
        owner: who makes it.
        do: what the owner does. For a rule: the protocol, the source, and the ports.
        at: where: the network of the destinations of a rule; the endpoint of another cause of a path; "" for the agent.
        what: what tells it from other changes there: the text to apply, or else the evidence; at a server without the
            names and addresses of agents.
    """

    agent: str
    code: str
    owner: Owner
    do: str
    at: str
    what: str = ""

    @property
    def is_rule(self) -> bool:
        """True for a firewall rule."""
        return not self.code


@dataclass(frozen=True, slots=True)
class Part:
    """Describe one change of an entry.

    Attributes:
        change: the change.
        agents: the agents of the entry that gain by it.
        fixes: the texts to apply, each once.
        details: the evidence, for a change without a fix: it says what is missing.
        rules: its firewall rules, one a destination; none for another change.
        destinations: for each destination, how many targets of the entry lack it.
        causes: for each code, how many targets of the entry have met it there.
    """

    change: Change
    agents: tuple[str, ...]
    fixes: tuple[str, ...]
    details: tuple[str, ...]
    rules: tuple[Rule, ...]
    destinations: dict[str, int]
    causes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """Describe one place of the ranking.

    Attributes:
        parts: the changes; more than one are needed together.
        names: the names of the targets that lack exactly these changes.
        together: how many targets these changes take past their step, with those that lack only some of them.
        instead: the same changes at other agents, which help the same targets: those of one agent are enough.
    """

    parts: tuple[Part, ...]
    names: tuple[str, ...]
    together: int
    instead: tuple[Entry, ...] = ()


@dataclass(slots=True)
class _Lack:
    """The part of one change that one target lacks at one agent."""

    code: str
    rules: tuple[Rule, ...] = ()
    fix: str = ""
    detail: str = ""


@dataclass(slots=True)
class Changes:
    """Collect the changes that the targets of an estate view lack.

    Attributes:
        agent: collect the changes for this agent only; None for all agents.
        targets: the number of targets.
        scannable: how many of them an agent can scan: no change gains any of these.
        spared: for each agent, how many targets it cannot scan, and another one can.
        helpless: the targets that no agent can scan and no such change helps, by the cause that no change removes; ""
            stands for a missing result.
    """

    agent: str | None = None
    targets: int = 0
    scannable: int = 0
    spared: Counter[str] = field(default_factory=Counter)
    helpless: Counter[str] = field(default_factory=Counter)
    _ranking: Ranking[Change] = field(default_factory=Ranking)
    _lacks: dict[Change, dict[Pair, _Lack]] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Add a target."""
        self.targets += 1
        if row.verdict.verdict in GOOD:
            self.scannable += 1
            self.spared.update(name for name, report in row.reports.items() if report.verdict not in GOOD)
            return
        cause = row.verdict.cause
        binding = cause is not None and cause.scope in (Scope.TARGET, Scope.ACCOUNT)
        for agent, report in row.reports.items() if not binding else ():
            if self.agent in (None, agent) and (changes := self._lacking(row.place, report)):
                self._ranking.add(row.place, agent, changes)
                self._names[row.place] = row.name
        if row.place not in self._names:
            self.helpless[self._remaining(row)] += 1

    def _remaining(self, row: Row) -> str:
        """Return the cause that no change removes; that of the estate verdict if it is one, or if there is none.

        The cause that leads may be a closed port, where another cause would be left behind the port.
        """
        lead = row.verdict.finding
        left = Counter(
            finding.cause.code
            for agent, report in row.reports.items()
            if self.agent in (None, agent)
            for one in worth_telling(report)
            for finding in {found.cause: found for _, found in _in_the_way(one) if not _is_one_change(found)}.values()
        )
        if left and lead is not None and _is_one_change(lead):
            return min(left, key=lambda code: (-left[code], code))
        return lead.cause.code if lead else ""

    def _lacking(self, place: int, report: Report) -> frozenset[Change]:
        """Return the changes that a result lacks; none if other causes remain after them."""
        # One type of a host without a type is enough.
        parts = [lacking(one.types[0] if one.types else one) for one in worth_telling(report)]
        fewest = min(filter(None, parts), key=len, default={})
        for change, lack in fewest.items():
            self._lacks.setdefault(change, {})[place, report.agent.name] = lack
        return frozenset(fewest)

    def ranked(self) -> list[Entry]:
        """Return the entries, those with the most targets first; the same for several agents is one entry."""
        alike: dict[object, list[Entry]] = {}
        for one in self._ranking.ranked(self._cost):
            parts = tuple(self._part(change, one.pairs) for change in sorted(one.changes))
            entry = Entry(parts, tuple(self._names[place] for place in one.targets), one.together)
            alike.setdefault((one.targets, tuple(sorted(map(_for_any_agent, parts)))), []).append(entry)
        return [replace(entries[0], instead=tuple(entries[1:])) for entries in alike.values()]

    def _cost(self, changes: frozenset[Change], targets: Collection[int]) -> tuple[int, str]:
        rules = sum(
            max(1, len(self._rules(change, [(place, change.agent) for place in targets]))) if change.is_rule else 1
            for change in changes
        )
        return rules, repr(sorted(changes))

    def _rules(self, change: Change, pairs: Iterable[Pair]) -> list[Rule]:
        lacks = self._lacks[change]
        return merged(rule for pair in pairs if pair in lacks for rule in lacks[pair].rules)

    def _part(self, change: Change, pairs: Collection[Pair]) -> Part:
        lacks = {pair: self._lacks[change][pair] for pair in pairs}
        agents = tuple(sorted({agent for _, agent in pairs}))
        told = [lack for _, lack in sorted(lacks.items(), key=lambda one: (one[0][1], one[0][0]))]  # by agent
        reached = Counter(rule.destination for lack in told for rule in lack.rules)
        codes = {place: lack.code for (place, _), lack in lacks.items()}  # a target counts once, not for each agent
        return Part(
            change,
            agents,
            tuple(dict.fromkeys(lack.fix for lack in told if lack.fix)),
            tuple(dict.fromkeys(lack.detail for lack in told if lack.detail)),
            tuple(self._rules(change, pairs)),
            dict(reached.most_common()),
            dict(Counter(codes.values())),
        )


def _for_any_agent(part: Part) -> tuple[str, ...]:
    """Return what a change is, whichever agent gains by it."""
    change = part.change
    if change.is_rule:
        return ("", change.at, *(f"{rule.transport} {rule.ports} {rule.destination}" for rule in part.rules))
    # A change at a server is one entry for all agents already.
    return (change.code, change.owner.value, change.at, "" if change.agent else change.what)


def lacking(report: Report) -> dict[Change, _Lack]:
    """Return the changes after which a result of one type passes its step; none if there is no such change."""
    found: dict[Change, _Lack] = {}
    closed: list[Check] = []
    for check, finding in _in_the_way(report):
        if not _is_one_change(finding):
            return {}
        if is_missing_permission(check, finding):
            closed.append(check)
        else:
            found.setdefault(_repair(report, check, finding), _lack(finding))
    return found | _permissions(report, closed)


def _in_the_way(report: Report) -> Iterator[tuple[Check, Finding]]:
    """Yield the checks that keep a result from being better than undecided, with their causes."""
    for check in report.checks:
        finding = check.finding
        if finding and (check.outcome is Outcome.FAILED or check.tentative or not finding.cause.definite):
            yield check, finding


def _is_one_change(finding: Finding) -> bool:
    cause = finding.cause
    if cause.code == _OTHER_AGENT.code or finding.owner is Owner.SCANREADY:
        return False
    return cause.scope in (Scope.AGENT, Scope.PATH)


def is_missing_permission(check: Check, finding: Finding) -> bool:
    """Return whether a firewall rule may remove the cause of a check."""
    of_network = finding.owner is Owner.NETWORK or any(owner is Owner.NETWORK for owner, _ in finding.also)
    return check.step is Step.CONNECT and of_network and finding.cause.code != _NO_RULE.code


def _lack(finding: Finding) -> _Lack:
    return _Lack(finding.cause.code, (), finding.fix or "", "" if finding.fix else finding.detail)


def _repair(report: Report, check: Check, finding: Finding) -> Change:
    cause = finding.cause
    remedy = fill(cause.remedy, report.target)
    at_server = cause.scope is Scope.PATH and finding.owner not in (Owner.AGENT, Owner.NETWORK)
    if at_server:
        what = (
            without_agent(finding.fix, report)
            if finding.fix
            else _NUMBER.sub("#", without_agent(finding.detail, report))
        )
        return Change("", cause.code, finding.owner, remedy, check.endpoint, what)
    at = "" if cause.scope is Scope.AGENT else check.endpoint
    # One installation on an agent serves all targets with the same fix, whatever the detail says of each of them.
    return Change(report.agent.name, cause.code, finding.owner, remedy, at, finding.fix or finding.detail)


def without_agent(text: str, report: Report) -> str:
    """Return a text without the names and addresses of the agent: what a server changes for each agent is equal then.

    All addresses are left out, since a server may see another one than the agent has.
    """
    names = {report.agent.name, *(str(check.facts.get("agent_seen_as") or "") for check in report.checks)}
    for name in filter(None, sorted(names)):
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", "AGENT", text)
    return _ADDRESS.sub("AGENT", text)


def _permissions(report: Report, closed: list[Check]) -> dict[Change, _Lack]:
    """Return the rules for the ports that are closed, by change."""
    if not closed:
        return {}
    result = as_object(report)
    needed = rules_of_result(result)
    found: dict[Change, _Lack] = {}
    for check in closed:
        assert check.finding is not None
        code = check.finding.cause.code
        places = evidence(as_object(replace(report, checks=[check]))).endpoints
        rules = [rule for place in places for rule in _narrowest(needed, *place)]
        if not rules:
            found[_repair(report, check, check.finding)] = _lack(check.finding)
        for rule in rules:
            lack = found.setdefault(_permission(report.agent.name, rule), _Lack(code))
            lack.rules = tuple(merged([*lack.rules, replace(rule, when="")]))
    return found


def _narrowest(rules: Iterable[Rule], host: str, port: int, transport: str) -> list[Rule]:
    """Return the rules that permit a connection; not one for a range of ports if one for fewer ports does."""
    fitting: dict[str, Rule] = {}
    for rule in rules:
        first, last = rule.span
        if host in (rule.host, rule.destination) and rule.transport == transport and first <= port <= last:
            other = fitting.setdefault(rule.destination, rule)
            if last - first < other.span[1] - other.span[0]:
                fitting[rule.destination] = rule
    return list(fitting.values())


def _permission(agent: str, rule: Rule) -> Change:
    do = f"permit {rule.transport} from {rule.source} to port {rule.ports}"
    return Change(agent, "", Owner.NETWORK, do, network_of(rule.destination))


def network_of(destination: str) -> str:
    """Return the network whose hosts one rule has as its destinations; for a name, the name."""
    if not is_address(destination) or "%" in destination:
        return destination
    address = ipaddress.ip_address(destination)
    return str(ipaddress.ip_network((address, _PREFIX[address.version]), strict=False))
