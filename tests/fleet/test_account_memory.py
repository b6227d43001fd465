"""A refusal that one run of a fleet met binds its later runs, whichever agents they have: nights of random worlds."""

from __future__ import annotations

import datetime
import itertools
import random
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.fleet.account_journal import by_account, note_ended, note_sent
from scanready.fleet.account_memory import Going, Memory, remembered
from scanready.fleet.accounts import Accounts
from scanready.fleet.grants import Denied, Grant, Visit
from scanready.fleet.login_end import End, LoginEnd
from scanready.fleet.login_pass import seconds_since
from scanready.fleet.messages import Login
from scanready.model import Credential
from scanready.run import timestamps
from scanready.store import boot_clock, journal
from scanready.store.migrations import MIGRATIONS

BEGAN = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)
DAY = Login(86_400.0)
#: The nights that are played: their host is the one that the journal asks for the time since its start.
PLAYED: list[Nights] = []


@pytest.fixture(autouse=True, scope="module")
def _host() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boot_clock, "reading", lambda: PLAYED[-1].uptime)
        yield


@dataclass
class Copy:
    """The secret of one agent; ``written`` in hours."""

    right: bool
    written: float = 0.0
    refused: int = 0


class Nights:
    """A coordinator's journal, agents that have no memory of their own, and servers that count what they refuse."""

    def __init__(self, copies: dict[str, Copy], hosts: int = 2, *, alike: bool = True, ambiguous: bool = False) -> None:
        self.copies, self.hosts, self.ambiguous = copies, hosts, ambiguous
        self.account = Credential("cred", "svc", authority="corp" if alike else None)
        self.hour, self.run = 1.0, 0
        self.starts, self.ahead = 0, 0.0
        self.refused: Counter[str] = Counter()
        self.silent: set[str] = set()
        PLAYED[:] = [self]
        self.file = sqlite3.connect(":memory:", isolation_level=None)
        for statement in itertools.chain(*MIGRATIONS):
            self.file.execute(statement)

    @property
    def now(self) -> str:
        return timestamps.written(BEGAN + datetime.timedelta(hours=self.hour))

    @property
    def agents_hour(self) -> float:
        """The time by the clocks of the agents, which are right."""
        return self.hour - self.ahead

    @property
    def uptime(self) -> str:
        return f"start-{self.starts} {self.agents_hour * 3600:.3f}"

    def set_clock(self, hours: float) -> None:
        """Set the wall clock of the coordinator: no time passes."""
        self.hour += hours
        self.ahead += hours

    def correct(self, agent: str, *, right: bool = True) -> None:
        self.hour += 0.01
        self.copies[agent] = Copy(right, self.agents_hour)
        self.hour += 0.01

    def memory(self, login: Login = DAY, going: Going | None = None) -> Memory:
        records = by_account(journal.records(self.file, of_fleet=True, now=self.now)).get(self.account.guarded_by, ())
        return remembered(records, {"cred"}, login, self.now, going)

    def night(
        self, *present: str, login: Login = DAY, chance: random.Random | None = None, kill: bool = False
    ) -> Night:
        """Play one run; return what became of each visit. ``kill`` ends the coordinator while logins are under way."""
        self.run += 1
        journal.notice(self.file, self.now)
        return Night(self, present or tuple(self.copies), login, chance or random.Random(0)).played(kill=kill)

    def log_in(self, agent: str, host: str, grant: Grant) -> LoginEnd:
        """Log in, as an agent does."""
        copy = self.copies[agent]
        if grant.hold is not None:
            since = self.agents_hour - seconds_since(grant.hold.since, self.now) / 3600
            if copy.written <= since:
                return LoginEnd("cred", host, End.HELD)
        if host in self.silent:
            self.refused[agent] += 1  # it may count it as refused
            return LoginEnd("cred", host, End.UNKNOWN, f"{host}:22")
        if copy.right:
            return LoginEnd("cred", host, End.ACCEPTED, f"{host}:22")
        self.refused[agent] += 1
        copy.refused += 1
        return LoginEnd("cred", host, End.AMBIGUOUS if self.ambiguous else End.REFUSED, f"{host}:22")


class Night:
    """One run."""

    def __init__(self, nights: Nights, present: Sequence[str], login: Login, chance: random.Random) -> None:
        self.nights, self.present, self.chance = nights, present, chance
        self.ends: dict[tuple[str, str], End] = {}
        self.denied: list[Denied] = []
        accounts = Accounts()
        for place, (host, agent) in enumerate(itertools.product(range(nights.hosts), present)):
            visit = Visit(place, agent, f"h{host}", "cred")
            accounts.add(nights.account.guarded_by, visit, judged_alike=nights.account.authority is not None)
        accounts.remember(nights.account.guarded_by, nights.memory(login))
        self.accounts = accounts

    def played(self, *, kill: bool) -> Night:
        nights, names = self.nights, {"cred": self.nights.account}
        flight: list[Grant] = []
        while True:
            grants, denied = self.accounts.next()
            self.denied += denied
            for grant in grants:
                note_sent(nights.file, nights.run, grant, names, nights.now)
            flight += grants
            nights.hour += 0.001
            if not flight:
                return self
            if kill and self.chance.random() < 0.3:
                for grant in flight:
                    if self.chance.random() < 0.5:
                        self._answered(grant)
                return self
            grant = flight.pop(self.chance.randrange(len(flight)))
            ends = self._answered(grant)
            own = self.accounts.is_own_place(grant)
            note_ended(nights.file, nights.run, grant, ends, names, nights.now, is_own_place=own)
            self.denied += self.accounts.conclude(grant, ends)

    def _answered(self, grant: Grant) -> list[LoginEnd]:
        hosts = dict.fromkeys(visit.host for visit in grant.visits)
        ends = [self.nights.log_in(grant.agent, host, grant) for host in hosts]
        self.ends |= {(grant.agent, end.host): end.end for end in ends}
        return ends

    def withheld(self) -> Collection[str]:
        """Return the agents that have a visit without a login."""
        return {one.visit.agent for one in self.denied if one.withheld}


def wrong(*agents: str) -> dict[str, Copy]:
    return {agent: Copy(right=False) for agent in agents}


@pytest.mark.parametrize("alike", [True, False], ids=["authority", "none written"])
def test_another_agent_does_not_repeat_a_refusal_of_the_night_before(*, alike: bool) -> None:
    nights = Nights(wrong("a", "b"), alike=alike)
    nights.night("a")
    found = nights.night("b")
    assert nights.refused == {"a": 1}
    assert found.withheld() == {"b"}
    words = {one.words for one in found.denied}
    assert all(
        one.startswith("h0:22 refused the credential 'cred' from the agent a on 2026-11-27T01:00:") for one in words
    )
    assert all("`scanready credentials --forget cred` at the coordinator" in one for one in words)
    assert all("`--retry-refused=cred`" in one for one in words)
    assert {one.refused_at for one in found.denied} == {"h0:22"}


def test_a_wrong_password_costs_three_refusals_however_many_nights_and_agents() -> None:
    nights = Nights(wrong("a", "b", "c"))
    counts = []
    for agent in "abcabc":
        nights.night(agent)
        counts.append(sum(nights.refused.values()))
        nights.hour += 25
    assert counts == [1, 2, 3, 3, 3, 3]
    (one, *_) = nights.night("a").denied
    assert "until one of these is done" in one.words


def test_a_corrected_file_of_any_agent_is_used_without_an_option() -> None:
    nights = Nights(wrong("a", "b", "c"))
    nights.night()
    nights.correct("b")
    found = nights.night()
    assert {agent for (agent, _), end in found.ends.items() if end is End.ACCEPTED} == {"b"}
    nights.correct("a")
    nights.correct("c")
    found = nights.night()
    assert set(found.ends.values()) == {End.ACCEPTED}
    assert len(found.ends) == 6


def test_a_new_secret_that_is_wrong_has_a_history_of_its_own() -> None:
    nights = Nights(wrong("a", "b"))
    for _ in range(4):
        nights.night()
        nights.hour += 25
    assert sum(nights.refused.values()) == 3
    nights.correct("b", right=False)
    for _ in range(4):
        nights.night()
        nights.hour += 25
    assert sum(nights.refused.values()) == 6


def test_the_option_is_one_try_for_the_whole_fleet() -> None:
    nights = Nights(wrong("a", "b", "c"))
    nights.night("a")
    for retried in ("cred", "*"):
        before = sum(nights.refused.values())
        nights.night(login=Login(86_400.0, retried))
        assert sum(nights.refused.values()) == before + 1
    assert nights.night(login=Login(86_400.0, "other")).withheld() == {"a", "b", "c"}


def test_of_an_account_that_works_the_option_is_one_try_for_the_whole_fleet() -> None:
    nights = Nights({"a": Copy(right=True), **wrong(*"bcdefgh")}, alike=False)
    for agent in "bcd":
        nights.night("a", agent)
    assert sum(nights.refused.values()) == 3
    nights.night(login=Login(86_400.0, "cred"))
    assert sum(nights.refused.values()) == 4


def test_of_ambiguous_refusals_the_option_is_one_try_for_the_whole_fleet() -> None:
    nights = Nights(wrong(*"abcdef"), ambiguous=True)
    nights.night("a", "b")
    assert sum(nights.refused.values()) == 2
    nights.night(login=Login(86_400.0, "*"))
    assert sum(nights.refused.values()) == 3


def test_another_user_of_the_same_name_is_another_account() -> None:
    nights = Nights(wrong("a", "b"), alike=False)
    users = Credential("cred", "another"), Credential("cred", "svc")
    for nights.account in users:
        assert nights.memory() == Memory()
        nights.night("a")
        assert nights.memory() != Memory()
    assert sum(nights.refused.values()) == 2


def test_a_coordinator_that_was_killed_binds_the_next_run() -> None:
    nights = Nights(wrong("a", "b"))
    accounts = Night(nights, ("a",), DAY, random.Random(0)).accounts
    (grant,), _ = accounts.next()
    note_sent(nights.file, 1, grant, {"cred": nights.account}, nights.now)
    found = nights.night("b")
    assert found.withheld() == {"b"}
    assert found.denied[0].words.startswith("h0 did not answer a login with the credential 'cred' from the agent a on ")
    assert found.denied[0].refused_at == ""


def test_the_logins_of_a_run_that_goes_on_do_not_bind_it() -> None:
    nights = Nights(wrong("a", "b"))
    began = nights.now
    accounts = Night(nights, ("a",), DAY, random.Random(0)).accounts
    (grant,), _ = accounts.next()
    note_sent(nights.file, 7, grant, {"cred": nights.account}, nights.now)
    assert nights.memory().everyone is not None
    assert nights.memory(going=Going(7, began)) == Memory()
    assert nights.memory(going=Going(8, began)).everyone is not None
    nights.hour += 1
    assert nights.memory(going=Going(7, nights.now)).everyone is not None, "the row of a pruned run was used again"


def test_an_ambiguous_refusal_lets_one_further_agent_try_in_whichever_run() -> None:
    nights = Nights(wrong("a", "b", "c"), ambiguous=True)
    nights.night("a")
    assert nights.night("a").withheld() == {"a"}
    assert sum(nights.refused.values()) == 1
    nights.night("b")
    assert sum(nights.refused.values()) == 2
    assert nights.night("c").withheld() == {"c"}
    assert sum(nights.refused.values()) == 2


def test_after_a_login_without_an_answer_an_ambiguous_refusal_lets_nobody_else_try() -> None:
    """That login may have counted as well: with two further agents, four wrong passwords were counted in all."""
    nights = Nights(wrong("a", "b", "c"), ambiguous=True)
    nights.silent = {"h0", "h1"}
    for agent in "ab":
        nights.night(agent)
        nights.hour += 25
    nights.silent = set()
    nights.night("b", "c")
    assert sum(nights.refused.values()) == 3


def test_of_an_account_that_works_three_agents_are_refused_in_all_nights() -> None:
    """Without an authority a refusal binds the agent, and others have copies of the secret, too."""
    nights = Nights({"a": Copy(right=True), **wrong(*"bcdefgh")}, alike=False)
    for agent in "bcdefgh":
        nights.night("a", agent)
    assert nights.refused == {"b": 1, "c": 1, "d": 1}
    nights.correct("e")
    assert nights.night("a", "e").ends["e", "h1"] is End.ACCEPTED
    nights.night("a", "f")
    assert nights.refused["f"] == 1, "an agent was accepted for the first time: the count begins again"


def test_a_host_that_refused_is_not_tried_by_another_agent() -> None:
    nights = Nights({"a": Copy(right=True), "b": Copy(right=True)}, hosts=3, alike=False)
    nights.night()
    nights.run += 1
    grant = Grant(nights.account.guarded_by, "a", (Visit(0, "a", "h1", "cred"),))
    names = {"cred": nights.account}
    note_sent(nights.file, nights.run, grant, names, nights.now)
    ends = [LoginEnd("cred", "h1", End.REFUSED_HERE, "h1:22")]
    note_ended(nights.file, nights.run, grant, ends, names, nights.now, is_own_place=False)
    found = nights.night("b")
    assert {host for _, host in found.ends if found.ends["b", host] is End.ACCEPTED} == {"h0", "h2"}
    assert [(one.visit.host, "at this host until" in one.words) for one in found.denied] == [("h1", True)]
    nights.correct("b")
    assert set(nights.night("b").ends.values()) == {End.ACCEPTED}
    nights.copies["a"].written = 0
    assert set(nights.night().ends.values()) == {End.ACCEPTED}, "the host has accepted the account since"


def test_what_is_not_known_to_be_wrong_is_not_withheld() -> None:
    nights = Nights({"a": Copy(right=True), "b": Copy(right=True)}, hosts=40)
    for present in (("a",), ("b",), ("a", "b")):
        found = nights.night(*present)
        assert not found.denied
        assert set(found.ends.values()) == {End.ACCEPTED}


@pytest.mark.parametrize(
    "hours", [0.0, -0.001, -0.5], ids=["the same moment", "just before", "a clock that was set back"]
)
def test_what_came_later_counts_wherever_the_clock_was_set_to(hours: float) -> None:
    nights = Nights({"a": Copy(right=True), **wrong("b", "c")})
    nights.night("a")
    noted = nights.hour
    nights.set_clock(hours - 0.002 * (hours == 0))
    nights.night("b")
    nights.night("c")
    assert nights.refused == {"b": 1}, "the refusal came after the acceptance"
    nights.set_clock(noted + hours - nights.hour)
    nights.copies["b"] = Copy(right=True, written=noted + 1000)
    nights.night("b", login=Login(86_400.0, "cred"))
    assert nights.memory().everyone is None, "and the next acceptance after it"


@pytest.mark.parametrize("alike", [True, False], ids=["authority", "none written"])
@pytest.mark.parametrize("hours", [-8760, -24, -3, 24, 30, 8760])
def test_a_clock_that_jumps_at_the_coordinator_lets_nothing_out(hours: float, *, alike: bool) -> None:
    nights = Nights(wrong("a", "b"), alike=alike)
    nights.night("a")
    nights.set_clock(hours)
    for agent in ("a", "b"):
        assert nights.night(agent).withheld() == {agent}
    nights.set_clock(-hours)
    nights.night()
    assert nights.refused == {"a": 1}
    nights.set_clock(hours)
    nights.hour += 25
    nights.night()
    assert nights.refused.total() == 2, "a day has passed, whatever the clock was in it"


@pytest.mark.parametrize(("hours", "rest"), [(-8760, 5), (-24, 29)])
def test_a_refusal_of_a_moment_to_come_binds_a_day_from_when_a_run_saw_it(hours: float, rest: float) -> None:
    """Where the clock reaches that moment meanwhile, it binds a day from then: so at most two days."""
    nights = Nights(wrong("a", "b"))
    nights.night("a")
    nights.set_clock(hours)
    nights.starts += 1
    nights.night("b")
    nights.hour += 20
    nights.night()
    assert nights.refused == {"a": 1}
    nights.hour += rest
    nights.night()
    assert nights.refused.total() == 2, "it does not bind for ever"


def test_a_corrected_secret_is_used_though_the_clock_of_the_coordinator_jumped() -> None:
    nights = Nights(wrong("a", "b"))
    nights.night("a")
    nights.set_clock(-24)
    nights.correct("b")
    nights.night("b")
    assert nights.refused == {"a": 1}
    assert not nights.memory().everyone


def test_an_agent_whose_secret_was_accepted_is_tried_first() -> None:
    nights = Nights({"a": Copy(right=False), "b": Copy(right=True), "c": Copy(right=True)}, alike=False)
    nights.night("b")
    accounts = Night(nights, ("a", "b", "c"), DAY, random.Random(0)).accounts
    assert accounts.next()[0][0].agent == "b"


@given(st.integers(min_value=0))
@settings(max_examples=200, deadline=None)
def test_no_world_counts_more_than_three(seed: int) -> None:
    chance = random.Random(seed)
    agents = [f"a{number}" for number in range(chance.randint(1, 6))]
    share = chance.choice((0.0, 0.0, 0.5, 0.9))
    nights = Nights(
        {agent: Copy(right=chance.random() < share) for agent in agents},
        chance.randint(1, 12),
        alike=chance.random() < 0.5,
        ambiguous=chance.random() < 0.3,
    )
    nights.silent = {f"h{host}" for host in range(nights.hosts) if chance.random() < chance.choice((0.0, 0.2))}
    all_wrong = not any(copy.right for copy in nights.copies.values())
    day = nights.hour, 0
    for _ in range(8):
        present = [agent for agent in agents if chance.random() < 0.6] or agents[:1]
        found = nights.night(*present, chance=chance, kill=(killed := chance.random() < 0.3))
        if not killed:
            judged = len(found.ends) + sum((one.visit.agent, one.visit.host) not in found.ends for one in found.denied)
            assert judged == nights.hosts * len(present), "each target is tried or denied"
        total = sum(nights.refused.values())
        if all_wrong:
            assert total <= 3
            if nights.hour < day[0] + 24:
                assert total - day[1] <= (2 if nights.ambiguous else 1)
        assert all(copy.refused <= 3 for copy in nights.copies.values())
        if chance.random() < 0.5:
            nights.hour += chance.choice((0.5, 25.0))
            day = (nights.hour, total) if nights.hour >= day[0] + 24 else day


@given(st.integers(min_value=0))
@settings(max_examples=100, deadline=None)
def test_a_right_secret_is_used_by_the_next_night_in_every_world(seed: int) -> None:
    chance = random.Random(seed)
    agents = [f"a{number}" for number in range(chance.randint(1, 5))]
    nights = Nights(wrong(*agents), chance.randint(1, 12), alike=chance.random() < 0.5)
    for _ in range(chance.randint(1, 4)):
        nights.night(*chance.sample(agents, chance.randint(1, len(agents))), chance=chance, kill=chance.random() < 0.3)
        nights.hour += chance.choice((0.5, 25.0))
    nights.silent = set()
    for agent in agents:
        nights.correct(agent)
    found = nights.night(chance=chance)
    assert set(found.ends.values()) == {End.ACCEPTED}
    assert len(found.ends) == nights.hosts * len(agents)
    assert nights.night(chance=chance).ends.keys() == found.ends.keys()
