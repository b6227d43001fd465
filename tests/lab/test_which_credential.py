"""Several credentials for one target: real servers count each login that they refuse."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from tests.lab.cli import scanready

REFUSED = {
    "postgresql": "password authentication failed for user",
    "mysql": "Access denied for user",
    "unix": "Failed password for",
}
#: The options of each type's target, so that its login reads something.
OPTIONS = {"postgresql": ", database: hr", "mysql": "", "unix": ""}


class Estate:
    """One server, and the inventory whose target has several credentials."""

    def __init__(self, lab: Lab, where: Path, type_: str = "postgresql") -> None:
        self.lab, self.where, self.type = lab, where, type_
        start: dict[str, Callable[..., Any]] = {
            "postgresql": lambda: lab.postgresql("scram", label="which"),
            "mysql": lambda: lab.mariadb("standard", label="which"),
            "unix": lambda: lab.openssh("password", label="which"),
        }
        self.server = start[type_]()
        self.mark = len(self.server.log)
        users = {"right": (self.server.user, "RIGHT"), **{name: (f"{name}-user", "WRONG") for name in "abcd"}}
        accounts = [f"  {name}: {{username: {user}, password: env:{pw}}}" for name, (user, pw) in users.items()]
        self.head = ["credentials:", *accounts, "targets:"]

    @property
    def refused(self) -> int:
        return int(self.server.logged_since(self.mark).count(REFUSED[self.type]))

    def target(self, *names: str, more: str = "") -> str:
        listed = ", ".join(names)
        options = more or OPTIONS[self.type]
        return f"  - {{host: {self.server.hostname}, type: {self.type}{options}, credential: [{listed}]}}"

    def run(self, *options: str, targets: list[str]) -> subprocess.CompletedProcess[str]:
        inventory = self.where / "estate.yaml"
        inventory.write_text("\n".join([*self.head, *targets]) + "\n")
        env = {"RIGHT": PASSWORD, "WRONG": "not-this-one", "SCANREADY_STORE": str(self.where / "runs.db")}
        env["PYTHONPATH"] = str(Path(__file__).parents[2] / "verifiers")
        return scanready(self.lab.agent, options[0], str(inventory), *options[1:], env=env)

    def report(self, *options: str) -> str:
        env = {
            "SCANREADY_STORE": str(self.where / "runs.db"),
            "PYTHONPATH": str(Path(__file__).parents[2] / "verifiers"),
        }
        done = scanready(self.lab.agent, "report", "last", *options, env=env)
        assert done.stdout, done.stderr
        return done.stdout

    def results(self, *options: str, targets: list[str]) -> list[Any]:
        done = self.run("verify", "--format", "json", "--no-canary", *options, targets=targets)
        assert done.stdout, done.stderr
        assert "not-this-one" not in done.stdout + done.stderr
        return json.loads(done.stdout)["results"]  # type: ignore[no-any-return]


@pytest.fixture(params=sorted(REFUSED))
def estate(lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> Estate:
    return Estate(lab, tmp_path, request.param)


@pytest.fixture
def database(lab: Lab, tmp_path: Path) -> Estate:
    return Estate(lab, tmp_path)


def settled(estate: Estate, count: int) -> bool:
    """Whether the server has refused that many logins, and no more."""
    return wait_until(lambda: estate.refused >= count) and estate.refused == count


def logins(result: Any) -> list[Any]:
    return [check for check in result["checks"] if check["step"] == "login"]


def test_the_next_credential_is_tried_after_a_refusal(estate: Estate) -> None:
    (result,) = estate.results(targets=[estate.target("a", "right", "b")])
    assert result["verdict"] in ("scannable", "limited"), result
    assert result["facts"]["credential"] == "right"
    assert result["facts"]["refused_credentials"] == {"a": "login.refused"}
    first = logins(result)[0]
    assert (first["outcome"], first["facts"]["credential"]) == ("skipped", "a")
    assert "login.refused" not in [one["code"] for one in result["besides"]]
    assert result["footprint"]["login_attempts"] == 2
    assert result["target"]["credential"] == "a"
    assert [one["credential"] for one in result["target"]["alternatives"]] == ["right", "b"]
    assert settled(estate, 1)


def test_an_accepted_credential_ends_the_tries(estate: Estate) -> None:
    (result,) = estate.results(targets=[estate.target("right", "a")])
    assert result["verdict"] in ("scannable", "limited"), result
    assert result["facts"]["credential"] == "right"
    assert "refused_credentials" not in result["facts"]
    assert result["footprint"]["login_attempts"] == 1
    assert settled(estate, 0)


def test_all_refused_is_blocked_and_names_each(estate: Estate) -> None:
    (result,) = estate.results(targets=[estate.target("a", "b")])
    assert (result["verdict"], result["cause"]["code"]) == ("blocked", "login.refused"), result
    assert "'a': " in result["cause"]["detail"]
    assert "'b': " in result["cause"]["detail"]
    assert settled(estate, 2)


def test_no_more_refusals_than_the_run_permits(estate: Estate) -> None:
    (result,) = estate.results(targets=[estate.target("a", "b", "right")])
    assert (result["verdict"], result["cause"]["code"]) == ("undecided", "login.withheld"), result
    assert "--max-attempts 2" in result["cause"]["detail"]
    assert "'right'" in result["cause"]["detail"]
    assert [one["code"] for one in result["besides"]].count("login.refused") == 2
    assert settled(estate, 2)


def test_a_third_refusal_needs_the_operator(database: Estate) -> None:
    (result,) = database.results("--max-attempts", "3", targets=[database.target("a", "b", "c", "right")])
    assert (result["verdict"], result["cause"]["code"]) == ("undecided", "login.withheld"), result
    assert settled(database, 3)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_refusals_of_a_host_count_for_all_of_its_targets(database: Estate, jobs: int) -> None:
    targets = [database.target("a", "b", "right", more=f", database: d{number}") for number in range(6)]
    results = database.results("--jobs", str(jobs), "--per-host", "6", targets=targets)
    assert {result["verdict"] for result in results} == {"undecided"}, results
    assert settled(database, 2)


def test_an_account_that_the_host_has_accepted_is_tried_in_any_case(database: Estate) -> None:
    targets = [database.target("right"), database.target("a", "b", "c", "right", more=", database: postgres")]
    results = database.results("--concurrency", "1", targets=targets)
    assert [logins(result)[-1]["facts"].get("credential") for result in results] == [None, "right"], results
    assert list(results[1]["facts"]["refused_credentials"]) == ["a", "b"], "c was not tried"
    assert settled(database, 2)


def test_the_accounts_of_one_host_are_tried_one_after_another(database: Estate) -> None:
    """One that is under way is no refusal: the others wait for its outcome, by whatever name they know the host."""
    server = database.server
    other = database.target("a", "right", more=", database: hr").replace(server.hostname, server.address)
    targets = [database.target("a", "right"), other, database.target("a", "right", more=", database: postgres")]
    results = database.results("--per-host", "6", targets=targets)
    right = [[check["facts"].get("credential") for check in logins(result)][-1] for result in results]
    assert right == ["right"] * 3, results
    assert settled(database, 1)


def test_another_run_sends_no_refused_password_again(database: Estate) -> None:
    targets = [database.target("a", "b")]
    database.results(targets=targets)
    (result,) = database.results(targets=targets)
    assert (result["verdict"], result["cause"]["code"]) == ("undecided", "login.withheld"), result
    assert settled(database, 2)
    (result,) = database.results(targets=[database.target("a", "right")])
    assert result["facts"]["credential"] == "right", result
    assert settled(database, 2)


def test_a_login_without_an_answer_ends_the_tries(database: Estate) -> None:
    server = database.server
    with database.lab.policy(f"ip daddr {server.address} tcp dport {server.port} drop"):
        (result,) = database.results("--timeout", "2", targets=[database.target("a", "right")])
    assert (result["verdict"], result["cause"]["code"]) == ("blocked", "connect.filtered"), result
    assert result["footprint"]["login_attempts"] == 0


#: The formats that list every target, and the words of each for the credential.
WORDS = {
    "table": "with credential right (a: login.refused)",
    "md": "with credential right (a: login.refused)",
    "csv": "right (a: login.refused)",
    "tap": "with credential right (a: login.refused)",
    "nagios": "with credential right (a: login.refused)",
    "junit": "'right': logged in",
    "html": "'right': logged in",
    "json": '"refused_credentials":{"a":"login.refused"}',
}


def test_people_read_which_credential_it_is(database: Estate) -> None:
    database.results(targets=[database.target("a", "right")])
    for format_, words in WORDS.items():
        shown = database.report("--format", format_)
        assert words in " ".join(shown.split()), (format_, shown)


def test_an_export_says_which_account_was_refused(database: Estate) -> None:
    """Another agent that gets the export must not try it again."""
    database.results("--export", str(database.where / "a.export"), targets=[database.target("a", "right")])
    lines = gzip.decompress((database.where / "a.export").read_bytes()).decode().splitlines()
    told = json.loads(lines[-1])["end"]["accounts"]
    accounts = {one["credential"]: one["outcome"] for one in told}
    assert accounts == {"a": "login.refused", "right": "accepted"}
    database.where = database.where / "other"
    database.where.mkdir()
    guard = str(database.where.parent / "a.export")
    (result,) = database.results("--guard", guard, targets=[database.target("a", "right")])
    assert result["facts"]["refused_credentials"] == {"a": "login.withheld"}, result
    assert settled(database, 1)
