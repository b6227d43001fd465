"""The share of one agent of an inventory: ``--as`` and the options that describe an agent; ``--only agent=``."""

from __future__ import annotations

import json
import platform
import socket
from pathlib import Path
from typing import Any

import click
import pytest

from scanready.fitness import Asked
from scanready.model.platforms import platform_name
from tests.cli import plugin
from tests.cli.in_process import call
from tests.cli.test_completion import offered

HERE = platform_name(platform.system())
OTHER = "windows" if HERE != "windows" else "linux"
ESTATE = f"""
agents:
  - {{name: proxy-nyc, sites: [nyc], platform: {HERE}, master: er-master.corp}}
  - {{name: proxy-lon, sites: [nyc, lon], platform: {OTHER}}}
  - {{name: proxy-idle, sites: [elsewhere]}}
credentials:
  lon: {{username: er, password: env:LON_PW}}
targets:
  - {{host: both, type: mood, port: 1, site: nyc}}
  - {{host: lon1, type: mood, port: 1, site: lon, credential: lon}}
  - {{host: nyc1, type: mood, port: 1, agents: proxy-nyc, is: refused}}
"""
FREE = ESTATE + "  - {host: free, type: mood, port: 1}\n"


@pytest.fixture
def estate(plugins: Path) -> str:
    return written(plugins, ESTATE)


def written(where: Path, text: str) -> str:
    path = where / "estate.yaml"
    path.write_text(text)
    return str(path)


def verify(plugins: Path, *arguments: str, **extra: str) -> Any:
    return plugin.run(plugins, ["verify", *arguments], extra)


def hosts(done: Any) -> list[str]:
    return sorted(result["target"]["host"] for result in json.loads(done.stdout)["results"])


def agents(done: Any) -> set[str]:
    return {result["agent"]["name"] for result in json.loads(done.stdout)["results"]}


def planned(*arguments: str) -> dict[str, Any]:
    done = call("plan", *arguments, "--json")
    assert done.exit_code == 0, done.output
    plan: dict[str, Any] = json.loads(done.stdout)
    return plan


def test_verify_checks_the_share_under_the_name_of_the_agent(plugins: Path, estate: str) -> None:
    done = verify(plugins, estate, "--as", "proxy-nyc", "--json")
    assert (hosts(done), agents(done)) == (["both", "nyc1"], {"proxy-nyc"})
    assert "the environment variable" not in done.stderr, "the secret of another agent's target is not needed"
    other = verify(plugins, estate, "--json", SCANREADY_AS="proxy-lon", LON_PW="x")
    assert (hosts(other), agents(other)) == (["both", "lon1"], {"proxy-lon"})
    assert "`LON_PW` is not set" in verify(plugins, estate, "--as", "proxy-lon").stderr


def test_verify_takes_the_agent_with_the_name_of_this_host(plugins: Path) -> None:
    own = socket.gethostname().partition(".")[0]
    done = verify(plugins, written(plugins, ESTATE.replace("proxy-nyc", own.upper())), "--json")
    assert (hosts(done), agents(done)) == (["both", "nyc1"], {own.upper()})


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "none of the agents of the inventory: add --as NAME with one of proxy-nyc, proxy-lon, proxy-idle"),
        (["--as", "proxy-nyk"], 2, "--as: unknown agent `proxy-nyk`; did you mean `proxy-nyc`?"),
        (["--as", "zzz"], 2, "unknown agent `zzz` (the inventory declares `proxy-nyc`, `proxy-lon`, `proxy-idle`)"),
        (["--as", "proxy-idle"], 4, "nothing selected: the inventory assigns no target to the agent proxy-idle"),
        (["--as", "proxy-lon", "--only", "host=nyc*"], 4, "other agents check the 1 matching target: proxy-nyc"),
        (["--as", "proxy-lon", "--only", "host=zz"], 4, "nothing selected: no target has host=zz"),
        (["--as", "proxy-lon", "--only", "site=lno"], 4, "no target has site=lno; did you mean 'lon'?"),
        (["--as", "proxy-lon", "--only", "agent=proxy-nyx"], 4, "did you mean 'proxy-nyc'?"),
    ],
)
def test_verify_says_what_is_wrong(plugins: Path, estate: str, arguments: list[str], code: int, message: str) -> None:
    done = verify(plugins, estate, *arguments, LON_PW="x")
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr


@pytest.mark.posix("the host runs Linux")
@pytest.mark.parametrize(
    ("name", "more", "warned"),
    [
        ("proxy-nyc", [], False),
        ("proxy-lon", [], True),
        ("proxy-lon", ["--assume-agent", OTHER], False),
        ("proxy-nyc", ["--assume-agent", OTHER], True),
    ],
)
def test_another_platform_than_the_declared_one_is_a_warning(
    plugins: Path, estate: str, name: str, more: list[str], warned: bool
) -> None:
    done = verify(plugins, estate, "--as", name, *more, LON_PW="x")
    assert ("but this host runs" in done.stderr) is warned
    assert done.returncode in (0, 1)


def test_without_agents_as_names_the_run(plugins: Path) -> None:
    targets = "targets: [{host: a, type: mood, port: 1}]"
    done = verify(plugins, written(plugins, targets), "--as", "proxy-new", "--json")
    assert (hosts(done), agents(done)) == (["a"], {"proxy-new"})
    wrong = verify(plugins, written(plugins, targets), "--as", "a,b")
    assert (wrong.returncode, "the name of the agent, `a,b`, has a `,`" in wrong.stderr) == (2, True)
    single = written(plugins, f"agent: {{name: one}}\n{targets}")
    assert agents(verify(plugins, single, "--as", "one", "--json")) == {"one"}
    other = verify(plugins, single, "--as", "two")
    assert (other.returncode, "the inventory is for one" in other.stderr) == (2, True)


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("agent=proxy-lon", ["both"]),
        ("agent=PROXY-*", ["both", "nyc1"]),
        ("site=n?c", ["both"]),
        ("site=nyc,agent=proxy-nyc", ["both"]),
    ],
)
def test_only_selects_by_agent_and_site(plugins: Path, estate: str, only: str, expected: list[str]) -> None:
    assert hosts(verify(plugins, estate, "--as", "proxy-nyc", "--only", only, "--json")) == expected


def test_stored_results_are_selected_by_their_agent_and_site(plugins: Path, estate: str) -> None:
    for name in ("proxy-nyc", "proxy-lon"):
        assert verify(plugins, estate, "--as", name, LON_PW="x").returncode in (0, 1)

    def told(*arguments: str) -> Any:
        return plugin.run(plugins, ["report", *arguments, "--json"])

    assert hosts(told("last", "--only", "agent=proxy-lon")) == ["both", "lon1"]
    assert hosts(told("last", "--only", "site=lon")) == ["lon1"]
    assert hosts(told("last~1", "--only", "agent=proxy-n*,site=*")) == ["both"]
    none = told("last", "--only", "agent=proxy-nyc")
    assert (none.returncode, "no target has agent=proxy-nyc" in none.stderr) == (4, True)
    diff = plugin.run(plugins, ["diff", "last~1", "last", "--only", "site=nyc", "--json"])
    assert diff.returncode == 0
    assert "lon1" not in diff.stdout


def test_a_resumed_run_keeps_its_agent(plugins: Path, estate: str) -> None:
    verify(plugins, estate, "--as", "proxy-nyc")
    done = verify(plugins, "--resume", "last", "--json", SCANREADY_AS="proxy-lon")
    assert (hosts(done), agents(done)) == (["both", "nyc1"], {"proxy-nyc"})
    assert "that differ" not in done.stderr
    other = verify(plugins, "--resume", "last", "--as", "proxy-lon")
    assert other.returncode == 2
    assert "was started as proxy-nyc; omit --as to continue it" in other.stderr


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--as", "proxy-nyc"], {"a", "nyc1", "free"}),
        (["--as", "proxy-lon"], {"a", "lon1", "free"}),
        (["--as", "proxy-paris", "--address", "10.8.0.5/24", "--platform", "windows"], {"free"}),
        (["--as", "proxy-paris", "--address", "10.8.0.5", "--platform", "linux", "--site", "lon"], {"lon1", "free"}),
        ([], {"a", "lon1", "nyc1", "free"}),
        (["--only", "agent=proxy-lon"], {"a", "lon1", "free"}),
        (["--as", "proxy-lon", "--only", "agent=proxy-nyc"], {"a", "free"}),
    ],
)
def test_plan_takes_the_share(tmp_path: Path, arguments: list[str], expected: set[str]) -> None:
    plan = planned(written(tmp_path, SSH), *arguments)
    assert {row["host"] for row in plan["endpoints"]} == expected
    assert plan["master"] == ("er-master.corp" if "proxy-nyc" in arguments else None)


SSH = """
agents:
  - {name: proxy-nyc, sites: [nyc], platform: linux, master: er-master.corp}
  - {name: proxy-lon, sites: [nyc, lon], platform: windows}
targets:
  - {host: a, type: ssh, site: nyc}
  - {host: lon1, type: ssh, site: lon}
  - {host: nyc1, type: ssh, agents: [proxy-nyc]}
  - {host: free, type: ssh}
"""


def test_plan_says_what_it_knows_of_an_agent_that_does_not_exist_yet(tmp_path: Path) -> None:
    estate = written(
        tmp_path,
        "agents: [{name: a}]\ntargets:\n- {host: w, type: windows}\n- {host: s, types: [smb, ssh]}\n"
        "- {hosts: [10.8.0.9, 10.9.0.9], type: ssh}\n- any1\n",
    )
    new = ["--as", "new", "--address", "10.8.0.5/24", "--address", "192.0.2.1"]
    agent = planned(estate, *new, "--platform", "linux")["agent"]
    assert (agent["name"], agent["platform"], agent["addresses"]) == ("new", "Linux", ["10.8.0.5/24", "192.0.2.1"])
    assert [(one["type"], one["targets"]) for one in agent["refused"]] == [("windows", 1)]
    assert [(one["type"], one["targets"]) for one in agent["unsuited"]] == [("smb", 1)]
    assert (agent["same_subnet"], agent["elsewhere"]) == (1, 1)
    windows = planned(estate, *new, "--platform", "windows")["agent"]
    assert (windows["refused"], windows["unsuited"]) == ([], [])
    text = " ".join(call("plan", estate, *new, "--platform", "linux").output.split())
    assert (
        "agent new: linux, 10.8.0.5/24, 192.0.2.1 blocked on this agent: windows (1): the requirements demand" in text
    )
    assert "not recommended: smb (1): the requirements allow smb from this agent" in text
    assert "in a subnet of this agent: 1 of 2 targets with an address" in text


def test_plan_without_an_agent_says_how_it_counts(tmp_path: Path) -> None:
    estate = written(tmp_path, SSH)
    plan = planned(estate)
    assert (plan["agent"], plan["agents"]) == (None, ["proxy-nyc", "proxy-lon"])
    text = " ".join(call("plan", estate).output.split())
    assert "the inventory has 2 agents; this plan counts each target once (--as NAME: the share of one agent)" in text
    one = written(tmp_path, "targets: [ssh://a]")
    assert "agents" not in call("plan", one).output


PARIS = ["--as", "proxy-paris", "--address", "10.8.0.5/24", "--platform", "linux"]


@pytest.mark.parametrize("command", ["plan", "firewall"])
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--as", "proxy-nyk"], 2, "unknown agent `proxy-nyk`; did you mean `proxy-nyc`? To describe an agent that"),
        (["--as", "proxy-nyk", "--address", "10.8.0.5"], 2, "add --address and --platform"),
        (["--as", "proxy-nyk", "--platform", "linux"], 2, "add --address and --platform"),
        ([*PARIS, "--site", "lno"], 2, "--site: the inventory has no site lno; did you mean `lon`?"),
        ([*PARIS, "--site", "zz"], 2, "--site: the inventory has no site zz (the sites are nyc, lon)"),
        ([*PARIS, "--only", "host=nyc1"], 4, "other agents check the 1 matching target: proxy-nyc"),
        (
            ["--as", "proxy-nyc", "--site", "nyc"],
            2,
            "--site: the inventory has the sites of proxy-nyc; omit the option",
        ),
        (
            ["--as", "proxy-nyc", "--platform", "aix"],
            2,
            "the inventory says that proxy-nyc runs linux; omit the option",
        ),
        (["--address", "10.8.0.5"], 2, "--address describes the agent of --as: add --as NAME"),
        (["--platform", "linux"], 2, "--platform describes the agent of --as: add --as NAME"),
        (["--site", "nyc"], 2, "--site describes the agent of --as: add --as NAME"),
        (["--as", "a", "--address", "10.8.0.500"], 2, "--address 10.8.0.500 is not an IP address: write one, such as"),
        (["--as", "a", "--address", "127.0.0.1/8"], 2, "--address 127.0.0.1/8 is a loopback address, which is valid"),
        (["--as", "a", "--address", "::1"], 2, "is a loopback address"),
        (["--as", "a", "--address", "169.254.1.5/16"], 2, "is a link-local address, which is valid on one host or"),
        (["--as", "a", "--address", "fe80::5%eth0/64"], 2, "is a link-local address"),
        (["--as", "a", "--address", "2001:db8::5%eth0"], 2, "has a zone, which only link-local addresses have"),
        (["--as", "a", "--address", "0.0.0.0/0"], 2, "has a subnet of all addresses (/0)"),
        (["--as", "a", "--address", "10.8.0.5/0"], 2, "has a subnet of all addresses (/0)"),
        (["--as", "a", "--address", "::/0"], 2, "has a subnet of all addresses (/0)"),
        (["--as", "a", "--address", "0.0.0.0"], 2, "is not the address of one host: write the one that targets see"),
        (["--as", "a", "--address", "::"], 2, "is not the address of one host"),
        (["--as", "a", "--address", "224.0.0.5"], 2, "is not the address of one host"),
        (["--as", "a", "--address", "ff02::5"], 2, "is not the address of one host"),
        (["--as", "a", "--address", "255.255.255.255"], 2, "is not the address of one host"),
        (["--as", "a", "--address", "10.8.0.0/24"], 2, "is not the address of one host"),
        (["--as", "a", "--address", "10.8.0.255/24"], 2, "is not the address of one host"),
        (["--as", "a", "--address", "2001:db8::/64"], 2, "is not the address of one host"),
        (["--as", "a", "--address", "::ffff:10.8.0.5"], 2, "is an IPv4 address in IPv6 notation: write 10.8.0.5"),
        (["--as", "a", "--address", "10.8.0.5/33"], 2, "is not an IP address"),
        (["--as", "a[b]", *PARIS[2:]], 2, "the name of the agent, `a[b]`, has a `[`"),
    ],
)
def test_a_wrong_agent_is_an_error(tmp_path: Path, command: str, arguments: list[str], code: int, message: str) -> None:
    done = call(command, written(tmp_path, SSH), *arguments)
    assert done.exit_code == code
    assert message in done.output


@pytest.mark.parametrize("address", ["10.8.0.4/31", "10.8.0.5/31", "10.8.0.5/32", "2001:db8::/127", "10.8.1.0/23"])
def test_an_odd_address_may_be_that_of_a_host(tmp_path: Path, address: str) -> None:
    estate = written(tmp_path, SSH)
    assert call("plan", estate, "--as", "a", "--platform", "linux", "--address", address).exit_code == 0


@pytest.mark.parametrize("source", ["0.0.0.0", "::", "224.0.0.5", "ff02::5", "255.255.255.255"])
def test_a_rule_has_the_address_of_one_host_as_its_source(tmp_path: Path, source: str) -> None:
    done = call("firewall", written(tmp_path, SSH), "--source", source)
    assert (done.exit_code, "is not the address of one host" in done.output) == (2, True)


def test_a_loopback_target_is_in_no_subnet_and_in_no_other(tmp_path: Path) -> None:
    estate = written(tmp_path, "agents: [{name: a}]\ntargets: [{hosts: [127.0.0.5, '::1', 10.8.0.9], type: ssh}]\n")
    agent = planned(estate, *PARIS)["agent"]
    assert (agent["same_subnet"], agent["elsewhere"]) == (1, 0)


def test_an_agent_without_any_target_is_told_of_the_option_for_sites(tmp_path: Path) -> None:
    estate = written(tmp_path, SSH.replace("  - {host: free, type: ssh}\n", ""))
    done = call("plan", estate, *PARIS)
    assert done.exit_code == 4
    assert "assigns no target to the agent proxy-paris; to add the targets of a site: --site NAME" in done.output


def rules(*arguments: str) -> set[tuple[str, str]]:
    done = call("firewall", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return {(rule["source"], rule["destination"]) for rule in json.loads(done.stdout)["rules"]}


def test_firewall_rules_have_the_address_of_the_agent(tmp_path: Path) -> None:
    estate = written(tmp_path, SSH)
    lon = {("10.2.0.9", "a"), ("10.2.0.9", "lon1"), ("10.2.0.9", "free")}
    assert rules(estate, "--as", "proxy-lon", "--address", "10.2.0.9/24") == lon
    assert rules(estate, "--as", "proxy-lon", "--source", "10.2.0.9") == lon
    assert rules(estate, *PARIS, "--site", "lon") == {("10.8.0.5", "lon1"), ("10.8.0.5", "free")}
    assert rules("ssh://web1", *PARIS) == {("10.8.0.5", "web1")}
    master = ("10.1.0.9", "er-master.corp")
    assert master in rules(estate, "--as", "proxy-nyc", "--address", "10.1.0.9")


def test_firewall_does_not_take_this_host_for_another_agent(tmp_path: Path) -> None:
    estate = written(tmp_path, SSH)
    done = call("firewall", estate, "--as", "proxy-lon")
    assert done.exit_code == 2
    assert "the address of proxy-lon is unknown: add --address, or --from RUN" in done.output
    unknown = call("firewall", estate)
    assert (unknown.exit_code, "add --as NAME with one of proxy-nyc, proxy-lon" in unknown.output) == (2, True)
    own = written(tmp_path, SSH.replace("proxy-nyc", socket.gethostname()))
    assert {destination for _, destination in rules(own)} == {"a", "nyc1", "free", "er-master.corp"}


def test_firewall_takes_the_address_from_the_results_of_the_agent(plugins: Path) -> None:
    estate = written(plugins, FREE)
    results = []
    for name, address in (("proxy-nyc", "10.1.0.9"), ("proxy-lon", "10.2.0.9")):
        done = verify(plugins, estate, "--as", name, "--format", "jsonl", LON_PW="x")
        for line in done.stdout.splitlines():
            result = json.loads(line)
            result["agent"]["addresses"] = [address]
            results.append(json.dumps(result))
    run = plugins / "run.jsonl"
    run.write_text("\n".join(results))
    for name, address, count in (("proxy-nyc", "10.1.0.9", 4), ("proxy-lon", "10.2.0.9", 3)):
        done = plugin.run(plugins, ["firewall", estate, "--from", str(run), "--as", name, "--json"])
        found = {(rule["source"], rule["destination"]) for rule in json.loads(done.stdout)["rules"]}
        assert {source for source, _ in found} == {address}
        assert len(found) == count, found
    mixed = plugin.run(plugins, ["firewall", estate, "--from", str(run), "--json"])
    assert (mixed.returncode, "add --as NAME with one of proxy-nyc, proxy-lon" in mixed.stderr) == (2, True)
    run.write_text("\n".join(line for line in results if "10.2.0.9" in line))
    done = plugin.run(plugins, ["firewall", estate, "--from", str(run), "--json"])
    found = {(rule["source"], rule["destination"]) for rule in json.loads(done.stdout)["rules"]}
    assert found == {("10.2.0.9", "both"), ("10.2.0.9", "lon1"), ("10.2.0.9", "free")}


def test_the_agent_check_examines_the_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estate, asked = written(tmp_path, SSH), list[Asked]()

    def examine(what: Asked) -> None:
        asked.append(what)
        raise click.UsageError("enough")

    monkeypatch.setattr("scanready.fitness.examine", examine)
    call("agent", estate, "--as", "proxy-nyc")
    assert asked[0].agent.name == "proxy-nyc"
    assert [target.host for target in asked[0].targets] == ["a", "nyc1", "free"]
    assert asked[0].master is not None
    assert asked[0].master.host == "er-master.corp"
    call("agent", estate)
    assert [target.host for target in asked[1].targets] == ["a", "lon1", "nyc1", "free"]
    wrong = call("agent", "ssh://a", "--as", "proxy-nyc")
    assert (wrong.exit_code, "--as names an agent of an inventory: give the inventory" in wrong.output) == (2, True)


def test_the_shell_is_offered_agents_and_sites(tmp_path: Path) -> None:
    store, estate = tmp_path / "runs.db", written(tmp_path, SSH)
    assert offered(store, "verify", estate, "--as", "proxy-n") == ["plain,proxy-nyc"]
    assert offered(store, "plan", estate, "--as", "") == ["plain,proxy-nyc", "plain,proxy-lon"]
    assert offered(store, "firewall", estate, "--site", "l") == ["plain,lon"]
    assert offered(store, "plan", estate, "--only", "agent=proxy-l") == ["plain,agent=proxy-lon"]
    assert offered(store, "plan", estate, "--only", "site=n") == ["plain,site=nyc"]
    assert offered(store, "plan", "--as", "p") == []
    broken = written(tmp_path, "agents: [")
    assert offered(store, "plan", broken, "--as", "p") == []
