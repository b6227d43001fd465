"""The agents and sites of an inventory, and which of them check a target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scanready.inventory import InventoryError, load
from scanready.model import DeclaredAgent, assigned
from scanready.model.platforms import PLATFORMS

Problems = Callable[[str | bytes], list[str]]
Write = Callable[[str | bytes], Path]

ESTATE = """
    agents:
      - {name: proxy-nyc, sites: [nyc], platform: linux, master: ER-Master.corp}
      - {name: proxy-win1, sites: [nyc, lon], platform: windows}
      - {name: proxy-fra}
    defaults: {site: nyc}
    credentials:
      ad: {username: er, password: env:SHARED_AD}
      pg: {username: er, password: env:SHARED_PG}
    targets:
      - ssh://web1
      - {hosts: [fs01, 10.0.0.0/30], types: [smb, nfs], site: lon, credential: ad}
      - {host: db7, type: postgresql, agents: [proxy-fra, proxy-nyc, proxy-fra], credential: pg}
      - {host: db8, type: postgresql, agents: proxy-fra}
      - {host: any1, site: [lon, nyc, lon]}
"""


def test_agents_are_read(write: Write) -> None:
    found = load(write(ESTATE), credentials=())
    assert found.agents == (
        DeclaredAgent("proxy-nyc", ("nyc",), "Linux"),
        DeclaredAgent("proxy-win1", ("nyc", "lon"), "Windows"),
        DeclaredAgent("proxy-fra"),
    )
    assert found.masters == {"proxy-nyc": "er-master.corp"}
    assert (found.agent_name, found.master) == (None, None)


def test_a_target_has_its_agents_or_its_sites_or_the_default_site(write: Write) -> None:
    by_host = {}
    for target in load(write(ESTATE), credentials=()).targets:
        by_host[target.host] = (target.agents, target.sites)
        assert {(one.agents, one.sites) for one in target.tries} <= {(target.agents, target.sites)}
    assert by_host == {
        "web1": ((), ("nyc",)),
        "fs01": ((), ("lon",)),
        "10.0.0.1": ((), ("lon",)),
        "10.0.0.2": ((), ("lon",)),
        "db7": (("proxy-fra", "proxy-nyc"), ()),
        "db8": (("proxy-fra",), ()),
        "any1": ((), ("lon", "nyc")),
    }


@pytest.mark.parametrize(
    ("agent", "hosts", "master"),
    [
        ("proxy-nyc", ["web1", "db7", "any1"], "er-master.corp"),
        ("proxy-win1", ["web1", "fs01", "10.0.0.1", "10.0.0.2", "any1"], None),
        ("proxy-fra", ["db7", "db8"], None),
    ],
)
def test_the_share_of_an_agent(write: Write, agent: str, hosts: list[str], master: str | None) -> None:
    share = load(write(ESTATE), credentials=(), agent=agent)
    assert list(dict.fromkeys(target.host for target in share.targets)) == hosts
    assert (share.agent_name, share.master) == (agent, master)


def test_only_the_secrets_of_the_share_are_looked_up(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED_PG", "the-password")
    monkeypatch.delenv("SHARED_AD", raising=False)
    share = load(write(ESTATE), agent="proxy-fra")
    assert [one.credential and one.credential.password for one in share.targets] == ["the-password", None]
    assert list(share.credentials) == ["pg"]
    with pytest.raises(InventoryError, match="SHARED_AD"):
        load(write(ESTATE), agent="proxy-win1")
    with pytest.raises(InventoryError, match="SHARED_AD"):
        load(write(ESTATE))


def test_the_share_of_an_unknown_agent_is_an_error(write: Write) -> None:
    with pytest.raises(InventoryError, match="unknown agent `proxy-nyk`; did you mean `proxy-nyc`"):
        load(write(ESTATE), credentials=(), agent="proxy-nyk")
    with pytest.raises(InventoryError, match="the inventory declares no agents"):
        load(write("targets: [ssh://a]"), agent="proxy-nyc")


def test_without_agents_and_sites_every_agent_checks_every_target(write: Write) -> None:
    found = load(write("agents: [{name: a, sites: [x]}, {name: b}]\ntargets: [ssh://h, db7]"))
    assert [assigned(target, found.agents) for target in found.targets] == [("a", "b"), ("a", "b")]


@pytest.mark.parametrize("name", PLATFORMS)
def test_each_platform_has_the_name_of_assume_agent(write: Write, name: str) -> None:
    (agent,) = load(write(f"agents: [{{name: a, platform: {name}}}]\ntargets: []")).agents
    assert agent.platform == PLATFORMS[name]


@pytest.mark.parametrize(
    ("head", "target", "place", "expected"),
    [
        ("", "site: lonn", "lonn", "no agent has the site `lonn`; did you mean `lon`?"),
        ("", "site: [lon, paris]", "paris", "no agent has the site `paris`: add it to the `sites` of an agent"),
        ("", "agents: [proxy-nyc, proxy-nyk]", "proxy-nyk", "unknown agent `proxy-nyk`; did you mean `proxy-nyc`?"),
        ("", "agents: zzz", "zzz", "unknown agent `zzz` (the inventory declares `proxy-nyc`, `Win1`)"),
        ("", "agents: win1", "win1", "unknown agent `win1`; did you mean `Win1`?"),
        ("", "agents: [Win1], site: lon", "agents", "a target must have either `site` or `agents`: name the agents"),
        ("", "agents: []", "[]", "`agents` is empty"),
        ("", "agents: [7]", "7", "an item of `agents` must be text: write it in quotes"),
        ("", "site: 5", "5", "`site` must be a name or a list of names"),
        ("", "sites: lon", "sites", "unknown key `sites`; did you mean `site`?"),
        ("", "agent: Win1", "agent", "unknown key `agent`; did you mean `agents`?"),
        ("agent: {name: a}", "", "agent", "an inventory has either `agent` or `agents`: add this agent to `agents`"),
        ("defaults: {site: nycc}", "", "nycc", "no agent has the site `nycc`; did you mean `nyc`?"),
        ("defaults: {sites: nyc}", "", "sites", "unknown key `sites`; did you mean `site`?"),
        (
            "",
            "expect: {blocked: connect.refused, until: 2030-01-01, agents: [proxy-nyx]}",
            "proxy-nyx",
            "unknown agent `proxy-nyx`; did you mean `proxy-nyc`?",
        ),
        (
            "",
            "expect: {blocked: connect.refused, until: 2030-01-01, agents: Wim1}",
            "Wim1",
            "unknown agent `Wim1`; did you mean `Win1`?",
        ),
    ],
)
def test_a_problem_of_a_reference(problems: Problems, head: str, target: str, place: str, expected: str) -> None:
    agents = "agents: [{name: proxy-nyc, sites: [nyc, lon]}, {name: Win1}]"
    lines = [head or "defaults: {}", f"targets: [{{host: h, type: ssh, {target}}}]" if target else "targets: [ssh://h]"]
    line = 2 if target else 1
    found = problems("\n".join((*lines, agents)))
    where = f"inv.yaml:{line}:{lines[line - 1].rindex(place) + 1}: "
    assert [one for one in found if one.startswith(where + expected)], found


@pytest.mark.parametrize(
    ("agents", "expected"),
    [
        ("{}", "`agents` must be a list"),
        ("[]", "`agents` is empty: add an agent, such as {name: proxy-nyc"),
        ("[proxy-nyc]", "an agent must be a mapping, such as {name: proxy-nyc"),
        ("[{sites: [nyc]}]", "`name` is missing"),
        ("[{name: 5}]", "`name` must be text: write it in quotes"),
        ("[{name: ' '}]", "the name of the agent is blank"),
        ("[{name: ' a'}]", "the name of the agent, ` a`, begins or ends with a space: remove it"),
        ("[{name: 'a,b'}]", "the name of the agent, `a,b`, has a `,`"),
        ("[{name: 'web*'}]", "the name of the agent, `web*`, has a `*`"),
        ("[{name: 'a[1]'}]", "the name of the agent, `a[1]`, has a `[`"),
        ('[{name: "a\\u200bb"}]', "the name of the agent, `a\\u200bb`, has an invisible character"),
        ('[{name: "a\\u001bb"}]', "this text contains a line end or control character"),
        (f"[{{name: {'n' * 65}}}]", "the name of the agent has 65 characters; at most 64 are allowed"),
        ("[{name: a}, {name: b}, {name: A}]", "the agent `A` is declared twice, first in line 1: rename one"),
        ("[{name: a, sites: ['x?']}]", "the name of the site, `x?`, has a `?`"),
        ("[{name: a, sites: [x]}, {name: b, sites: [X]}]", "the site `X` is also written `x`: write it in one way"),
        ("[{name: a, sites: []}]", "`sites` is empty"),
        ("[{name: a, sites: x}]", "`sites` must be a list"),
        ("[{name: a, site: [x]}]", "unknown key `site`; did you mean `sites`?"),
        (
            "[{name: a, platform: windos}]",
            "`platform` must be one of windows, linux, macos, freebsd, solaris, aix, hpux; did",
        ),
        ("[{name: a, platform: Windows}]", "did you mean `windows`?"),
        ("[{name: a, master: 'x y'}]", "x y"),
    ],
)
def test_a_problem_of_an_agent(problems: Problems, agents: str, expected: str) -> None:
    found = problems(f"agents: {agents}\ntargets: [ssh://a]\n")
    assert expected in found[0]


def test_more_agents_than_an_estate_view_holds_are_an_error(problems: Problems) -> None:
    listed = "\n".join(f"- {{name: a{number}}}" for number in range(10_001))
    assert problems(f"agents:\n{listed}\ntargets: []\n") == [
        "inv.yaml:2:1: more than 10,000 agents: split the inventory"
    ]


@pytest.mark.parametrize("target", ["site: nyc", "agents: [a]"])
def test_a_reference_without_agents_says_what_is_missing(problems: Problems, target: str) -> None:
    (found,) = problems(f"agent: {{name: a}}\ntargets: [{{host: h, type: ssh, {target}}}]")
    assert found.endswith(": the inventory declares no agents; list them in `agents`")


def test_a_broken_list_of_agents_causes_no_further_problems(problems: Problems) -> None:
    assert len(problems("agents: {a: b}\ntargets: [{host: h, type: ssh, site: nyc}]")) == 1


def test_names_of_a_known_failure_are_free_without_agents(write: Write) -> None:
    entry = "{host: h, type: ssh, expect: {blocked: connect.refused, until: 2030-01-01, agents: [x]}}"
    (target,) = load(write(f"targets: [{entry}]")).targets
    assert target.expected is not None
    assert target.expected.agents == ("x",)
