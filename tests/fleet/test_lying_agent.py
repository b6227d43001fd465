"""An agent that lies about its logins may cost others their logins. It never opens an account or speaks for others."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanready.causes import common
from scanready.fleet.division import Estate
from scanready.fleet.ledger import Ledger
from scanready.fleet.login_end import End, LoginEnd
from scanready.fleet.login_pass import LoginPass, login_of
from scanready.fleet.messages import CANCELLED, Batch, Results
from scanready.model import (
    Agent,
    Cause,
    Check,
    Credential,
    DeclaredAgent,
    Finding,
    Footprint,
    Outcome,
    Report,
    Step,
    Target,
    Verdict,
)

ACCEPTED, REFUSED, UNKNOWN, WITHHELD, READY = "accepted", "refused", "unknown", "withheld", "ready"
#: An account that the liar has no target with.
OTHERS = Credential("others", "scan")
_CAUSES: Mapping[str, Cause] = {REFUSED: common.LOGIN_REFUSED, UNKNOWN: common.OUT_OF_TIME}


def first_visit(agent: str, target: Target, *addresses: str) -> Report:
    """Return the result of a visit that reached the login prompt."""
    where = f"{target.host}:22"
    checks = [
        Check(Step.RESOLVE, target.host, Outcome.PASSED, ", ".join(addresses), {"addresses": list(addresses)}),
        Check(Step.AUTH, where, Outcome.PASSED, "asks for a password"),
        *(Check(step, where, Outcome.SKIPPED, "not asked: depth is auth") for step in (Step.LOGIN, Step.ACCESS)),
    ]
    at = "2026-01-01T00:00:00Z"
    return Report(Agent(agent, "Linux"), target, Verdict.READY, Step.AUTH, None, None, {}, checks, Footprint(), at, 0.1)


def second_visit(agent: str, target: Target, word: str, *addresses: str) -> Report:
    """Return the result of a visit that logged in, or would have."""
    first = first_visit(agent, target, *addresses)
    if word == ACCEPTED:
        first.verdict, first.reached = Verdict.SCANNABLE, Step.ACCESS
        return first
    first.finding = Finding(_CAUSES.get(word, common.LOGIN_WITHHELD), word)
    first.verdict = Verdict.BLOCKED if word == REFUSED else Verdict.UNDECIDED
    return first


def word_of(report: Report) -> str:
    """Return what a result says about its login."""
    if report.finding is None:
        return ACCEPTED if report.verdict is Verdict.SCANNABLE else READY
    words = {cause.code: word for word, cause in _CAUSES.items()}
    return words.get(report.finding.cause.code, WITHHELD)


class Memory:
    """A ledger that is not on the disk."""

    key, number, going = "r", 1, None

    def __init__(self) -> None:
        self.reports: dict[tuple[str, str], Report] = {}

    def put(self, reports: Iterable[tuple[int, Report]]) -> None:
        """Keep the results."""
        for _, report in reports:
            self.reports[report.target.host, report.agent.name] = report

    def result(self, target: Target, agent: str) -> Report | None:
        """Return what was kept."""
        return self.reports.get((target.host, agent))

    def login_sent(self, batch: str, agent: str, places: Sequence[int], note: object) -> None:
        """Drop it."""

    def login_ended(self, batch: str, ends: Sequence[Mapping[str, Any]], note: object) -> None:
        """Drop them."""

    def accounts(self) -> list[Any]:
        """Return that no earlier run made a login."""
        return []

    def logins(self) -> list[Any]:
        """Return that this process began the run."""
        return []


@dataclass
class Honest:
    """An agent with one copy of each secret, and the guard that it has itself."""

    name: str
    right: bool
    lacks: bool
    accepted: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    barred: set[tuple[str, int]] = field(default_factory=set)


class World:
    """Servers with one name or two, honest agents, and a liar. It is the same one for each seed."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.seed = seed
        self.agents = [f"a{number}" for number in range(chance.randint(2, 5))]
        self.liar = chance.choice((self.agents[0], *self.agents))
        self.account = Credential("svc", "scan", authority=chance.choice((None, None, "corp")))
        share = chance.choice((0.0, 0.0, 0.3, 0.6, 1.0))
        self.right = {agent: chance.random() < share for agent in self.agents}
        self.lacks = {agent: chance.random() < 0.1 for agent in self.agents}
        self.servers = chance.choice((2, 4, 8, 30))
        self.kinds = [
            chance.choice(("plain",) * 4 + ("silent", "ambiguous", "foreign", "foreign")) for _ in range(self.servers)
        ]
        self.targets: list[Target] = []
        for server in range(self.servers):
            others = chance.random() < 0.2
            names = [f"h{server}", *chance.choice(([], [], [f"10.0.0.{server}"], [f"other{server}"]))]
            for host in names:
                whose = [one for one in self.agents if chance.random() < 0.7 and not (others and one == self.liar)]
                if whose:
                    account = OTHERS if others else self.account
                    self.targets.append(Target(host, "ssh", 22, {}, account, agents=tuple(whose)))
        self.style = chance.choice((*End, *["accepted"] * 8, *["wild"] * 4, "silent"))
        self.in_order = chance.random() < 0.5

    def server(self, host: str) -> int:
        """Return the server that has a name."""
        return int(host.rpartition(".")[2].lstrip("hoter"))

    def truth(self, agent: str, host: str) -> str:
        """Return what the server of a name answers to the secret of an agent."""
        kind = self.kinds[self.server(host)]
        if self.lacks[agent]:
            return READY
        if kind == "silent":
            return UNKNOWN
        return ACCEPTED if self.right[agent] and kind != "foreign" else REFUSED


class Run:
    """One run in a world: the liar lies, or has no targets."""

    def __init__(self, world: World, *, lies: bool) -> None:
        self.world, self.lies, self.chance = world, lies, random.Random(world.seed + 1)
        self.memory, self.told = Memory(), list[str]()
        agents = tuple(map(DeclaredAgent, world.agents))
        self.estate = Estate(world.targets, agents, Step.ACCESS, 10.0)
        self.logins = LoginPass(self.estate, cast("Ledger", self.memory), login_of(86_400.0, ""), self.told.append)
        self.honest = {name: Honest(name, world.right[name], world.lacks[name]) for name in world.agents}
        #: Logins of agents that no server had accepted, and were not accepted then, by account.
        self.strangers: Counter[str] = Counter()
        #: Logins that were not accepted, by account and server.
        self.counted: Counter[tuple[str, int]] = Counter()
        self.ambiguous = self.accepted = False
        self.asked: set[str] = set()  # the hosts where the liar may log in
        for place, target, agent in self.estate.places():
            if agent == world.liar and not lies:
                continue
            report = first_visit(agent, target, *self.addresses(agent, target.host))
            self.memory.put([(place, report)])
            self.logins.add(place, report)

    def addresses(self, agent: str, host: str) -> list[str]:
        """Return what an agent says that a name resolves to."""
        if agent == self.world.liar and self.chance.random() < 0.5:
            return [f"10.0.0.{self.chance.randrange(self.world.servers)}", "nonsense"]
        return [f"10.0.0.{self.world.server(host)}"]

    def play(self) -> dict[tuple[str, str], str]:
        """Carry out all logins; return what became of each target of the honest agents."""
        flight: list[Batch] = []
        away: list[str] = []
        while True:
            flight += filter(None, map(self.logins.leaving, self.logins.batches(away)))
            if not flight:
                break
            batch = flight.pop(0 if self.world.in_order else self.chance.randrange(len(flight)))
            if batch.agent != self.world.liar:
                self.logins.take(self.carried_out(batch))
            elif (found := self.lie(batch)) is not None:
                self.logins.take(found)
            else:
                away = [batch.agent]
        self.logins.finish()
        return {key: word_of(one) for key, one in self.memory.reports.items() if key[1] != self.world.liar}

    def named(self) -> set[str]:
        """Return the hosts that withheld logins of honest agents name, as places where the liar was refused."""
        pattern = re.compile(rf"(\S+?)(:22)? (refused|did not answer) .* from the agent {self.world.liar}\b")
        honest = (one for (_, agent), one in self.memory.reports.items() if agent != self.world.liar)
        words = (check.summary for one in honest for check in one.checks)
        return {found[1] for found in map(pattern.match, words) if found}

    def carried_out(self, batch: Batch) -> Results:
        """Log in as an honest agent does."""
        agent, ends = self.honest[batch.agent], []
        for place, target in batch.targets:
            account = target.credential
            assert account is not None
            if agent.lacks:
                ends.append(LoginEnd(account.name, target.host, End.UNABLE, detail="none"))
                continue
            word, end = self.tried(agent, target.host, account)
            where = f"{target.host}:22" if end is not End.NOT_SENT else ""
            ends.append(LoginEnd(account.name, target.host, end, where))
            address = f"10.0.0.{self.world.server(target.host)}"
            self.memory.put([(place, second_visit(agent.name, target, word, address))])
        return Results(batch.run, batch.batch, batch.agent, done=True, logins=tuple(ends))

    def tried(self, agent: Honest, host: str, account: Credential) -> tuple[str, End]:
        """Log in at one host, unless the agent's own guard withholds it."""
        server, name = self.world.server(host), account.name
        if name in agent.refused or (name, server) in agent.barred:
            return WITHHELD, End.NOT_SENT
        word = self.world.truth(agent.name, host)
        if word == ACCEPTED:
            agent.accepted.add(name)
            self.accepted = True
            return word, End.ACCEPTED
        proven = name in agent.accepted
        self.counted[name, server] += 1
        self.strangers[name] += not proven
        agent.barred.add((name, server))
        if word == UNKNOWN:
            return word, End.UNKNOWN
        if proven and account.authority is None:
            return word, End.REFUSED_HERE
        agent.refused.add(name)
        if self.world.kinds[server] == "ambiguous":
            self.ambiguous = True
            return word, End.AMBIGUOUS
        return word, End.REFUSED

    def lie(self, batch: Batch) -> Results | None:
        """Return what the liar says of a batch; None if it never answers."""
        style, chance = self.world.style, self.chance
        self.asked.update(target.host for _, target in batch.targets)
        if style == "silent":
            return None
        hosts = [target.host for target in self.world.targets]
        ends = []
        for _, target in batch.targets:
            end = chance.choice(tuple(End)) if style == "wild" else End(style)
            ends.append(LoginEnd("svc", target.host, end, f"{target.host}:22", "a lie"))
        for _ in range(chance.randrange(8)):
            name, host = chance.choice(("svc", "svc", "others", "x")), chance.choice((*hosts, "10.0.0.1", "elsewhere"))
            ends.append(LoginEnd(name, host, chance.choice(tuple(End)), f"{chance.choice(hosts)}:22", "a lie"))
        chance.shuffle(ends)
        self.accepted |= any(end.end is End.ACCEPTED for end in ends)
        refused = chance.choice(("", "", CANCELLED, "no")) if style == "wild" else ""
        reported = None if refused == "no" else tuple(ends)
        return Results(batch.run, batch.batch, batch.agent, done=True, refused=refused, logins=reported)


@given(st.integers(min_value=0))
@example(1034742)  # one ambiguous refusal, then the lie of an accepted secret
@settings(max_examples=150, deadline=None)
def test_a_liar_costs_logins_and_changes_nothing_else(seed: int) -> None:
    world = World(seed)
    runs = [Run(world, lies=False), Run(world, lies=True)]
    silent, lying = (run.play() for run in runs)
    assert silent.keys() == lying.keys()
    for (host, agent), word in lying.items():
        assert word in (world.truth(agent, host), WITHHELD), "it says what its own server said, or is withheld"
        assert silent[host, agent] in (word, WITHHELD) or word == WITHHELD
    for run in runs:
        most = 2 if run.ambiguous else 1
        failed = max(run.strangers.values(), default=0)
        assert failed <= (3 if run.accepted else most), "three copies in a row may be out of date, no more"
        assert max(run.counted.values(), default=0) <= most, "a server counts one refusal, by whichever name"
    assert runs[1].named() <= runs[1].asked, "it speaks of other hosts than those that it was asked for"
    if world.in_order:
        own = [
            (target.host, agent) for target in world.targets if target.credential == OTHERS for agent in world.agents
        ]
        assert [lying.get(key) for key in own] == [silent.get(key) for key in own], "the liar was not asked about it"
