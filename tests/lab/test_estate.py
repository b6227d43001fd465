"""The example suite (fixtures/estate, shown in docs/pytest.md) against the lab: healthy, and with a rule missing."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from tests.lab.test_docs import _comparable
from tests.testing.project import Outcome, install, read_outcome

PAGE = "docs/pytest.md"
ROOT = Path(__file__).parents[2]
SUITE = ROOT / "fixtures" / "estate"
HEALTHY = {
    "estate.scanready.yaml::unix://scanuser@web2.corp:22": "PASSED",
    "estate.scanready.yaml::smb://scanuser@files.corp:445/finance": "PASSED",
    "estate.scanready.yaml::postgresql://er@hr-db.corp:5432/hr": "PASSED",
    "estate.scanready.yaml::smb://attic.corp:445": "XFAIL",
    "test_estate.py::test_the_hr_database_can_be_read": "PASSED",
    "test_estate.py::test_the_hr_database_takes_no_clear_passwords": "PASSED",
    "test_estate.py::test_the_finance_share_is_served_by_a_modern_server": "PASSED",
    "test_estate.py::test_payroll_stays_out_of_reach": "PASSED",
    "test_estate.py::test_this_is_the_agent_that_the_firewall_team_knows": "PASSED",
}
WITHOUT_THE_RULE = {
    **HEALTHY,
    "estate.scanready.yaml::postgresql://er@hr-db.corp:5432/hr": "FAILED",
    "test_estate.py::test_the_hr_database_can_be_read": "FAILED",
    "test_estate.py::test_the_hr_database_takes_no_clear_passwords": "FAILED",
}
WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])


@pytest.fixture
def estate(lab: Lab) -> Iterator[tuple[Lab, str]]:
    """The estate's hosts, and its firewall: payroll is out of reach."""
    payroll, attic = lab.host("payroll"), lab.host("attic")
    lab.topology.name(
        {
            "web2.corp": [lab.openssh("password", label="estate").address],
            "files.corp": [lab.samba("smb3").address],
            "hr-db.corp": [lab.postgresql("scram", label="estate").address],
            "attic.corp": [attic.address],
            "payroll-db.corp": [payroll.address],
        }
    )
    rule = f"ip daddr {payroll.address} tcp dport 3306 drop"
    with lab.policy(rule):
        yield lab, rule


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    shutil.copytree(SUITE, tmp_path / "estate", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "site").mkdir()
    install(tmp_path / "site")
    return tmp_path / "estate"


def run(lab: Lab, suite: Path, *arguments: str, details: bool = True) -> Outcome:
    environment = {
        "PYTHONPATH": f"{ROOT / 'verifiers'}:{suite.parent / 'site'}",
        "COLUMNS": "100",
        "ER_PW": PASSWORD,
        "PYTEST_ADDOPTS": "",
        "PYTHONIOENCODING": "utf-8",
    }
    options = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    options += ["-rA", "--junitxml=junit.xml"] if details else []
    somewhere = [
        "env",
        "-u",
        "CI",
        "-u",
        "BUILD_NUMBER",
        "-C",
        str(suite),
    ]  # in CI, pytest does not shorten its messages
    command = [*somewhere, sys.executable, "-m", "pytest", *options, *arguments]
    return read_outcome(lab.agent.command(command, env=environment), suite / "junit.xml")


def sessions(lab: Lab) -> int:
    """Return PostgreSQL's count of sessions of the database, queried through another database."""
    counted = "SELECT sessions FROM pg_stat_database WHERE datname = 'hr'"
    return int(lab.postgresql("scram", label="estate").sql(counted, "postgres")[0][0])


def accepted(lab: Lab) -> int:
    """How often sshd took the password."""
    return lab.openssh("password", label="estate").log.count("Accepted password")


@WORKERS
def test_the_healthy_estate(estate: tuple[Lab, str], suite: Path, workers: tuple[str, ...]) -> None:
    lab, _ = estate
    before = accepted(lab), sessions(lab)
    done = run(lab, suite, *workers)
    assert done.outcomes() == HEALTHY, done.text
    assert done.code == 0
    # Each logged in once, though the database is asked by the inventory and by two tests.
    assert wait_until(lambda: (accepted(lab), sessions(lab)) == (before[0] + 1, before[1] + 1))
    assert PASSWORD not in done.text
    assert ("scanready_verdict", "scannable") in done.properties("postgresql://er@hr-db.corp:5432/hr")


@WORKERS
def test_a_firewall_rule_is_missing(estate: tuple[Lab, str], suite: Path, workers: tuple[str, ...]) -> None:
    lab, rule = estate
    server = lab.postgresql("scram", label="estate")
    with lab.policy(f"{rule}\nip daddr {server.address} tcp dport 5432 drop"):
        done = run(lab, suite, *workers)
    assert done.outcomes() == WITHOUT_THE_RULE, done.text
    assert done.code == 1
    for line in (
        "postgresql://er@hr-db.corp:5432/hr is blocked by connect.filtered (network); wanted: scannable",
        "postgresql://er@hr-db.corp:5432/hr  from proxy-nyc",
        "  cause    connect.filtered, at connect",
        "  owner    network",
        f"    ip saddr {lab.agent.address} ip daddr {server.address} tcp dport 5432 accept",
    ):
        assert re.search(f"^(E   +)?{re.escape(line)}", done.text, re.MULTILINE), (line, done.text)
    assert PASSWORD not in done.text
    assert ("scanready_cause", "connect.filtered") in done.properties("postgresql://er@hr-db.corp:5432/hr")
    assert done.junit is not None
    failed = [case for case in done.junit.iter("testcase") if case.find("failure") is not None]
    assert len(failed) == 3


def test_what_the_page_shows(estate: tuple[Lab, str], suite: Path) -> None:
    lab, rule = estate
    server = lab.postgresql("scram", label="estate")
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    printed = _shown(text, "healthy", run(lab, suite, "-v", details=False).text)
    with lab.policy(f"{rule}\nip daddr {server.address} tcp dport 5432 drop"):
        missing = run(lab, suite, "-q", "estate.scanready.yaml", details=False).text
    printed = _shown(printed, "rule-missing", missing)
    if os.environ.get("SCANREADY_WRITE_DOCS") == "1":
        (ROOT / PAGE).write_text(printed, encoding="utf-8")
    else:
        assert _alike(text) == _alike(printed)


def _alike(text: str) -> str:
    """Less what varies: times, and the lines that fill the width beside them."""
    return _comparable(re.sub(r"[=_]{3,}", "===", re.sub(r" in \d+\.\d+s( \([\d:]+\))?", " in #", text)))


def _shown(text: str, name: str, output: str) -> str:
    """Put the output into the page's block, without the lines that only describe the machine."""
    kept = [line for line in output.strip().splitlines() if not re.match(r"platform |rootdir|plugins|cachedir", line)]
    lines = "\n".join(kept)
    return re.sub(rf"```text {name}\n.*?```", lambda _: f"```text {name}\n{lines}\n```", text, flags=re.DOTALL)
