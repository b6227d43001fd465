"""One run against real servers, some of them out of reach or unwilling, in every format, read back and compared."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import html5lib
import pytest
from lxml import etree
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.nfs import firewall
from tests.browser import Page, browser
from tests.embedded_run import run_in
from tests.lab import cli
from tests.ladder import pasted
from tests.report.judges import commands, prove, sarif, tap

ROOT = Path(__file__).parent.parent.parent
ESTATE = """\
agent: {{name: proxy-nyc}}
defaults: {{timeout: 8}}
credentials: {{files: {{username: scanuser, password: env:ER_PW}}}}
targets:
  - {{host: {ssh}, types: [unix, ssh], credential: files, tags: [web]}}
  - {{host: {filtered}, type: unix, tags: [web]}}
  - {{host: {database}, type: postgresql, database: hr, user: er, tags: [finance]}}
  - {{host: {nas}, type: nfs, export: /export, nfs_version: 3, tags: [finance]}}
  - {{host: {mail}, type: imap, tags: [mail]}}
  - {{host: no-such-host.lab, type: smb}}
"""
FORMATS = ("json", "jsonl", "csv", "junit", "tap", "sarif", "github", "prometheus", "nagios", "md", "html")


@pytest.fixture(scope="module")
def run(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run's reports, one a format, named after it."""
    where = tmp_path_factory.mktemp("reports")
    filtered = lab.openssh("publickey")
    closed = [firewall("rest-dropped", lab.nfs("both").address), f"ip daddr {filtered.address} tcp dport 22 drop"]
    names = {
        "ssh": lab.openssh("password").hostname,
        "filtered": filtered.hostname,
        "database": lab.postgresql("no-entry").hostname,
        "nas": lab.nfs("both").hostname,
        "mail": lab.dovecot("starttls").hostname,
    }
    (where / "estate.yaml").write_text(ESTATE.format(**names))
    reports = [f"--report={name}={where / name}" for name in FORMATS]
    with lab.policy("\n".join(closed)):
        environment = {"PYTHONPATH": str(ROOT / "verifiers"), "ER_PW": PASSWORD}
        done = cli.scanready(lab.agent, "verify", str(where / "estate.yaml"), *reports, env=environment)
    assert done.returncode == 1, done.stderr
    return where


@pytest.fixture(scope="module")
def results(run: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((run / "json").read_text())["results"]
    return found


def key(result: dict[str, Any]) -> tuple[str, str, str]:
    return result["target"]["host"], result["target"]["type"], result["verdict"]


def test_the_run_has_real_failures_of_several_owners(results: list[dict[str, Any]]) -> None:
    found = {result["cause"]["code"]: result["cause"]["owner"] for result in results if result["cause"]}
    assert found["connect.filtered"] == found["nfs.port-blocked"] == "network"
    assert found["postgresql.hba-rejected"] == "database"
    assert any(code.startswith("resolve.") for code in found)
    assert {result["verdict"] for result in results} >= {"scannable", "blocked"}


def test_json_lines_and_the_page_carry_the_same(run: Path, results: list[dict[str, Any]]) -> None:
    lines = [json.loads(line) for line in (run / "jsonl").read_text().splitlines()]
    page = json.loads(run_in((run / "html").read_text()))["results"]
    for result in page:
        assert len(result.pop("story")["rungs"]) == len(result["checks"])
    assert lines == results == page


def test_csv(run: Path, results: list[dict[str, Any]]) -> None:
    with (run / "csv").open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(io.StringIO(stream.read(), newline=""), strict=True))
    assert sorted((row["host"], row["type"], row["verdict"]) for row in rows) == sorted(map(key, results))
    by_cause = {row["cause"]: row for row in rows}
    assert pasted(by_cause["postgresql.hba-rejected"]["fix"]).startswith("host hr er 10.77.0.2/32")
    assert "permit tcp from 10.77.0.2 to " in by_cause["connect.filtered"]["firewall"]
    assert by_cause["nfs.port-blocked"]["firewall"].count("; ") > 3


def test_junit(run: Path, results: list[dict[str, Any]]) -> None:
    root = etree.parse(str(run / "junit")).getroot()
    etree.XMLSchema(etree.parse(str(ROOT / "fixtures" / "schemas" / "junit-10.xsd"))).assertValid(root)
    failed = {one.get("type") for one in root.iter("failure")}
    assert failed == {result["cause"]["code"] for result in results if result["verdict"] == "blocked"}
    assert len(list(root.iter("testcase"))) == len(results)


def test_tap(run: Path, results: list[dict[str, Any]], tmp_path: Path) -> None:
    points = tap((run / "tap").read_text()).points
    assert [point.block["verdict"] for point in points] == [result["verdict"] for result in in_order(results)]
    assert [point.block["at"] for point in points] == [
        dict(zip(("file", "line"), split(result), strict=True)) for result in in_order(results)
    ]
    assert not prove((run / "tap").read_text(), tmp_path)[0]


def test_sarif(run: Path, results: list[dict[str, Any]]) -> None:
    found = {(one["properties"]["target"], one["ruleId"]): one for one in sarif((run / "sarif").read_text())["results"]}
    for result in results:
        if result["verdict"] == "blocked":
            one = found[result["target"]["name"], result["cause"]["code"]]
            assert one["level"] == "error"
            place = one["locations"][0]["physicalLocation"]
            assert place["region"]["startLine"] == split(result)[1]
            assert place["artifactLocation"]["uri"].endswith("/estate.yaml")


def test_github(run: Path, results: list[dict[str, Any]]) -> None:
    _, *found = commands((run / "github").read_text())
    lines = {int(one.properties["line"]) for one in found if one.name == "error"}
    assert lines == {split(result)[1] for result in results if result["verdict"] in ("blocked", "undecided")}


def in_order(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results in the order of the inventory."""
    return sorted(results, key=lambda result: (split(result)[1], result["target"]["type"] != "unix"))


def split(result: dict[str, Any]) -> tuple[str, int]:
    file, _, line = result["target"]["source"].rpartition(":")
    return file, int(line)


def test_prometheus(run: Path, results: list[dict[str, Any]]) -> None:
    families = {one.name: one.samples for one in text_string_to_metric_families((run / "prometheus").read_text())}
    told = {(s.labels["host"], s.labels["type"], s.labels["verdict"]) for s in families["scanready_target_verdict"]}
    assert told == {key(result) for result in results}


def test_nagios(run: Path, results: list[dict[str, Any]]) -> None:
    blocked = sum(result["verdict"] == "blocked" for result in results)
    text = (run / "nagios").read_text()
    assert text.startswith(f"SCANREADY CRITICAL - {len(results)} targets: ")
    assert f"blocked={blocked};;;0;{len(results)} " in text


def test_markdown(run: Path, results: list[dict[str, Any]]) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse((run / "md").read_text())
    headings = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    for result in results:
        if result["cause"]:
            assert any(f"`{result['cause']['code']}`" in heading for heading in headings)
    fences = "".join(token.content for token in tokens if token.type == "fence")
    fixes = [result["cause"]["fix"] for result in results if result["cause"] and result["cause"]["fix"]]
    assert fixes
    assert all(line in fences for fix in fixes for line in fix.splitlines())


def test_html(run: Path, results: list[dict[str, Any]]) -> None:
    document = html5lib.parse((run / "html").read_text(), treebuilder="lxml", namespaceHTMLElements=False)
    codes = {element.text for element in document.getroot().iterfind(".//article//h3/code")}
    assert codes == {result["cause"]["code"] for result in results if result["cause"]}


def test_the_page_in_a_browser(run: Path, results: list[dict[str, Any]]) -> None:
    with browser() as driver:
        page = Page(driver, run / "html", name="report.html")
        page.choose("tag", "finance")
        assert page.text("#count") == f"2 of {len(results)} targets"
        page.choose("owner", "database")
        page.click("#view .open")
        assert "host hr er 10.77.0.2/32 scram-sha-256" in page.text("#detail")
        assert "psql" in page.text("#detail")
        page.nothing_happened()
