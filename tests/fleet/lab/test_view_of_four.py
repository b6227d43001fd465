"""Four agents behind four firewalls, one estate: who reaches what, by name, in every format."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fixtures.fleet.estate import ABSENT, RULES, Estate

FORMATS = ("table", "json", "jsonl", "csv", "junit", "tap", "sarif", "github", "prometheus", "nagios", "md", "html")
BADNESS = {"scannable": 0, "ready": 1, "limited": 2, "undecided": 3, "blocked": 4}
THREE = ("proxy-nyc", "proxy-lon", "proxy-both")


def exports(estate: Estate, names: tuple[str, ...], rules: Mapping[tuple[str, str], str] = RULES) -> list[str]:
    """Check with each agent behind the firewall; return the files that they wrote."""
    files = []
    with estate.firewall(rules):
        for name in names:
            path = estate.disk / f"{name}.scanready"
            path.unlink(missing_ok=True)
            done = estate.agents[name].scanready("verify", "estate.yaml", "--as", name, "--export", str(path), "-q")
            assert done.returncode in (0, 1), done.stderr
            files.append(str(path))
    return files


@pytest.fixture(scope="module")
def merged(estate: Estate) -> Path:
    """A folder with the merge of four agents in every format."""
    inventory = estate.inventory()
    files = exports(estate, tuple(estate.agents))
    reports = [word for name in FORMATS for word in ("--report", f"{name}={estate.disk / f'report.{name}'}")]
    done = estate.coordinator("merge", *files, "--inventory", str(inventory), *reports)
    assert done.returncode in (1, 3), done.stderr
    assert ABSENT in done.stderr, done.stderr
    return estate.disk


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the estate view of a JSON report by tag."""
    document = json.loads((folder / "report.json").read_text())
    tags = {one["target"]["name"]: one["target"]["tags"][0] for one in document["results"]}
    return {tags[one["target"]]: one for one in document["estate"]["targets"]}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_names_the_one_agent_that_reaches_a_target(merged: Path, name: str) -> None:
    text = (merged / f"report.{name}").read_text()
    for agent in ("proxy-nyc", "proxy-lon", "proxy-both", "proxy-plant"):
        assert agent in text, agent


def test_the_estate_verdicts(merged: Path) -> None:
    found = rows(merged)
    verdicts = {tag: one["verdict"] for tag, one in found.items()}
    assert verdicts["ssh1"] == "ready"
    assert found["ssh1"]["by"] == ["proxy-nyc"]
    assert verdicts["mail"] == "limited"
    assert found["mail"]["by"] == ["proxy-lon"]
    # No agent reaches it, but the one that never came may: so it is not blocked.
    assert verdicts["vault"] == "undecided"
    assert found["vault"]["missing"] == [ABSENT]
    assert verdicts["web"] == "scannable"


def test_without_the_absent_agent_what_nobody_reaches_is_blocked(estate: Estate) -> None:
    inventory = estate.inventory()
    text = "".join(line for line in inventory.read_text().splitlines(keepends=True) if ABSENT not in line)
    for agent in estate.agents.values():
        (agent.disk / "estate.yaml").write_text(text)
    inventory.write_text(text)
    files = exports(estate, tuple(estate.agents))
    done = estate.coordinator("merge", *files, "--inventory", str(inventory), "--format", "json")
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    vault = [one for one in document["estate"]["targets"] if "publickey" in one["target"]]
    assert [one["verdict"] for one in vault] == ["blocked"]


def brute_force(found: Mapping[str, Mapping[str, str]]) -> tuple[int, int]:
    """Return the value of the best assignment: the sum of the targets' best verdicts, and the fewest agents for it."""
    best = {tag: min(BADNESS[one] for one in by_agent.values()) for tag, by_agent in found.items()}
    wanted = {
        tag: {name for name, one in by_agent.items() if BADNESS[one] == best[tag]}
        for tag, by_agent in found.items()
        if best[tag] <= BADNESS["limited"]
    }
    agents = sorted({name for names in wanted.values() for name in names})
    for size in range(1, len(agents) + 1):
        if any(
            all(names & set(chosen) for names in wanted.values()) for chosen in itertools.combinations(agents, size)
        ):
            return sum(best.values()), size
    raise AssertionError("nobody can scan anything")


def test_the_assignment_is_as_good_as_brute_force(estate: Estate) -> None:
    estate.inventory(agents=False)
    files = exports(estate, THREE)
    assert estate.coordinator("merge", *files).returncode == 1
    report = json.loads(estate.coordinator("report", "last", "--format", "json").stdout)
    found: dict[str, dict[str, str]] = {}
    for one in report["results"]:
        found.setdefault(one["target"]["tags"][0], {})[one["agent"]["name"]] = one["verdict"]
    assert len(found) == 12
    answer = json.loads(estate.coordinator("assign", "last", "--format", "json").stdout)
    value, agents = brute_force(found)
    assigned = {one["target"]: one["agent"] for one in answer["assignments"]}
    names = {one["target"]["name"]: one["target"]["tags"][0] for one in report["results"]}
    reached = {names[target]: BADNESS[found[names[target]][agent]] for target, agent in assigned.items()}
    nobody = [names[one["target"]] for one in answer["unassigned"]]
    assert nobody == ["vault"]
    assert sum(reached.values()) + BADNESS["blocked"] == value
    assert len(set(assigned.values())) == agents


def test_the_first_rule_of_the_ranking_unlocks_what_it_says(estate: Estate) -> None:
    """Apply it in the firewall and check again: as many targets can be scanned as it says."""
    agents = ("proxy-lon", "proxy-both")
    two_types = f"  - {{host: {estate.targets['ssh1'].server.hostname}, type: unix, tags: [ssh1-unix]}}"
    estate.inventory(agents=False, extra=two_types)
    before = scannable(estate, agents, RULES)
    done = estate.coordinator("firewall", "--from", "last", "--rank", "--format", "json")
    first = json.loads(done.stdout)["ranking"][0]
    assert first["up_to"] == 2, "the two targets on the host of ssh1"
    (change,) = first["changes"]
    (rule,) = change["rules"]
    assert (change["agent"] in agents, rule["ports"], rule["transport"]) == (True, [22, 22], "tcp")
    opened = {pair: action for pair, action in RULES.items() if pair != (change["agent"], "ssh1")}
    assert rule["source"] == estate.agents[change["agent"]].host.address
    assert rule["destination"] == estate.targets["ssh1"].server.address
    after = scannable(estate, agents, opened)
    assert after - before == set(first["targets"])


def scannable(estate: Estate, agents: tuple[str, ...], rules: Mapping[tuple[str, str], str]) -> set[str]:
    """Return the names of the targets that some of these agents can scan behind this firewall."""
    assert estate.coordinator("merge", *exports(estate, agents, rules)).returncode == 1
    document = json.loads(estate.coordinator("report", "last", "--format", "json").stdout)
    good = ("scannable", "ready", "limited")
    return {one["target"] for one in document["estate"]["targets"] if one["verdict"] in good}
