"""The ranking of changes: three agents and twelve targets, and random estates against a look at each target."""

from __future__ import annotations

import csv as csv_module
import datetime
import io
import itertools
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.causes import client_program, common
from scanready.model import GOOD, Agent, Cause, Check, Finding, Outcome, Owner, Report, Scope, Step, Target
from scanready.report.estate import EstateView
from scanready.report.estate.rank_csv import csv
from scanready.report.estate.rank_formats import document, table
from scanready.report.estate.rank_md import md
from scanready.report.estate.ranking import Changes, lacking, network_of
from scanready.report.look import Look
from scanready.run.any_type import combined
from tests.report.estate_view import twelve
from tests.report.estate_view.twelve import LON, NYC, climbed, closed, of
from tests.report.reports import HOSTILE


def changes(view: EstateView, agent: str | None = None) -> Changes:
    found = Changes(agent)
    for row in view.rows():
        found.add(row)
    return found


def as_json(view: EstateView, agent: str | None = None) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(document(changes(view, agent)))
    return plain


def ways(entry: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the changes of an entry, then those of other agents that do as well."""
    return [entry["changes"], *(other["changes"] for other in entry["instead"])]


def of_these(*reports: Report) -> EstateView:
    return EstateView(lambda: reports)


def test_twelve_targets_lack_a_client_four_rules_and_three_pairs() -> None:
    found = as_json(twelve.view())
    shown = [
        (one["up_to"], [[(part["agent"], part["cause"], part["at"]) for part in changes] for changes in ways(one)])
        for one in found["ranking"]
    ]
    assert shown == [
        (2, [[("proxy-win1", "agent.client-missing", None)]]),
        (2, [[("proxy-lon", None, "10.8.0.0/24")], [("proxy-nyc", None, "10.8.0.0/24")]]),
        (1, [[("proxy-lon", None, "10.9.0.0/24")]]),
        (1, [[("proxy-nyc", None, "10.9.0.0/24")] * 2, [("proxy-win1", None, "10.9.0.0/24")] * 2]),
    ]
    assert found["scannable"] == 8
    assert found["scannable_from_others"] == {"proxy-lon": 5, "proxy-nyc": 2, "proxy-win1": 3}
    assert found["without_a_change"] == {"login.refused": 1}


def test_one_change_has_the_rules_of_its_destinations() -> None:
    (part,) = as_json(twelve.view())["ranking"][1]["changes"]
    assert part["destinations"] == {"10.8.0.1": 1, "10.8.0.2": 1}
    rules = [(one["source"], one["destination"], one["transport"], one["ports"]) for one in part["rules"]]
    assert rules == [("10.1.0.5", "10.8.0.1", "tcp", [22, 22]), ("10.1.0.5", "10.8.0.2", "tcp", [22, 22])]
    assert part["causes"] == {"connect.filtered": 2}


def test_two_closed_ports_are_one_entry_with_both_rules() -> None:
    (pair,) = [one for one in as_json(twelve.view(), "proxy-nyc")["ranking"] if len(one["changes"]) == 2]
    ports = [rule["ports"] for part in pair["changes"] for rule in part["rules"]]
    assert sorted(ports) == [[111, 111], [2049, 2049]]
    assert (pair["up_to"], pair["together"]) == (1, 1)


def test_a_pair_is_counted_with_those_that_lack_only_one_of_it() -> None:
    nfs = [Target(name, "nfs", 2049) for name in ("far1", "far2", "far3")]
    reports = [of(LON, nfs[0], closed(nfs[0], 2049)), of(LON, nfs[1], closed(nfs[1], 2049, 111))]
    found = as_json(of_these(*reports))["ranking"]
    assert [(one["up_to"], one["together"], len(one["changes"])) for one in found] == [(1, 1, 1), (1, 2, 2)]
    text = table(changes(of_these(*reports)), Look(120))
    assert "(all of these together: up to 2 targets, with those that lack only some)" in text


def test_a_table_names_the_first_entries_and_how_many_are_left() -> None:
    many = [Target(f"host{number}", "unix", 22) for number in range(25)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(twelve, "ADDRESSES", {one.host: f"10.{number}.0.1" for number, one in enumerate(many)})
        text = table(changes(of_these(*(of(LON, one, closed(one)) for one in many))), Look(120))
    assert text.count("up to 1 ") == 20
    assert "and 5 more (--json has all)" in text


def test_one_agent_has_a_ranking_as_well() -> None:
    found = as_json(EstateView(lambda: (one for one in twelve.results() if one.agent is LON)))
    assert [(one["up_to"], one["changes"][0]["at"]) for one in found["ranking"]] == [
        (3, "10.6.0.0/24"),
        (2, "10.8.0.0/24"),
        (1, "10.9.0.0/24"),
    ]


def test_the_changes_of_one_agent_can_be_selected() -> None:
    agents = {part["agent"] for one in as_json(twelve.view(), "proxy-nyc")["ranking"] for part in one["changes"]}
    assert agents == {"proxy-nyc"}


def test_a_rule_and_a_client_on_one_agent_are_needed_together() -> None:
    far = Target("far1", "unix", 22)
    ends = (client_program.MISSING, Step.AGENT, 0), (common.FILTERED, Step.CONNECT, 22)
    (entry,) = as_json(of_these(of(NYC, far, climbed(far, Step.RESOLVE, *ends))))["ranking"]
    assert [part["cause"] for part in entry["changes"]] == [None, "agent.client-missing"]
    assert [part["owner"] for part in entry["changes"]] == ["network", "agent"]
    assert entry["changes"][1]["fix"] == twelve.INSTALL


def refused_by_server(by: Agent, database: str = "hr", seen_as: str = "", fix: str = "", closed: int = 0) -> Report:
    """Return a result that ends at a server's rule about the agent, perhaps behind a closed port."""
    target = Target("db1", "postgresql", 5432, {"database": database})
    ends = [(REFUSES, Step.AUTH, 0)] + ([(common.FILTERED, Step.CONNECT, closed)] if closed else [])
    ladder = climbed(target, Step.TLS, *ends)
    at = next(place for place, check in enumerate(ladder) if check.finding and check.finding.cause is REFUSES)
    told = Finding(REFUSES, f"the server refuses {by.addresses[0]}", fix or None)
    ladder[at] = replace(ladder[at], finding=told, facts={"agent_seen_as": seen_as} if seen_as else {})
    return of(by, target, ladder)


HBA = "# On db1, in pg_hba.conf:\nhost {database} er {who} scram-sha-256"


@pytest.mark.parametrize("by", ["address", "name", "version-6", "no-fix"])
def test_a_refusal_of_a_server_that_all_agents_meet_is_one_entry(by: str) -> None:
    agents = twelve.AGENTS
    who = {
        "address": [f"{one.addresses[0]}/32" for one in agents],
        "name": [f"{one.name}.corp" for one in agents],
        "version-6": [f"2001:db8::{place}/128" for place, _ in enumerate(agents)],
        "no-fix": [""] * len(agents),
    }[by]
    view = of_these(
        *(
            refused_by_server(
                one, seen_as=name.partition("/")[0], fix=HBA.format(database="hr", who=name) if name else ""
            )
            for one, name in zip(agents, who, strict=True)
        )
    )
    (entry,) = as_json(view)["ranking"]
    (part,) = entry["changes"]
    names = sorted(one.name for one in agents)
    assert (entry["up_to"], part["agent"], part["agents"], part["causes"]) == (1, None, names, {"test.rule": 1})
    text = table(changes(view), Look(120))
    assert f"{', '.join(names)}, for db1:5432: test.rule. Permit db1." in text
    assert all(f"host hr er {one} scram-sha-256" in text for one in who if one)
    assert text.count("# On db1, in pg_hba.conf:") == (by != "no-fix")
    (own,) = as_json(view, "proxy-lon")["ranking"]
    assert (own["changes"][0]["agent"], own["changes"][0]["agents"]) == ("proxy-lon", ["proxy-lon"])


def test_two_databases_of_a_server_are_two_changes_and_each_names_its_agents() -> None:
    found = as_json(
        of_these(
            *(
                refused_by_server(one, name, fix=HBA.format(database=name, who=one.addresses[0]))
                for name, agents in (("hr", [LON, NYC]), ("payroll", [LON]))
                for one in agents
            )
        )
    )["ranking"]
    assert [(one["up_to"], one["changes"][0]["agents"]) for one in found] == [
        (1, ["proxy-lon", "proxy-nyc"]),
        (1, ["proxy-lon"]),
    ]


def test_a_refusal_behind_a_closed_port_names_only_the_agent_that_meets_it_there() -> None:
    found = as_json(of_these(refused_by_server(LON), refused_by_server(NYC, closed=5432)))["ranking"]
    shown = [[(part["cause"], part["agents"]) for part in one["changes"]] for one in found]
    assert shown == [
        [("test.rule", ["proxy-lon"])],
        [("test.rule", ["proxy-nyc"]), (None, ["proxy-nyc"])],
    ]
    assert [one["together"] for one in found] == [1, 1]


def test_many_agents_and_their_fixes_are_counted() -> None:
    many = [Agent(f"agent{number:02}", "Linux", (f"10.1.0.{number}",)) for number in range(40)]
    view = of_these(*(refused_by_server(one, fix=HBA.format(database="hr", who=one.addresses[0])) for one in many))
    text = " ".join(table(changes(view), Look(200)).split())
    assert "agent00, agent01, agent02, agent03, agent04, agent05, agent06, agent07 and 32 more agents, for" in text
    assert "and the fixes for 32 more (--json has all)" in text
    (entry,) = as_json(view)["ranking"]
    assert entry["changes"][0]["fix"].count("scram-sha-256") == 40


REFUSES = Cause("test.rule", Owner.DATABASE, Step.AUTH, "m", "Permit {host}.", "c", scoped=Scope.PATH)


@pytest.mark.parametrize(
    ("cause", "step", "helps"),
    [
        (common.FILTERED, Step.CONNECT, True),
        (common.REJECTED, Step.CONNECT, True),
        (common.UNREACHABLE, Step.CONNECT, True),
        (common.REFUSED, Step.CONNECT, True),
        (client_program.MISSING, Step.AGENT, True),
        (common.DRIVER_MISSING, Step.LOGIN, True),
        (REFUSES, Step.AUTH, True),
        (common.PLATFORM_MISMATCH, Step.AGENT, False),
        (common.LIMIT, Step.AUTH, False),
        (common.LOGIN_REFUSED, Step.LOGIN, False),
        (common.TLS_VERSION, Step.TLS, False),
    ],
)
def test_only_a_cause_of_an_agent_or_path_is_a_change(cause: Cause, step: Step, helps: bool) -> None:
    database = Target("db1", "postgresql", 5432)
    found = lacking(of(LON, database, climbed(database, Step.RESOLVE, (cause, step, 0))))
    assert bool(found) is helps
    assert all(one.is_rule is (cause in (common.FILTERED, common.REJECTED)) for one in found)


def test_two_services_of_one_host_are_two_changes() -> None:
    services = [Target("far1", "unix", 22), Target("far1", "nfs", 2049)]
    refused = [of(LON, one, climbed(one, Step.RESOLVE, (common.REFUSED, Step.CONNECT, 0))) for one in services]
    found = as_json(of_these(*refused))["ranking"]
    assert [(one["up_to"], one["changes"][0]["at"]) for one in found] == [(1, "far1:2049"), (1, "far1:22")]


def test_a_cause_that_stays_leaves_nothing_to_rank() -> None:
    """The platform does not change when the port opens, so it is the cause that no change removes."""
    pc = Target("pc1", "windows", 135)
    both = climbed(pc, Step.RESOLVE, (common.PLATFORM_MISMATCH, Step.AGENT, 0), (common.FILTERED, Step.CONNECT, 135))
    found = as_json(of_these(of(LON, pc, both)))
    assert (found["ranking"], found["without_a_change"]) == ([], {"agent.platform-mismatch": 1})


def test_a_warning_is_no_lack() -> None:
    web = Target("web1", "https", 443)
    ladder = climbed(web, Step.RESOLVE, (common.FILTERED, Step.CONNECT, 443))
    warned = Check(Step.CONNECT, "web1:443", Outcome.WARNED, "", {}, Finding(common.UNREACHABLE, ""))
    assert len(lacking(of(LON, web, [*ladder, warned]))) == 1


def test_a_host_without_a_type_needs_one_type_only() -> None:
    host = Target("far1", "any", 22)
    parts = [of(LON, Target("far1", kind, port), []) for kind, port in (("unix", 22), ("nfs", 2049))]
    filled = [replace(of(LON, one.target, closed(one.target)), target=one.target) for one in parts]
    (entry,) = as_json(of_these(combined(host, filled, datetime.date(2026, 1, 1))))["ranking"]
    assert [part["do"] for part in entry["changes"]] == ["permit tcp from 10.1.0.5 to port 22"]


@pytest.mark.parametrize(
    ("destination", "network"),
    [
        ("10.1.2.3", "10.1.2.0/24"),
        ("2001:db8::7", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("db7.corp", "db7.corp"),
    ],
)
def test_one_rule_has_destinations_in_one_network(destination: str, network: str) -> None:
    assert network_of(destination) == network


def test_texts_of_results_are_harmless() -> None:
    agent = Agent(HOSTILE, "Linux", (f"10.1.0.5{HOSTILE}",))
    odd = Cause(f"odd.{HOSTILE}", Owner.SERVER, Step.AUTH, HOSTILE, HOSTILE, HOSTILE, scoped=Scope.PATH)
    web, far = Target("web1", "https", 443), Target("far1", "unix", 22)
    ladder = climbed(far, Step.HANDSHAKE, (odd, Step.AUTH, 0))
    ladder[-1] = replace(ladder[-1], endpoint=HOSTILE, finding=Finding(odd, HOSTILE, f"# {HOSTILE}:\n{HOSTILE}"))
    lost = Target("locked", "postgresql", 5432)
    stays = replace(odd, scoped=Scope.TARGET)
    reports = [of(agent, web, closed(web)), of(agent, far, ladder)]
    reports.append(of(agent, lost, climbed(lost, Step.RESOLVE, (stays, Step.AUTH, 0))))
    text = table(changes(of_these(*reports)), Look(120))
    assert "up to 1" in text
    assert not set(text) & set("\x1b\x07\x9b\u202e\u2028\r")
    assert "##[" not in document(changes(of_these(*reports)))
    page, lines = md(changes(of_these(*reports)), Look()), csv(changes(of_these(*reports)), Look())
    assert "Up to 1 target" in page
    assert not set(page) & set("\x1b\x07\x9b\u202e\u2028\r")
    assert "<b>" not in re.sub("```.*?```|`[^`]*`", "", page, flags=re.DOTALL)
    assert not set(lines.replace("\r\n", "\n")) & set("\x1b\x07\x9b\u202e\u2028\r")
    assert not [cell for line in csv_module.reader(io.StringIO(lines)) for cell in line if cell.startswith(("=", "+"))]


# against a look at each target ----------------------------------------------------------------------------------------

HOSTS = tuple(twelve.ADDRESSES)
PORTS = (2049, 111)
#: Stands for a rule of the server, which is one change for all agents.
SERVER = 0
LACKS = (*PORTS, SERVER)
#: The closed ports of a result, perhaps with SERVER; none for a good one, None for one that no change helps.
lacks = st.one_of(st.none(), st.frozensets(st.sampled_from(LACKS)), st.frozensets(st.sampled_from(LACKS), min_size=1))
estates = st.dictionaries(
    st.tuples(st.sampled_from(HOSTS), st.sampled_from(["a", "b", "c"])), lacks, min_size=1, max_size=30
)


def report(host: str, agent: str, missing: frozenset[int] | None) -> Report:
    target = Target(host, "nfs", 2049)
    by = Agent(agent, "Linux", (f"10.1.0.{ord(agent)}",))
    if missing is None:
        return of(by, target, climbed(target, Step.CONNECT, (common.LIMIT, Step.HANDSHAKE, 0)))
    if not missing:
        return of(by, target, climbed(target, Step.ACCESS))
    ends = [(common.FILTERED, Step.CONNECT, port) for port in sorted(missing - {SERVER})]
    ends += [(REFUSES, Step.AUTH, 0)] if SERVER in missing else []
    ladder = climbed(target, Step.RESOLVE, *ends)
    if SERVER in missing:
        ladder[-1] = replace(ladder[-1], finding=Finding(REFUSES, "", f"host all er {by.addresses[0]}/32 md5"))
    return of(by, target, ladder)


def key_of(part: dict[str, Any]) -> tuple[str, int, str]:
    """Return a change as the brute force names it: the agent, the port and the network, or else the server."""
    if part["cause"]:
        return "", SERVER, part["at"].partition(":")[0]
    return part["agent"], part["rules"][0]["ports"][0], part["at"].removesuffix(".0/24")


@settings(max_examples=60, deadline=None)
@given(estates)
def test_single_changes_and_sets_take_as_many_targets_further_as_counted(
    estate: dict[tuple[str, str], frozenset[int] | None],
) -> None:
    reports = [report(host, agent, missing) for (host, agent), missing in sorted(estate.items())]
    found = as_json(of_these(*reports))
    good = {one.target.host for one in reports if one.verdict in GOOD}
    #: A rule: the agent, the port, and the network of the host. A change at the server: the host.
    wanted = {
        pair: frozenset(
            (pair[1], port, twelve.ADDRESSES[pair[0]].rpartition(".")[0]) if port else ("", SERVER, pair[0])
            for port in missing
        )
        for pair, missing in estate.items()
        if missing and pair[0] not in good
    }
    counted = {}
    for one in found["ranking"]:
        for way in (one, *one["instead"]):
            needed = frozenset(map(key_of, way["changes"]))
            assert needed not in counted
            counted[needed] = one["up_to"], way["together"]
            gain = {agent for (_, agent), lacking in wanted.items() if lacking == needed}
            assert all(set(part["agents"]) == gain for part in way["changes"])
    singles = {one for rules in wanted.values() for one in rules}
    for number in (1, 2, 3):
        for made in itertools.combinations(sorted(singles), number):
            exactly = {host for (host, _), rules in wanted.items() if rules == frozenset(made)}
            passing = {host for (host, _), rules in wanted.items() if rules <= frozenset(made)}
            assert counted.pop(frozenset(made), (0, len(passing))) == (len(exactly), len(passing))
    assert not counted
    assert found["scannable"] == len(good)


def test_csv_has_a_line_for_each_change_with_the_rank_of_its_entry() -> None:
    rows = list(csv_module.DictReader(io.StringIO(csv(changes(twelve.view()), Look()))))
    assert [(one["rank"], one["alternative"], one["up_to"], one["agents"], one["at"]) for one in rows] == [
        ("1", "1", "2", "proxy-win1", ""),
        ("2", "1", "2", "proxy-lon", "10.8.0.0/24"),
        ("2", "2", "2", "proxy-nyc", "10.8.0.0/24"),
        ("3", "1", "1", "proxy-lon", "10.9.0.0/24"),
        ("4", "1", "1", "proxy-nyc", "10.9.0.0/24"),
        ("4", "1", "1", "proxy-nyc", "10.9.0.0/24"),
        ("4", "2", "1", "proxy-win1", "10.9.0.0/24"),
        ("4", "2", "1", "proxy-win1", "10.9.0.0/24"),
    ]
    assert rows[0]["cause"] == "agent.client-missing"
    assert rows[0]["fix"].endswith("\nAdd-WindowsCapability -Online -Name OpenSSH.Client")
    assert (rows[1]["destinations"], rows[1]["causes"]) == ("10.8.0.1, 10.8.0.2", "connect.filtered 2")
    assert rows[5]["targets"] == "nfs://far3:2049"


def test_a_rule_that_40_agents_lack_is_one_entry() -> None:
    """One of them is enough, so the others are named in its line, and JSON has the rule of each."""
    agents = [Agent(f"agent{number:02}", "Linux", (f"10.1.0.{number}",)) for number in range(40)]
    targets = [Target(host, "unix", 22) for host in list(twelve.ADDRESSES)[:2]]
    view = of_these(*(of(one, target, closed(target)) for target in targets for one in agents))
    [entry] = as_json(view)["ranking"]
    assert entry["up_to"] == 2
    assert [way[0]["agent"] for way in ways(entry)] == [one.name for one in agents]
    assert {rule["source"] for way in ways(entry) for rule in way[0]["rules"]} == {one.addresses[0] for one in agents}
    text = table(changes(view), Look(200))
    assert text.count("up to 2") == 1
    assert "(or the same for one of 39 other agents: agent01, agent02, agent03" in text


def test_rules_of_two_agents_that_help_different_targets_are_two_entries() -> None:
    one, other = (Target(host, "unix", 22) for host in list(twelve.ADDRESSES)[:2])
    found = as_json(of_these(of(LON, one, closed(one)), of(NYC, one, closed(one)), of(NYC, other, closed(other))))
    assert [(entry["up_to"], entry["changes"][0]["agent"], entry["instead"]) for entry in found["ranking"]] == [
        (2, "proxy-nyc", []),
        (1, "proxy-lon", []),
    ]


def test_markdown_has_a_heading_for_each_entry_and_the_remarks() -> None:
    page = md(changes(twelve.view()), Look())
    assert page.startswith("## The changes that help most targets\n\n### 1. Up to 2 targets (agent)\n")
    assert "- targets: `unix://far1:22`, `unix://far2:22`\n\n```text\n# On the agent proxy-win1, in a shell:\n" in page
    assert page.count("### ") == 4
    assert page.count("- or the same for another agent: ") == 2
    assert "- 8 of 12 targets have an agent already; no change counts these." in page
    assert "`login.refused`" not in page
    assert "login.refused 1" in page


def test_a_page_without_room_counts_what_it_leaves_out() -> None:
    targets = [Target(f"{'x' * 50}{number}", "ssh", 22) for number in range(200)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(twelve, "ADDRESSES", {one.host: f"10.{place}.0.1" for place, one in enumerate(targets)})
        reports = [of(LON, target, closed(target)) for target in targets]
    page = md(changes(of_these(*reports)), Look())
    assert len(page) <= 30_000
    shown = page.count("### ")
    assert 20 < shown < 200
    assert f"_This page has no room for {200 - shown} more; `--format csv` has all._" in page
    assert csv(changes(of_these(*reports)), Look()).count("\r\n") == 201
