"""An estate is divided among its agents: each place once, in batches of at most 25."""

from __future__ import annotations

from scanready.fleet.division import Estate
from scanready.fleet.messages import MOST_SECONDS, MOST_TARGETS
from scanready.model import Credential, DeclaredAgent, Step, Target

AGENTS = (DeclaredAgent("a", ("nyc",)), DeclaredAgent("b", ("nyc", "lon")), DeclaredAgent("c"))


def estate(*targets: Target, depth: Step = Step.ACCESS) -> Estate:
    return Estate(targets, AGENTS, depth, 10.0)


def test_each_agent_gets_its_own_targets() -> None:
    made = estate(
        Target("all", "ssh", 22), Target("site", "ssh", 22, sites=("lon",)), Target("named", "ssh", 22, agents=("c",))
    )
    given = [(batch.agent, [(place, target.host) for place, target in batch.targets]) for batch in made.batches("r")]
    assert given == [("a", [(0, "all")]), ("b", [(1, "all"), (4, "site")]), ("c", [(2, "all"), (8, "named")])]
    assert made.at(4) == (made.targets[1], "b")
    assert made.at(9) is None
    assert made.at(5) is None, "c does not check a target of the site lon"


def test_the_digest_is_of_the_targets_and_their_agents_in_their_order() -> None:
    one, other = Target("h", "ssh", 22), Target("i", "ssh", 22)
    digest = estate(one, other).digest()
    assert estate(one, other).digest() == digest
    assert estate(other, one).digest() != digest
    assert estate(one, Target("i", "ssh", 22, sites=("nyc",))).digest() != digest


def test_a_batch_is_bounded_and_agents_take_turns() -> None:
    made = estate(*(Target(f"h{number}", "ssh", 22) for number in range(60)))
    batches = list(made.batches("r"))
    assert [batch.batch for batch in batches[:4]] == ["a-0", "b-0", "c-0", "a-1"]
    assert max(len(batch.targets) for batch in batches) == MOST_TARGETS
    assert sorted(place for batch in batches for place, _ in batch.targets) == list(range(180))
    assert {batch.seconds for batch in batches} == {MOST_SECONDS}
    assert MOST_SECONDS < 15 * 60


def test_a_target_with_a_credential_is_not_logged_in_to() -> None:
    account = Credential("svc", "scan")
    made = estate(Target("h", "ssh", 22), Target("h", "ssh", 22, {}, account))
    depths = {(batch.depth, target.credential) for batch in made.batches("r") for _, target in batch.targets}
    assert depths == {(Step.ACCESS, None), (Step.AUTH, account)}
    lower = estate(Target("h", "ssh", 22, {}, account), depth=Step.CONNECT)
    assert {batch.depth for batch in lower.batches("r")} == {Step.CONNECT}


def test_places_without_a_journey_are_left_out() -> None:
    made = estate(Target("h", "ssh", 22), Target("i", "ssh", 22))
    left = frozenset({0, 1, 2})
    assert [place for batch in made.batches("r", left) for place, _ in batch.targets] == [3, 4, 5]
