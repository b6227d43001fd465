"""csv, junit, prometheus, nagios and md: independent parsers read the output of each format."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families

from scanready.model import Report, Step, Target, Verdict
from scanready.report import new_document
from scanready.report.document import RunInfo, Totals
from scanready.report.formats.md import MOST
from scanready.report.formats.nagios import Nagios
from scanready.report.look import Look
from scanready.run.target_name import name_of
from tests.report.estate import document, reports
from tests.report.reports import AGENT, blocked, ready

SCHEMA = etree.XMLSchema(
    etree.parse(str(Path(__file__).parent.parent.parent / "fixtures" / "schemas" / "junit-10.xsd"))
)
STARTED = "2026-01-01T00:00:00.000Z"


def made(
    name: str, of: list[Report], more: list[Target] | None = None, tried: str = "", **rest: Any
) -> tuple[str, Any]:
    """Return a document with unchecked targets and a host without a type."""
    targets = [report.target for report in of] + (more or [])
    asked = {id(target): tried for target in targets} if tried else {}
    info = RunInfo("0.1.0", AGENT, STARTED, 10.0, Step.ACCESS, targets, asked, **rest)
    one: Any = new_document(name, Look())
    text = one.begin(info) + "".join(one.add(report) for report in of)
    verdicts = Counter(report.verdict for report in of)
    return text + one.end(Totals(verdicts, 2.5, bool(more), len(more or []))), one


# csv


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_csv_has_a_line_a_target_with_owner_fix_and_firewall_rule() -> None:
    one, other = rows(document("csv", [blocked(), ready()]))
    assert (one["host"], one["type"], one["port"], one["verdict"]) == ("db7", "postgresql", "5432", "blocked")
    assert (one["cause"], one["owner"], one["step"]) == ("connect.filtered", "network", "connect")
    assert one["fix"] == "tcp dport 5432 accept\ntcp dport 5433 accept"
    assert one["firewall"] == "permit tcp from 10.0.1.5 to 10.0.0.7 (db7) port 5432"
    assert (one["path"], one["credential"], one["product"]) == ("hr", "pg", "PostgreSQL")
    assert (other["verdict"], other["cause"], other["firewall"], other["probe_logins"]) == ("ready", "", "", "1")


def in_a_run(name: str, targets: list[Report], ended: list[Report], look: Look | None = None) -> str:
    """A document of a run whose targets ended in another order."""
    document = new_document(name, look or Look())
    info = RunInfo("0", AGENT, "2026-01-01T00:00:00Z", 10, Step.ACCESS, [report.target for report in targets])
    text = document.begin(info) + "".join(map(document.add, ended))
    return text + document.end(Totals(Counter(report.verdict for report in ended), 2.5))


def test_lines_are_in_the_order_of_the_inventory() -> None:
    """Targets end in any order; two files of the same estate must be comparable line by line."""
    of = list(reports(6))
    for order in (of[::-1], [of[3], of[0], of[5], of[1], of[4], of[2]]):
        found = rows(in_a_run("csv", of, order))
        assert [row["target"] for row in found] == [name_of(report.target) for report in of]
        lines = in_a_run("prometheus", of, order).splitlines()
        assert lines == in_a_run("prometheus", of, of).splitlines()
    assert len(rows(in_a_run("csv", of, of[2:]))) == 4, "the results of an interrupted run"


def test_a_file_for_a_spreadsheet_says_that_it_is_utf_8() -> None:
    on_screen, in_file = (new_document("csv", look) for look in (Look(), Look(file=True)))
    info = RunInfo("0", AGENT, "2026-01-01T00:00:00Z", 10, Step.ACCESS, [])
    assert in_file.begin(info) == f"\ufeff{on_screen.begin(info)}"


def test_csv_has_several_firewall_rules_in_one_line() -> None:
    windows = replace(blocked("win1"), target=Target("win1", "windows", 135))
    (row,) = rows(document("csv", [windows]))
    assert row["firewall"].startswith("permit tcp from 10.0.1.5 to 10.0.0.7 (win1) port 135; permit tcp from ")
    assert "\n" not in row["firewall"]


# junit


def cases(text: str) -> dict[str, Any]:
    root = etree.fromstring(text.encode())
    SCHEMA.assertValid(root)
    found: dict[str, Any] = {str(case.attrib["name"]): case for case in root.iter("testcase")}
    suite = root.find("testsuite")
    assert suite is not None
    assert suite.get("tests") == root.get("tests") == str(len(found))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert suite.get(name) == str(len(list(root.iter(tag))))
    return found


def test_junit_says_failure_error_and_skipped() -> None:
    of = list(reports(6))
    left_out = Target("late", "ssh", 22)
    found = cases(made("junit", of, [left_out])[0])
    kinds = [[child.tag for child in case if child.tag != "system-out"] for case in found.values()]
    assert kinds == [[], [], [], ["failure"], ["failure"], ["error"], ["skipped"]]
    failure = found["https://host-00001.corp:443"].find("failure")
    assert failure.get("type") == "connect.filtered"
    assert failure.get("message") == "blocked: what was seen at 10.0.0.3"
    assert "owner: network" in failure.text
    assert "ip saddr 10.0.1.5 ip daddr 10.0.0.3 tcp dport 443 accept" in failure.text
    assert found["ssh://late:22"].find("skipped").get("message") == "not checked: the run was interrupted"
    assert "connect   passed" in found["postgresql://host-00000.corp:5432"].findtext("system-out")


def test_junit_properties_have_the_agent_and_the_time_of_each_step() -> None:
    root = etree.fromstring(document("junit", list(reports(6))).encode())
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("name"), suite.get("hostname")) == ("proxy-nyc", "proxy-nyc")
    properties = {one.attrib["name"]: one.attrib["value"] for one in suite.iter("property")}
    assert properties["agent.addresses"] == "10.0.1.5"
    assert float(properties["seconds.connect"]) == pytest.approx(0.07)


def test_junit_fails_what_is_less_than_required() -> None:
    found = cases(document("junit", list(reports(3)), require="scannable"))
    kinds = [[child.tag for child in case if child.tag != "system-out"] for case in found.values()]
    assert kinds == [[], ["failure"], ["failure"]]


def test_junit_of_a_host_without_a_type() -> None:
    """One type that answers is enough; if none does, all have failed."""
    good, bad = cases(made("junit", [ready("h"), blocked("h")], tried="h")[0]).values()
    assert (good.find("failure"), bad.find("failure")) == (None, None)
    assert bad.find("skipped").get("type") == "connect.filtered"
    (alone,) = cases(made("junit", [blocked("h")], tried="h")[0]).values()
    assert alone.find("failure") is not None


# prometheus


def samples(text: str) -> dict[str, list[Any]]:
    assert text.endswith("\n")
    return {family.name: family.samples for family in text_string_to_metric_families(text)}


def test_prometheus_has_the_metrics_of_the_run() -> None:
    found = samples(document("prometheus", list(reports(6))))
    scannable = {one.labels["target"]: one.value for one in found["scanready_target_scannable"]}
    assert scannable["postgresql://host-00000.corp:5432"] == 1
    assert scannable["https://host-00001.corp:443"] == 0
    (cause,) = [one.labels for one in found["scanready_target_cause"] if one.labels["cause"] == "connect.filtered"]
    assert (cause["agent"], cause["owner"], cause["step"]) == ("proxy-nyc", "network", "connect")
    assert [one.value for one in found["scanready_run_timestamp_seconds"]] == [1767225600]
    assert {one.labels["verdict"]: one.value for one in found["scanready_run_targets"]}["blocked"] == 2
    assert {one.labels["step"] for one in found["scanready_step_duration_seconds"]} >= {"resolve", "connect", "auth"}
    assert all(one.timestamp is None for family in found.values() for one in family)


def test_quiet_prometheus_has_the_run_and_its_causes_only() -> None:
    of = list(reports(6))
    whole, quiet = (samples(in_a_run("prometheus", of, of, Look(verbosity=verbosity))) for verbosity in (0, -1))
    text = in_a_run("prometheus", of, of, Look(verbosity=-1))
    assert "scanready_target_" not in text
    assert (
        'scanready_run_causes{agent="proxy-nyc",cause="connect.filtered",owner="network",verdict="blocked"} 1' in text
    )
    assert len(text) < 2500
    assert len(quiet) < len(whole)


def test_prometheus_never_has_a_series_twice() -> None:
    """node_exporter drops a file with a duplicate: two databases of one server, and the very same target twice."""
    found = samples(document("prometheus", [blocked(), blocked(), ready()]))
    for of in found.values():
        series = [tuple(sorted(one.labels.items())) for one in of]
        assert len(series) == len(set(series))
    names = {one.labels["target"] for one in found["scanready_target_scannable"]}
    assert names == {"postgresql://er@db7:5432/hr", "postgresql://er@db7:5432/hr#2", "mysql://db8:3306"}


def test_prometheus_text_is_told_by_type_and_help_once() -> None:
    lines = document("prometheus", list(reports(6))).splitlines()
    for kind in ("HELP", "TYPE"):
        told = [line.split()[2] for line in lines if line.startswith(f"# {kind} ")]
        assert len(told) == len(set(told))


# nagios


@pytest.mark.parametrize(
    ("verdicts", "rest", "state", "code"),
    [
        ("scannable ready", {}, "OK", 0),
        ("scannable limited", {}, "WARNING", 1),
        ("limited blocked undecided", {}, "CRITICAL", 2),
        ("ready undecided limited", {}, "UNKNOWN", 3),
        ("limited", {"require": "ready"}, "CRITICAL", 2),
        ("ready", {"require": "scannable"}, "CRITICAL", 2),
        ("undecided", {"require": "ready"}, "UNKNOWN", 3),
        ("ready", {"more": [Target("late", "ssh", 22)]}, "UNKNOWN", 3),
        ("blocked", {"more": [Target("late", "ssh", 22)]}, "CRITICAL", 2),
        ("blocked undecided ready", {"tried": "h"}, "OK", 0),
        ("blocked undecided", {"tried": "h"}, "UNKNOWN", 3),
        ("blocked limited", {"tried": "h"}, "WARNING", 1),
        ("", {"more": [Target("late", "ssh", 22)]}, "UNKNOWN", 3),
    ],
)
def test_nagios_states(verdicts: str, rest: dict[str, Any], state: str, code: int) -> None:
    of = [next(report for report in reports(6) if report.verdict == name) for name in verdicts.split()]
    text, document_ = made("nagios", of, **rest)
    assert text.startswith(f"SCANREADY {state} - ")
    assert isinstance(document_, Nagios)
    assert document_.exit_code == code


def test_nagios_is_a_line_with_performance_data() -> None:
    text, _ = made("nagios", list(reports(6)))
    summary, _, performance = text.partition(" | ")
    fine = "1 scannable (proven), 1 ready (fine up to the login prompt), 1 limited (with warnings)"
    assert f"6 targets: {fine}, 2 blocked, 1 undecided" in summary
    assert "connect.filtered (network)" in summary
    values = dict(pair.split("=") for pair in performance.split())
    assert values["blocked"] == "2;;;0;6"
    assert values["time"] == "2.500s;;;0;"
    single, _ = made("nagios", [blocked()])
    assert "postgresql://er@db7:5432/hr is blocked; connect.filtered (network)" in single


# md


def test_markdown_is_for_its_owners_with_fix_and_rules() -> None:
    text = document("md", list(reports(12)))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    headings = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    assert headings[0] == (
        "Checked from `proxy-nyc`: 12 targets: 2 proven, 2 fine up to the login prompt, 2 with warnings, 4 blocked, "
        "2 undecided"
    )
    assert "For the network and firewall team (network)" in headings
    assert "❌ `postgresql.hba-rejected`: 2 blocked" in headings
    fences = [token.content for token in tokens if token.type == "fence"]
    assert "ip saddr 10.0.1.5 ip daddr 10.0.0.3 tcp dport 443 accept\n" in fences
    cells = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "td_open"]
    assert {"`10.0.1.5`", "`10.0.0.3 host-00001.corp`", "443"} <= set(cells)


@pytest.mark.parametrize("count", [1, 12, 300])
def test_each_table_of_markdown_is_one(count: int) -> None:
    """GitHub shows text instead of a table whose delimiter row has another number of cells than its header."""
    text = document("md", list(reports(count)))
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert len(tables) >= 2
    for table in tables:
        cells = {line.count("|") - 1 for line in table.splitlines()}
        assert len(cells) == 1, table
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    assert [token.type for token in tokens].count("table_open") == len(tables)


@pytest.mark.parametrize("count", [1, 300, 5000])
def test_markdown_fits_a_ticket(count: int) -> None:
    text = document("md", list(reports(count)))
    assert len(text) <= MOST + 2000
    assert text.count("<details>") == text.count("</details>") == 1
    if count == 5000:
        assert "more" in text


def test_every_verdict_has_a_sign_beside_its_colour() -> None:
    text = document("md", list(reports(6)))
    for verdict in Verdict:
        assert f" {verdict} |" in text


# A host without a type


@pytest.mark.parametrize("name", ["md", "html"])
def test_types_that_do_not_answer_are_nobodys_to_mend_if_another_does(name: str) -> None:
    text, _ = made(name, [ready("h", "mysql"), blocked("h")], tried="h")
    assert "h: passes up to the login prompt as target type mysql" in text
    assert "For the network and firewall team" not in text
    text, _ = made(name, [blocked("h")], tried="h")
    assert "h: blocked or undecided as every type tried" in text
    assert "For the network and firewall team" in text
