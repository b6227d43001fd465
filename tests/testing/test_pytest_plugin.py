"""The plugin as its users meet it: pytest runs of a project of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.limits import HANG
from scanready.testing import FakeTarget
from tests.cli import plugin
from tests.testing.project import Outcome, Project

HEAVY = (
    "ssl",
    "asyncio",
    "rich",
    "click",
    "pydantic",
    "ruamel",
    "scanready.model",
    "scanready.run.engine",
    "scanready.testing",
)
PASSWORD = "Tr0ub4dor-9c1"

INVENTORY = """\
agent: {name: proxy-nyc}
credentials:
  good: {username: er, password: env:ER_PW}
  bad: {username: mallory, password: env:ER_PW}
targets:
  - mood://fine:7
  - {host: read, type: mood, port: 7, credential: good, tags: [finance]}
  - {host: shut, type: mood, port: 7, is: filtered, tags: [finance]}
  - {host: old, type: mood, port: 7, is: limited}
  - {host: busy, type: mood, port: 7, is: throttled}
  - {host: evil, type: mood, port: 7, is: hostile}
  - {host: locked, type: mood, port: 7, is: wrong, credential: bad}
  - {host: known, type: mood, port: 7, is: filtered, expect: {blocked: connect.filtered, until: 2999-12-31, reason: C1}}
  - {host: over, type: mood, port: 7, is: filtered, expect: {blocked: connect.filtered, until: 2020-12-31}}
  - {host: mended, type: mood, port: 7, expect: {blocked: connect.filtered, until: 2999-12-31}}
  - {host: other, type: mood, port: 7, is: refused, expect: {blocked: connect.filtered, until: 2999-12-31}}
"""
TESTS = """\
import pytest

@pytest.fixture(scope="module")
def once(scanready):
    return scanready("mood://fine:7")

def test_ready(once):
    once.assert_ready()

def test_scannable(scanready, agent):
    assert agent.name == "proxy-nyc"
    report = scanready("mood://read:7")      # the inventory has its credential
    assert report.assert_scannable().target.credential.username == "er"

def test_promise(scanready):
    scanready("mood://shut:7?is=filtered").assert_blocked("connect.filtered")

def test_not_scannable(scanready):
    scanready("mood://shut:7?is=filtered").assert_scannable()

def test_named_credential(scanready):
    scanready("mood://elsewhere:7", credential="good").assert_scannable()

def test_own_account(scanready):
    scanready("mood://elsewhere:7", user="er", password_from="env:ER_PW").assert_scannable()

@pytest.mark.scannable("mood://read:7")
def test_marked():
    pass

@pytest.mark.scannable("mood://fine:7")
def test_marked_but_only_ready():
    print("the body ran")

@pytest.mark.scannable("mood://fine:7", "mood://fine2:7", require="ready")
def test_marked_ready():
    pass

@pytest.mark.scannable("mood://shut:7?is=filtered")
def test_marked_and_blocked():
    print("the body ran")

@pytest.mark.scannable("mood://shut:7?is=filtered", expect={"blocked": "connect.filtered", "until": "2999-12-31"})
def test_marked_and_expected():
    print("the body ran")

@pytest.mark.scannable("mood://fine:7", requires="ready")
def test_marked_wrongly():
    print("the body ran")
"""
EXPECTED = {
    "estate.scanready.yaml::mood://fine:7": "PASSED",
    "estate.scanready.yaml::mood://er@read:7": "PASSED",
    "estate.scanready.yaml::mood://shut:7?is=filtered": "FAILED",
    "estate.scanready.yaml::mood://old:7?is=limited": "PASSED",
    "estate.scanready.yaml::mood://busy:7?is=throttled": "FAILED",
    "estate.scanready.yaml::mood://evil:7?is=hostile": "FAILED",
    "estate.scanready.yaml::mood://mallory@locked:7?is=wrong": "FAILED",
    "estate.scanready.yaml::mood://known:7?is=filtered": "XFAIL",
    "estate.scanready.yaml::mood://over:7?is=filtered": "FAILED",
    "estate.scanready.yaml::mood://mended:7": "PASSED",
    "estate.scanready.yaml::mood://other:7?is=refused": "FAILED",
    "test_estate.py::test_ready": "PASSED",
    "test_estate.py::test_scannable": "PASSED",
    "test_estate.py::test_promise": "PASSED",
    "test_estate.py::test_not_scannable": "FAILED",
    "test_estate.py::test_named_credential": "PASSED",
    "test_estate.py::test_own_account": "PASSED",
    "test_estate.py::test_marked": "PASSED",
    "test_estate.py::test_marked_but_only_ready": "FAILED",
    "test_estate.py::test_marked_ready": "PASSED",
    "test_estate.py::test_marked_and_blocked": "FAILED",
    "test_estate.py::test_marked_and_expected": "XFAIL",
    "test_estate.py::test_marked_wrongly": "FAILED",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module", params=["alone", "two workers"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    project = Project(tmp_path_factory.mktemp("suite"))
    project.write("estate.scanready.yaml", INVENTORY)
    project.write("test_estate.py", TESTS)
    project.write("pytest.ini", "[pytest]\nscanready_inventory = estate.scanready.yaml\n")
    workers = ("-n", "2") if request.param == "two workers" else ()
    return project.run(*workers, env={"ER_PW": PASSWORD})


def test_a_suite(ran: Outcome) -> None:
    assert ran.outcomes() == EXPECTED, ran.text
    assert ran.code == 1


def test_failures_say_what_to_do(ran: Outcome) -> None:
    for line in (
        "mood://shut:7?is=filtered is blocked by connect.filtered (network); wanted: scannable, ready or limited",
        "mood://shut:7?is=filtered is blocked by connect.filtered (network); wanted: scannable",
        "mood://fine:7 is ready (no login: no credential was given); wanted: scannable",
        "mood://busy:7?is=throttled is undecided (handshake.throttled, server): it is unknown whether a scan "
        "would work, so the test does not pass; wanted: scannable, ready or limited",
        "mood://over:7?is=filtered is blocked by connect.filtered (network); `expect` ended on 2020-12-31 (blocked by "
        "connect.filtered): fix the target or agree on a new date",
        "mood://other:7?is=refused is blocked by connect.refused (server); counted, as the inventory expects another "
        "failure (blocked by connect.filtered); wanted: scannable, ready or limited",
        "@pytest.mark.scannable: it has no keyword requires (the keywords are "
        "credential, depth, expect, key_file, password_from, require, "
        "timeout, user)",
        "mood://shut:7?is=filtered  from proxy-nyc",
        "  ✗  connect    no answer ",
        "    ip daddr shut tcp dport 7 accept",
    ):
        assert re.search(f"^(E   +)?{re.escape(line)}", ran.text, re.MULTILINE), (line, ran.text)
    assert "the body ran" not in ran.text


def test_summary_and_warnings(ran: Outcome) -> None:
    summary = "\n".join(ran.summary())
    failed = "mood://shut:7?is=filtered is blocked by connect.filtered (network); wanted"
    assert f"mood://shut:7?is=filtered - Failed: {failed}" in summary
    assert (
        "XFAIL estate.scanready.yaml::mood://known:7?is=filtered - blocked by connect.filtered; known failure, not "
        "counted until 2999-12-31" in summary
    )
    assert "ScanreadyWarning: mood://old:7?is=limited is limited by tls.expired (server)" in ran.text
    assert "ScanreadyWarning: mood://mended:7: `expect` is no longer needed (blocked by connect.filtered): " in ran.text


def test_no_secret_and_no_escape_gets_out(ran: Outcome) -> None:
    assert PASSWORD not in ran.text
    assert "\x1b" not in ran.text
    assert "\u202e" not in ran.text
    assert "INTERNALERROR" not in ran.text


def test_properties_for_junit(ran: Outcome) -> None:
    assert ran.properties("mood://shut:7?is=filtered") == [
        ("scanready_target", "mood://shut:7?is=filtered"),
        ("scanready_verdict", "blocked"),
        ("scanready_cause", "connect.filtered"),
        ("scanready_owner", "network"),
    ]
    assert ("scanready_verdict", "scannable") in ran.properties("test_scannable")
    assert ("scanready_verdict", "ready") in ran.properties("test_marked_but_only_ready")
    assert ran.properties("test_ready") == [("scanready_target", "mood://fine:7"), ("scanready_verdict", "ready")]


@pytest.fixture
def fakes() -> Iterator[list[FakeTarget]]:
    """Servers that hang up after their greeting; they count in this process."""
    with FakeTarget() as one, FakeTarget() as two, FakeTarget() as three:
        yield [fake.send(b"SSH-2.0-OpenSSH_9.2\r\n").close() for fake in (one, two, three)]


def test_each_target_is_checked_once_by_all_workers(project: Project, fakes: list[FakeTarget]) -> None:
    urls = [fake.url("ssh") for fake in fakes]
    project.write("estate.scanready.yaml", "targets:\n" + "".join(f"  - {url}\n" for url in urls[:2]))
    for name in ("one", "two"):
        lines = [f"    scanready({url!r}).assert_blocked('handshake.broken-off')\n" for url in urls]
        project.write(f"test_{name}.py", "def test_it(scanready):\n" + "".join(lines))
    done = project.run("-n", "2", "--dist", "loadfile")
    assert done.outcomes() == {
        **{f"estate.scanready.yaml::{url}": "FAILED" for url in urls[:2]},
        "test_one.py::test_it": "PASSED",
        "test_two.py::test_it": "PASSED",
    }
    assert [len(fake.connections) for fake in fakes] == [1, 1, 1]


def test_a_refused_credential_is_not_tried_again_by_another_worker(project: Project) -> None:
    project.write("estate.yaml", "credentials:\n  bad: {username: er, password: env:ER_PW}\ntargets: []\n")
    for name in ("one", "two", "three"):
        project.write(
            f"test_{name}.py",
            f"def test_it(scanready):\n    print(scanready('mood://{name}:7?is=wrong', credential='bad').cause.code)\n",
        )
    done = project.run("-n", "3", "--dist", "loadfile", "--scanready-inventory", "estate.yaml", env={"ER_PW": PASSWORD})
    assert done.code == 0, done.text
    told = re.findall(r"^login\.\w+$", done.text, re.MULTILINE)
    assert sorted(told) == ["login.refused", "login.withheld", "login.withheld"]


def test_collecting_contacts_nobody_and_needs_no_secret(project: Project, fakes: list[FakeTarget]) -> None:
    project.write(
        "my.yaml",
        "credentials:\n  a: {username: er, password: env:NOT_SET}\n"
        f"targets:\n  - {{host: 127.0.0.1, type: ssh, port: {fakes[0].port}, credential: a, tags: [x]}}\n  - mysql://b/hr\n",
    )
    project.write(
        "test_it.py", f"import pytest\n@pytest.mark.scannable({fakes[0].url('ssh')!r})\ndef test_it(): pass\n"
    )
    done = project.run("--scanready", "my.yaml", "--collect-only", "-q")
    assert {line for line in done.text.splitlines() if "::" in line} == {
        "test_it.py::test_it",
        f"my.yaml::ssh://er@127.0.0.1:{fakes[0].port}",
        "my.yaml::mysql://b:3306/hr",
    }
    only = project.run("--scanready", "my.yaml", "--collect-only", "-q", "--scanready-only", "tag=x")
    assert "mysql" not in only.text
    assert "2/3 tests collected (1 deselected)" in only.text
    assert not fakes[0].connections


def test_an_inventory_with_problems_is_one_collection_error(project: Project) -> None:
    project.write(
        "bad.scanready.yaml",
        "defaults: {depth: acces}\ncredentials:\n  a: {username: er, password: hunter2}\ntargets:\n  - postgrsql://db7/hr\n",
    )
    done = project.run()
    assert done.code == 2
    assert "bad.scanready.yaml:1:19: `depth` must be one of" in done.text
    assert "bad.scanready.yaml:3:31: an inline password is refused" in done.text
    assert "bad.scanready.yaml:5:5: unknown target type `postgrsql`; did you mean `postgresql`?" in done.text
    assert "hunter2" not in done.text
    assert "Traceback" not in done.text


@pytest.mark.parametrize(
    ("arguments", "env", "ini", "says"),
    [
        (("--scanready-require", "scannable"), {}, "", "wanted: scannable\n"),
        ((), {"SCANREADY_REQUIRE": "ready"}, "", "wanted: ready or scannable\n"),
        ((), {}, "scanready_require = scannable", "wanted: scannable\n"),
        ((), {}, "scanready_depth = connect", "is undecided (scanready.depth-limited, operator)"),
        ((), {"SCANREADY_DEPTH": "connect"}, "scanready_depth = access", "scanready.depth-limited"),
        ((), {}, "scanready_depth = deep", "depth must be one of connect, handshake, auth, login, access, not 'deep'"),
        ((), {"SCANREADY_TIMEOUT": "soon"}, "", "timeout must be a number of seconds greater than 0, not 'soon'"),
        (("--scanready-only", "typ=x"), {}, "", "no key 'typ'"),
        (("--scanready", "absent.yaml"), {}, "", "absent.yaml"),
    ],
)
def test_settings(project: Project, arguments: tuple[str, ...], env: dict[str, str], ini: str, says: str) -> None:
    project.write("e.scanready.yaml", "targets:\n  - {host: old, type: mood, port: 7, is: limited}\n")
    project.write("pytest.ini", f"[pytest]\n{ini}\n")
    done = project.run(*arguments, env=env)
    assert done.code != 0
    assert says in done.text
    assert "INTERNALERROR" not in done.text


def test_what_fixtures_and_markers_are_told_wrongly(project: Project) -> None:
    project.write(
        "test_it.py",
        """
import pytest
def test_no_type(scanready): scanready("db7")
def test_typing_error(scanready): scanready("mysq://db7")
def test_no_inventory(scanready): scanready("mood://db7:7", credential="pg")
def test_two_accounts(scanready): scanready("mood://db7:7", credential="pg", user="er")
def test_password(scanready): scanready("mood://er:hunter2@db7:7")
@pytest.mark.scannable("mysq://db7")
def test_marker(): pass
""",
    )
    done = project.run()
    assert set(done.outcomes().values()) == {"FAILED"}
    for says in (
        "ValueError: 'db7' has no type: write it with one, as in windows://db7",
        "did you mean `mysql`?",
        "name one with --scanready-inventory FILE",
        "give either `credential`, or `user`",
        "a password in a target is refused",
        "@pytest.mark.scannable: target `mysq://db7`: unknown target type `mysq`",
    ):
        assert says in done.text, says


def test_a_missing_secret_fails_the_targets_that_need_it_and_no_others(project: Project) -> None:
    project.write(
        "estate.yaml",
        """
credentials:
  one: {username: a, password: env:NO_SUCH_VARIABLE}
  two: {username: b, password: env:ER_PW}
targets:
  - {host: one, type: mood, port: 7, credential: one}
  - {host: two, type: mood, port: 7, credential: two}
  - mood://three:7
""",
    )
    done = project.run("--scanready", "estate.yaml", env={"ER_PW": PASSWORD})
    assert "estate.yaml:3:32: the environment variable `NO_SUCH_VARIABLE` is not set" in done.text
    assert sorted(done.outcomes().values()) == ["FAILED", "PASSED", "PASSED"], done.text


def test_a_wrong_target_shows_the_test_and_no_line_of_scanready(project: Project) -> None:
    project.write(
        "test_wrong.py",
        """
import pytest

def test_fixture(scanready): scanready("mysq://db7")
@pytest.mark.scannable("mood://db7:7", credential="pg")
def test_marker(): pass
""",
    )
    text = project.run("test_wrong.py").text
    assert "scanready/testing/" not in text
    assert "scanready/inventory/" not in text
    assert "did you mean `mysql`?" in text
    assert "@pytest.mark.scannable: no inventory defines the credential 'pg'" in text


def test_a_broken_plug_in_fails_its_own_targets_only(project: Project) -> None:
    (project.where.parent / "site" / "moodplugin.py").write_text("import nothing_of_this_name\n")
    project.write("e.scanready.yaml", "targets:\n  - mood://a:7\n")
    project.write("test_other.py", "def test_other():\n    pass\n")
    done = project.run()
    assert sorted(done.outcomes().values()) == ["FAILED", "PASSED"]
    assert "agent.plugin-broken" in done.text
    assert "(mood = moodplugin:verify): does not load: ModuleNotFoundError" in " ".join(done.text.split()), done.text


def test_it_is_light_for_those_who_do_not_use_it() -> None:
    """The rule is 20 ms; milliseconds depend on the machine's load, what is imported does not."""
    script = f"import sys, pytest, scanready.pytest_plugin; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    before = script.replace(", scanready.pytest_plugin", "")
    found, known = (
        subprocess.run(
            [sys.executable, "-c", code],
            env=plugin.environment(Path("/nowhere")),
            capture_output=True,
            text=True,
            timeout=HANG,
            check=True,
        ).stdout.split()
        for code in (script, before)
    )
    assert found == known


def test_xfail_can_be_run_all_the_same(project: Project) -> None:
    project.write(
        "e.scanready.yaml",
        "targets:\n"
        "  - {host: a, type: mood, port: 7, is: filtered, expect: {blocked: connect.filtered, until: 2999-01-01}}\n",
    )
    done = project.run("--runxfail")
    assert done.outcomes() == {"e.scanready.yaml::mood://a:7?is=filtered": "FAILED"}
