"""Which account may be tried where: never two secrets for an account that no server has accepted."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.fleet.accounts import Accounts
from scanready.fleet.grants import Denied, Grant, Visit
from scanready.fleet.login_end import End, LoginEnd

KEY = ("svc", "corp")
AGENTS = ("a", "b", "c")


def estate(hosts: int, agents: Sequence[str] = AGENTS, *, alike: bool = True) -> Accounts:
    """Return accounts with one account, for each agent at each host."""
    made = Accounts()
    for place, (host, agent) in enumerate(itertools.product(range(hosts), agents)):
        made.add(KEY, Visit(place, agent, f"h{host}", "cred"), judged_alike=alike)
    return made


def ends(grant: Grant, end: End) -> list[LoginEnd]:
    """Return the same end for each host of a grant."""
    hosts = dict.fromkeys(visit.host for visit in grant.visits)
    return [LoginEnd("cred", host, end, f"{host}:22", "why") for host in hosts]


def only(accounts: Accounts, away: Sequence[str] = ()) -> Grant:
    """Return the one grant that is made now; it is for one target."""
    (grant,), _ = accounts.next(away)
    assert len(grant.visits) == 1
    return grant


def places(denied: Sequence[Denied]) -> set[tuple[str, str]]:
    return {(one.visit.agent, one.visit.host) for one in denied}


def test_one_target_is_tried_first_and_nothing_else_until_its_end() -> None:
    accounts = estate(3)
    first = only(accounts)
    assert accounts.next() == ([], [])
    assert accounts.next(["b"]) == ([], [])
    accounts.conclude(first, ends(first, End.ACCEPTED))
    grants, denied = accounts.next()
    assert not denied
    assert [grant.agent for grant in grants] == ["a"], "b and c log in at a host that accepted the account, one by one"


def test_of_several_targets_of_one_host_one_is_tried_first() -> None:
    accounts = Accounts()
    for place in range(3):
        accounts.add(KEY, Visit(place, "a", "h0", "cred"), judged_alike=True)
    first = only(accounts)
    accounts.conclude(first, ends(first, End.ACCEPTED))
    ((rest,), _) = accounts.next()
    assert sorted(visit.place for visit in (*first.visits, *rest.visits)) == [0, 1, 2]


@pytest.mark.parametrize("alike", [True, False], ids=["authority", "none written"])
@pytest.mark.parametrize("end", [End.REFUSED, End.UNKNOWN, End.EARLIER])
def test_nobody_tries_after_the_first_login_failed(end: End, *, alike: bool) -> None:
    accounts = estate(2, alike=alike)
    first = only(accounts)
    accounts.conclude(first, ends(first, end))
    grants, denied = accounts.next()
    assert grants == []
    assert len(denied) == 5
    assert all(one.withheld for one in denied)
    if end is not End.EARLIER:
        assert all(one.words.startswith("h0:22 ") for one in denied)
        assert "'cred'" in denied[0].words


def test_a_grant_without_an_end_may_have_counted() -> None:
    accounts = estate(2)
    first = only(accounts)
    accounts.conclude(first, [])
    assert accounts.next()[0] == []


def test_one_further_agent_tries_after_an_ambiguous_refusal() -> None:
    accounts = estate(2)
    first = only(accounts)
    accounts.conclude(first, ends(first, End.AMBIGUOUS))
    second = only(accounts)
    assert second.agent != first.agent
    accounts.conclude(second, ends(second, End.ACCEPTED))
    granted = {visit.agent for grant in accounts.next()[0] for visit in grant.visits}
    assert first.agent not in granted


@pytest.mark.parametrize("end", [End.AMBIGUOUS, End.REFUSED, End.UNKNOWN, End.REFUSED_HERE])
def test_no_third_agent_tries_after_an_ambiguous_refusal(end: End) -> None:
    accounts = estate(2)
    first = only(accounts)
    accounts.conclude(first, ends(first, End.AMBIGUOUS))
    second = only(accounts)
    accounts.conclude(second, ends(second, end))
    assert accounts.next()[0] == []


NOTHING_SENT = (End.NOT_SENT, End.NOT_PERMITTED, End.UNABLE, End.UNUSABLE)


@pytest.mark.parametrize("end", [*NOTHING_SENT, End.REFUSED_HERE, End.EARLIER_HERE])
def test_the_next_candidate_follows_a_login_that_said_nothing(end: End) -> None:
    accounts = estate(3)
    first = only(accounts)
    accounts.conclude(first, ends(first, end))
    second = only(accounts)
    assert (second.agent, second.visits[0].host) != (first.agent, first.visits[0].host)
    if end in NOTHING_SENT:
        assert second.agent != first.agent
    if end in (End.REFUSED_HERE, End.EARLIER_HERE):
        assert second.visits[0].host != first.visits[0].host


def test_the_candidates_of_an_agent_are_bounded() -> None:
    accounts = estate(100)
    tried: Counter[str] = Counter()
    while grants := accounts.next()[0]:
        accounts.conclude(grants[0], ends(grants[0], End.NOT_SENT))
        tried[grants[0].agent] += 1
    assert tried == dict.fromkeys(AGENTS, 25)


@pytest.mark.parametrize("end", [End.NOT_SENT, End.NOT_PERMITTED])
def test_an_agent_that_cannot_log_in_uses_up_the_turn_of_nobody(end: End) -> None:
    """Only the last agent can, and only at the last host that it tries."""
    accounts, tried = estate(60), Counter[str]()
    while (grant := only(accounts)).agent != "c" or tried["c"] < 59:
        accounts.conclude(grant, ends(grant, End.NOT_PERMITTED if grant.agent == "c" else end))
        tried[grant.agent] += 1
    assert tried == {"a": 25, "b": 25, "c": 59} if end is End.NOT_SENT else {"a": 60, "b": 60, "c": 59}
    accounts.conclude(grant, ends(grant, End.ACCEPTED))


def test_every_target_has_its_turn_where_a_file_does_not_permit_others() -> None:
    accounts = estate(100, agents=("a",))
    hosts = set()
    for _ in range(99):
        grant = only(accounts)
        (told,) = accounts.conclude(grant, ends(grant, End.NOT_PERMITTED))
        assert (told.visit, told.words, told.withheld) == (grant.visits[0], "no login was made: why", False)
        hosts.add(told.visit.host)
    assert only(accounts).visits[0].host not in hosts


@pytest.mark.parametrize("site", [0, 300, 700, 990])
@pytest.mark.parametrize("elsewhere", [True, False], ids=["accepted elsewhere", "not yet accepted"])
def test_the_hosts_of_a_site_that_a_file_permits_are_found_soon(site: int, *, elsewhere: bool) -> None:
    accounts = estate(1000, agents=("b",), alike=False)
    if elsewhere:
        for place in range(30):
            accounts.add(KEY, Visit(5000 + place, "a", f"h{place + 600}", "cred"), judged_alike=False)
        for _ in range(3):
            for grant in accounts.next()[0]:
                accounts.conclude(grant, ends(grant, End.ACCEPTED if grant.agent == "a" else End.NOT_PERMITTED))
    for _ in range(150):
        first = only(accounts)
        if int(first.visits[0].host[1:]) // 10 == site // 10:
            return
        accounts.conclude(first, ends(first, End.NOT_PERMITTED))
    pytest.fail("10 of 1,000 hosts are not found in 150 turns")


def test_an_agent_may_have_the_account_by_another_name() -> None:
    accounts = Accounts()
    for place, name in enumerate(["none", "none", "own"]):
        accounts.add(KEY, Visit(place, "a", f"h{place}", name), judged_alike=True)
    first = only(accounts)
    accounts.conclude(first, [LoginEnd("none", "h0", End.UNABLE, detail="why")])
    grants, denied = accounts.next()
    assert places(denied) == {("a", "h1")}
    assert [visit.credential for grant in grants for visit in grant.visits] == ["own"]


def test_an_agent_without_the_credential_is_asked_once() -> None:
    accounts = estate(4, agents=("a", "b"))
    first = only(accounts)
    (told,) = accounts.conclude(first, ends(first, End.UNABLE))
    assert (told.visit, told.words, told.withheld) == (first.visits[0], "no login was made: why", False)
    grants, denied = accounts.next()
    assert {grant.agent for grant in grants} == {"b"}
    assert places(denied) == {("a", f"h{host}") for host in (1, 2, 3)}
    assert not any(one.withheld for one in denied)


def test_a_refusal_after_the_proof_binds_its_host_only() -> None:
    accounts = estate(3, agents=("a",), alike=False)
    first = only(accounts)
    accounts.conclude(first, ends(first, End.ACCEPTED))
    (grant,), _ = accounts.next()
    accounts.conclude(grant, [LoginEnd("cred", "h1", End.REFUSED_HERE, "h1:22"), LoginEnd("cred", "h2", End.ACCEPTED)])
    accounts.add(KEY, Visit(90, "b", "h1", "cred"), judged_alike=False)
    accounts.add(KEY, Visit(91, "b", "h2", "cred"), judged_alike=False)
    grants, denied = accounts.next()
    assert places(denied) == {("b", "h1")}
    assert [visit.host for visit in grants[0].visits] == ["h2"]


def test_an_ambiguous_refusal_after_the_proof_binds_its_host_only() -> None:
    """The host does not know the account, or not from this address. That says nothing about others."""
    accounts = estate(40, agents=("a",), alike=False)
    first = only(accounts)
    accounts.conclude(first, ends(first, End.ACCEPTED))
    grants, _ = accounts.next()
    accounts.conclude(grants[0], [*ends(grants[0], End.ACCEPTED)[1:], *ends(grants[0], End.AMBIGUOUS)[:1]])
    accounts.conclude(grants[1], ends(grants[1], End.ACCEPTED))
    assert accounts.next() == ([], [])
    accounts.add(KEY, Visit(99, "a", "later", "cred"), judged_alike=False)
    assert only(accounts).visits[0].host == "later"


def test_a_refusal_after_the_proof_binds_all_of_a_written_authority() -> None:
    accounts = estate(3)
    first = only(accounts)
    accounts.conclude(first, ends(first, End.ACCEPTED))
    (grant, *_), _ = accounts.next()
    accounts.conclude(grant, ends(grant, End.REFUSED))
    assert accounts.next()[0] == []


def test_what_one_agent_says_of_many_hosts_opens_them_for_no_other() -> None:
    """Until many hosts have accepted its own secret, an agent logs in at twice as many at once."""
    accounts = estate(60, agents=("a", "b"))
    sent: Counter[str] = Counter()
    while sent["b"] < 2:
        for grant in accounts.next()[0]:
            accounts.conclude(grant, ends(grant, End.ACCEPTED))
            sent[grant.agent] += 1
            if grant.agent == "b":
                assert len(grant.visits) <= 2
    assert sent["a"] > 1


@pytest.mark.parametrize("alike", [True, False], ids=["authority", "none written"])
def test_a_host_that_accepted_another_agent_is_tried_by_one_at_a_time(*, alike: bool) -> None:
    """That agent's word is no proof of another one's secret there."""
    accounts = Accounts()
    for place, (agent, host) in enumerate([("a", "shared"), ("b", "own-b"), ("c", "own-c")]):
        accounts.add(KEY, Visit(place, agent, host, "cred"), judged_alike=alike)
        first = only(accounts)
        accounts.conclude(first, ends(first, End.ACCEPTED))
    for place, agent in enumerate("bc", 10):
        accounts.add(KEY, Visit(place, agent, "shared", "cred"), judged_alike=alike)
    grant = only(accounts)
    accounts.conclude(grant, ends(grant, End.REFUSED_HERE))
    grants, denied = accounts.next()
    assert grants == []
    assert places(denied) == {("c", "shared")}


def test_an_agent_with_another_secret_makes_one_login() -> None:
    """Its copy of the credential may be out of date: the proof is that of another agent's copy."""
    accounts = estate(20, agents=("a", "b"), alike=False)
    first = only(accounts)
    accounts.conclude(first, ends(first, End.ACCEPTED))
    refused = 0
    while grants := accounts.next()[0]:
        for grant in grants:
            accounts.conclude(grant, ends(grant, End.ACCEPTED if grant.agent == "a" else End.REFUSED))
            refused += grant.agent == "b"
    assert refused == 1


@pytest.mark.parametrize("hosts", [20, 300], ids=["one batch", "many batches"])
@pytest.mark.parametrize("end", [End.REFUSED, End.AMBIGUOUS, End.UNKNOWN])
def test_many_agents_with_other_secrets_make_three_logins(end: End, hosts: int) -> None:
    """The agent that has the right one goes on. Its logins make no other copy of it any better."""
    agents = tuple("abcdefgh")
    accounts = estate(hosts, agents=agents, alike=False)
    first = only(accounts)
    accounts.conclude(first, ends(first, End.ACCEPTED))
    tried: Counter[str] = Counter()
    withheld: list[Denied] = []
    while True:
        grants, denied = accounts.next()
        withheld += denied
        if not grants:
            break
        for grant in reversed(grants):  # the batches of the proven agent end after the first login of another one
            accounts.conclude(grant, ends(grant, End.ACCEPTED if grant.agent == "a" else end))
            tried[grant.agent] += len(grant.visits)
    assert tried.pop("a") == hosts - 1
    assert sum(tried.values()) == 3
    last = {one.refused_at for one in withheld if one.visit.agent == "h"}
    assert last == {""}, "a refusal of another copy is not the verdict of this agent"


def test_who_waits_for_the_first_login_of_a_lost_agent_is_told() -> None:
    accounts = estate(2, alike=False)
    first = only(accounts)
    accounts.conclude(first, ends(first, End.ACCEPTED))
    grants, _ = accounts.next()
    assert [grant.agent for grant in grants] == ["a", "b"]
    accounts.conclude(grants[0], ends(grants[0], End.ACCEPTED))
    assert accounts.next(["b"]) == ([], [])
    assert {(visit.agent, holder) for visit, holder in accounts.waiting()} == {("b", ""), ("c", "b")}


def test_the_order_of_the_results_does_not_choose_who_is_first() -> None:
    """The journal of that agent knows what became of its login last night."""
    for seed in range(20):
        visits = [Visit(place, agent, f"h{place}", "cred") for place, agent in enumerate("bcab")]
        random.Random(seed).shuffle(visits)
        accounts = Accounts()
        for visit in visits:
            accounts.add(KEY, visit, judged_alike=True)
        assert only(accounts).visits[0].place == 2


def test_an_agent_that_is_lost_is_no_candidate() -> None:
    accounts = estate(2)
    assert only(accounts, away=["a"]).agent == "b"


def test_who_waits_for_whom_is_told() -> None:
    accounts = estate(1)
    first = only(accounts)
    assert {(visit.agent, holder) for visit, holder in accounts.waiting()} == {("b", first.agent), ("c", first.agent)}


def test_what_a_file_of_guard_says_binds_before_the_first_login() -> None:
    accounts = estate(2)
    accounts.bind(KEY, "h9:22 refused it", "h0", "h9:22")
    _, denied = accounts.next()
    assert places(denied) == {(agent, "h0") for agent in AGENTS}
    assert {one.refused_at for one in denied} == {"h9:22"}
    accounts.bind(KEY, "h9:22 refused it", None, "h9:22")
    assert len(accounts.next()[1]) == 2


class World:
    """Servers that count refused logins, and agents that have one secret each, right or wrong."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.alike = chance.random() < 0.5
        self.agents = [f"a{number}" for number in range(chance.randint(1, 6))]
        self.hosts = chance.randint(1, 30)
        share = chance.choice((0.0, 0.5, 0.9, 1.0))
        self.right = {agent: chance.random() < share for agent in self.agents}
        self.silent = {f"h{host}" for host in range(self.hosts) if chance.random() < chance.choice((0.0, 0.1))}
        self.refused: Counter[str] = Counter()
        self.unknown = 0

    def login(self, visit: Visit) -> End:
        """Log in, as an agent does."""
        if visit.host in self.silent:
            self.unknown += 1
            return End.UNKNOWN
        if not self.right[visit.agent]:
            self.refused[visit.host] += 1
            return End.REFUSED
        return End.ACCEPTED


def played(world: World) -> Callable[[], None]:
    """Run to the end with grants that end in any order; return what demands the invariants of the end."""
    accounts = estate(world.hosts, world.agents, alike=world.alike)
    flight: list[Grant] = []
    proven: set[str] = set()
    known: list[int] = []
    while True:
        away = [agent for agent in world.agents if world.chance.random() < 0.1]
        grants, denied = accounts.next(away)
        assert not {grant.agent for grant in grants} & set(away)
        known += [one.visit.place for one in denied]
        known += [visit.place for grant in grants for visit in grant.visits]
        flight += grants
        at_risk = [grant for grant in flight if grant.agent not in proven]
        assert len(at_risk) <= 1, "two secrets that no server has accepted are under way"
        assert all(len(grant.visits) == 1 for grant in at_risk)
        if not proven:
            assert len(flight) <= 1
        if not flight:
            if not away:
                break
            continue
        grant = flight.pop(world.chance.randrange(len(flight)))
        found = {visit.host: world.login(visit) for visit in grant.visits}
        accounts.conclude(grant, [LoginEnd("cred", host, end, f"{host}:22") for host, end in found.items()])
        if End.ACCEPTED in found.values():
            proven.add(grant.agent)

    def demand() -> None:
        assert sorted(known) == sorted(set(known)), "no target is given twice"
        assert len(known) == world.hosts * len(world.agents), "each target is tried or denied"
        if world.alike:
            assert sum(world.refused.values()) <= 1
        assert max(world.refused.values(), default=0) <= 1
        if not proven:
            assert sum(world.refused.values()) + world.unknown <= 1
        if all(world.right.values()) and not world.silent:
            assert not list(accounts.waiting())

    return demand


@given(st.integers(min_value=0))
@settings(max_examples=300)
def test_no_world_counts_two_refusals(seed: int) -> None:
    played(World(random.Random(seed)))()
