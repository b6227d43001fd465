"""A refused credential is withheld from later runs: how long, and what ends that. The server counts its refusals."""

from __future__ import annotations

import datetime
import gzip
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from scanready.run import timestamps
from tests.cli import plugin
from tests.cli.plugin import started, until

HEAD = "credentials: {ad: {username: er, password: %s}}"
TIMES = (
    *(("accounts", column) for column in ("refused_at", "refused_noticed", "accepted_at")),
    *(("account_logins", column) for column in ("begun", "at", "noticed")),
)
CLOCKS = (("accounts", "refused_clock"), ("account_logins", "clock"))


class Site:
    """An estate of servers that judge a password, and the nights of one agent."""

    def __init__(self, where: Path) -> None:
        self.where, self.log = where, where / "log"
        self.extra = {"MOOD_LOG": str(self.log), "MOOD_RELEASE": str(where / "release"), "PW": "wrong"}
        self.inventory = self.estate("judges", "judges", "judges")

    def estate(self, *moods: str, password: str = "env:PW", more: str = "", head: str = "") -> str:
        lines = [
            f"  - {{host: 127.0.0.{number}, port: 99, type: mood, is: {mood}, credential: ad}}"
            for number, mood in enumerate(moods, 1)
        ]
        text = "\n".join(
            [HEAD % password if not more else f"credentials: {{ad: {more}}}", head, "targets:", *lines, ""]
        )
        path = self.where / "estate.yaml"
        path.write_text(text)
        return str(path)

    def verify(self, *options: str, **extra: str) -> list[dict[str, Any]]:
        """Run; return the results in the order of the targets."""
        done = plugin.run(self.where, ["verify", self.inventory, "--format", "json", *options], {**self.extra, **extra})
        assert done.returncode in (0, 1, 3), done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["results"]
        return sorted(found, key=lambda one: str(one["target"]["host"]))

    def causes(self, *options: str, **extra: str) -> list[str]:
        return [(one["cause"] or {"code": one["verdict"]})["code"] for one in self.verify(*options, **extra)]

    def command(self, *arguments: str) -> Any:
        return plugin.run(self.where, arguments, self.extra)

    @property
    def refused(self) -> int:
        """The number of logins that the servers refused."""
        return self.log.read_text().count("False") if self.log.exists() else 0

    def pass_time(self, hours: float) -> None:
        """Let time pass: the journal is as much older."""
        self.set_clock(hours)
        connection = sqlite3.connect(self.where / "runs.db")
        for table, column in CLOCKS:
            for (text,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
                if text:
                    boot, _, seconds = text.partition(" ")
                    earlier = f"{boot} {float(seconds) - hours * 3600}"
                    connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (earlier, text))
        connection.commit()
        connection.close()

    def set_clock(self, hours: float) -> None:
        """Set the wall clock forward, or back: the journal has other moments than before, and no time has passed."""
        connection = sqlite3.connect(self.where / "runs.db")
        for table, column in TIMES:
            for (moment,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
                if moment is not None:
                    earlier = datetime.datetime.fromisoformat(moment) - datetime.timedelta(hours=hours)
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? WHERE {column} = ?",
                        (timestamps.written(earlier), moment),
                    )
        connection.commit()
        connection.close()


@pytest.fixture
def site(plugins: Path) -> Site:
    return Site(plugins)


WITHHELD = ["login.withheld"] * 3


def test_a_refusal_binds_the_next_run_and_names_both_remedies(site: Site) -> None:
    assert sorted(site.causes()) == ["login.refused", "login.withheld", "login.withheld"]
    first = site.refused
    results = site.verify()
    assert [one["cause"]["code"] for one in results] == WITHHELD
    detail = results[0]["cause"]["detail"]
    assert "127.0.0.1:99 refused the credential 'ad' from the agent" in detail
    assert "correct the credential and verify with `--retry-refused=ad`, since a new value cannot be seen" in detail
    assert "; or run `scanready credentials --forget ad`" in detail
    assert (first, site.refused) == (1, 1)


def test_a_wrong_password_costs_three_refusals_in_all_however_many_nights(site: Site) -> None:
    counts = []
    for _night in range(7):
        site.causes()
        counts.append(site.refused)
        site.pass_time(25)
    assert counts == [1, 2, 3, 3, 3, 3, 3]
    (entry,) = json.loads(site.command("credentials", "--json").stdout)["accounts"]
    assert (entry["withheld"], entry["binds_until"], entry["refusals"]) == (True, None, 3)


def test_a_corrected_file_is_used_by_the_next_night_without_an_option(site: Site) -> None:
    secret = site.where / "pw"
    secret.write_text("wrong")
    secret.chmod(0o600)
    site.inventory = site.estate("judges", "judges", "judges", password=f"file:{secret}")
    site.causes()
    words = [one["cause"]["detail"] for one in site.verify()]
    assert all("correct the credential, or run `scanready credentials --forget ad`, or" in one for one in words), words
    assert site.causes() == WITHHELD
    secret.write_text("right")
    assert site.causes() == ["scannable"] * 3
    assert site.refused == 1
    assert site.causes() == ["scannable"] * 3


def test_a_corrected_variable_needs_the_option_since_its_value_is_never_stored(site: Site) -> None:
    site.causes()
    assert site.causes(PW="right") == WITHHELD
    assert site.causes("--retry-refused=ad", PW="right") == ["scannable"] * 3
    assert site.causes(PW="right") == ["scannable"] * 3, "the account was accepted since"


@pytest.mark.parametrize("option", ["--retry-refused", "--retry-refused=ad"])
def test_the_option_is_one_try(site: Site, option: str) -> None:
    site.causes()
    assert sorted(site.causes(option)) == ["login.refused", "login.withheld", "login.withheld"]
    assert site.causes() == WITHHELD
    assert site.refused == 2


def test_one_account_under_two_names_is_retried_by_either_and_forgotten_by_the_one_of_the_journal(site: Site) -> None:
    path = site.where / "estate.yaml"
    entries = ", ".join(f"{name}: {{username: er, password: env:PW, authority: corp}}" for name in ("ad", "ad2"))
    lines = [
        f"  - {{host: 127.0.0.{number}, port: 99, type: mood, is: judges, credential: {name}}}"
        for number, name in enumerate(("ad", "ad2"), 1)
    ]
    path.write_text("\n".join([f"credentials: {{{entries}}}", "targets:", *lines, ""]))
    assert site.causes("--concurrency", "1") == ["login.refused", "login.withheld"]
    results = site.verify()
    assert [one["cause"]["code"] for one in results] == ["login.withheld"] * 2
    for one in results:  # the journal knows the account by the name that was refused
        assert "--forget ad`" in one["cause"]["detail"]
        assert re.search("--retry-refused=(ad|ad2)`", one["cause"]["detail"])
    assert site.causes("--retry-refused=ad2", PW="right") == ["scannable"] * 2


def test_an_unknown_name_of_the_option_is_a_usage_error_with_a_suggestion(site: Site) -> None:
    done = site.command("verify", site.inventory, "--retry-refused=add")
    assert done.returncode == 2
    assert "no target has a credential 'add'; did you mean 'ad'?" in done.stderr
    assert not site.log.exists()


@pytest.mark.parametrize(
    "more", ["{username: er2, password: env:PW}", "{username: er, password: env:OTHER}"], ids=["user", "reference"]
)
def test_another_user_or_reference_is_a_new_credential(site: Site, more: str) -> None:
    site.causes()
    site.inventory = site.estate("judges", "judges", "judges", more=more)
    assert site.causes(PW="right", OTHER="right") == ["scannable"] * 3


def test_the_time_of_the_inventory_counts(site: Site) -> None:
    site.inventory = site.estate("judges", head="guard: {retry_after: 2h}")
    assert site.causes() == ["login.refused"]
    site.pass_time(1)
    assert site.causes() == ["login.withheld"]
    site.pass_time(2)
    assert site.causes() == ["login.refused"]


def test_a_time_that_is_none_is_an_error_of_the_inventory(site: Site) -> None:
    done = site.command("verify", site.estate("judges", head="guard: {retry_after: soon}"))
    assert done.returncode == 2
    assert "`retry_after` must be a number and a unit: 30m, 24h or 7d" in done.stderr


def test_a_run_that_was_killed_in_its_login_may_have_been_refused(site: Site) -> None:
    site.inventory = site.estate("slow-login", "judges")
    with started(site.where, "verify", site.inventory, "--format", "jsonl", **site.extra) as process:
        until(lambda: site.log.exists() and "127.0.0.1" in site.log.read_text())
        process.kill()
    (site.where / "release").touch()
    results = site.verify()
    assert [one["cause"]["code"] for one in results] == ["login.withheld"] * 2
    assert "127.0.0.1:99 did not answer a login with the credential 'ad'" in results[0]["cause"]["detail"]
    assert site.refused == 0
    site.command("credentials", "--forget", "ad")
    assert site.causes(PW="right") == ["scannable"] * 2


def test_a_refusal_after_an_acceptance_binds_that_host_only(site: Site) -> None:
    site.inventory = site.estate("ready", "wrong", "ready")
    assert site.causes("--concurrency", "1") == ["scannable", "login.refused", "scannable"]
    assert site.causes("--concurrency", "1") == ["scannable", "login.withheld", "scannable"]


def test_a_host_that_did_not_answer_in_time_is_tried_again_if_the_account_works(site: Site) -> None:
    site.inventory = site.estate("ready", "slow-login", "ready")
    for _ in range(4):
        results = site.verify("--concurrency", "1", "--timeout", "1")
        assert [one["verdict"] for one in results] == ["scannable", "undecided", "scannable"]
        assert results[1]["cause"]["code"] != "login.withheld"


def test_an_account_that_no_host_accepted_is_withheld_after_a_login_without_an_answer(site: Site) -> None:
    site.inventory = site.estate("slow-login")
    assert site.causes("--timeout", "1") != ["login.withheld"]
    site.inventory = site.estate("judges", "judges")
    assert site.causes() == ["login.withheld"] * 2
    assert site.refused == 0


def test_with_an_authority_it_binds_every_host(site: Site) -> None:
    more = "{username: er, password: env:PW, authority: corp}"
    site.inventory = site.estate("ready", "wrong", "ready", more=more)
    assert site.causes("--concurrency", "1")[:2] == ["scannable", "login.refused"]
    assert site.causes("--concurrency", "1") == WITHHELD


def test_without_a_store_there_is_no_journal(site: Site) -> None:
    site.causes("--no-store")
    site.causes("--no-store")
    assert site.refused == 2


def test_the_command_shows_and_clears_an_entry(site: Site) -> None:
    assert site.command("credentials").stdout == "no login is stored yet: `check` and `verify` store theirs\n"
    site.causes()
    table = site.command("credentials").stdout
    assert "refused" in table
    assert "127.0.0.1:99" in table
    wrong = site.command("credentials", "--forget", "aad")
    assert (wrong.returncode, "did you mean 'ad'?" in wrong.stderr) == (2, True)
    assert "forgotten: ad" in site.command("credentials", "--forget", "ad").stderr
    assert site.command("credentials", "--json").stdout == '{\n  "accounts": []\n}\n'
    assert site.causes(PW="right") == ["scannable"] * 3


def test_pruned_runs_do_not_forget_a_refusal(site: Site) -> None:
    site.causes()
    site.command("runs", "--prune", "--keep", "0")
    assert site.causes() == WITHHELD


def test_no_login_climbs_to_the_prompt_and_looks_up_no_secret(site: Site) -> None:
    site.inventory = site.estate("judges", password="env:NOT_SET")
    (result,) = site.verify("--no-login")
    assert (result["verdict"], result["footprint"]["login_attempts"]) == ("ready", 0)
    login = next(check for check in result["checks"] if check["step"] == "login")
    assert login["summary"] == "not asked: no login is made (--no-login)"
    assert result["target"]["credential"] == "ad"
    assert site.refused == 0
    plan = json.loads(site.command("plan", site.inventory, "--no-login", "--json").stdout)
    assert (plan["login"], plan["total"]["login_attempts"], plan["accounts"]) == (False, 0, [])


def test_a_resumed_run_keeps_no_login(site: Site) -> None:
    site.verify("--no-login")
    done = site.command("verify", "--resume", "last", "--format", "json")
    assert {one["verdict"] for one in json.loads(done.stdout)["results"]} == {"ready"}
    assert site.refused == 0


def exported(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.command("credentials", "--json").stdout)
    return found


def test_four_agents_one_after_another_cost_one_refusal(site: Site) -> None:
    files: list[str] = []
    for number in range(4):
        store = str(site.where / f"agent{number}.db")
        guards = [word for file in files for word in ("--guard", file)]
        causes = site.causes(*guards, SCANREADY_STORE=store)
        assert ("login.refused" in causes) is (number == 0)
        done = plugin.run(site.where, ["credentials", "--json"], {**site.extra, "SCANREADY_STORE": store})
        files.append(str(site.where / f"agent{number}.json"))
        Path(files[-1]).write_text(done.stdout)
    assert site.refused == 1


def guard_file(site: Site) -> str:
    """Let another agent find the account refused; return what it says of that."""
    store = {"SCANREADY_STORE": str(site.where / "other.db")}
    site.causes(**store)
    path = site.where / "other.json"
    path.write_text(plugin.run(site.where, ["credentials", "--json"], {**site.extra, **store}).stdout)
    return str(path)


def test_a_resumed_run_keeps_the_files_of_other_agents(site: Site) -> None:
    file = guard_file(site)
    assert site.causes("--guard", file) == WITHHELD
    with sqlite3.connect(site.where / "runs.db") as connection:
        connection.execute("DELETE FROM results")  # as if it had been interrupted before the first one
    connection.close()
    done = site.command("verify", "--resume", "last", "--format", "json")
    assert [one["cause"]["code"] for one in json.loads(done.stdout)["results"]] == WITHHELD
    assert site.refused == 1


@pytest.mark.parametrize("option", ["--export", "-o"])
def test_no_output_overwrites_the_file_of_another_agent(site: Site, option: str) -> None:
    file = guard_file(site)
    before = Path(file).read_bytes()
    done = site.command("verify", site.inventory, "--guard", file, option, file)
    assert done.returncode == 2
    assert "write to another file" in done.stderr
    assert Path(file).read_bytes() == before


@pytest.mark.parametrize("nights", [1, 2])
def test_an_export_has_what_an_earlier_night_found_refused(site: Site, nights: int) -> None:
    file = str(site.where / "other.scanready")
    other = {"SCANREADY_STORE": str(site.where / "other.db")}
    for _night in range(nights):
        site.causes("--export", file, **other)
    assert site.causes("--guard", file) == WITHHELD
    assert site.refused == 1


def test_an_export_does_not_repeat_a_refusal_of_another_secret(site: Site) -> None:
    secret, file = site.where / "pw", site.where / "own.scanready"
    secret.write_text("wrong")
    secret.chmod(0o600)
    site.inventory = site.estate("judges", password=f"file:{secret}")
    site.causes()
    secret.write_text("right")
    assert site.causes("--export", str(file)) == ["scannable"]
    end = json.loads(gzip.decompress(file.read_bytes()).splitlines()[-1])["end"]
    assert [one["outcome"] for one in end["accounts"]] == ["accepted"]


def _entry(**changes: Any) -> dict[str, Any]:
    entry = {"credential": "ad", "user": "er", "authority": None, "outcome": "login.refused"}
    return {**entry, "where": "fs9:99", "when": "2020-11-27T09:12:00.000Z", **changes}


def _accepted(**changes: Any) -> dict[str, Any]:
    return _entry(**{"outcome": "accepted", "proven": True, **changes})


HOSTILE: dict[str, tuple[str, str]] = {
    "no-such-day": (json.dumps({"accounts": [_entry(when="2020-13-32T00:00:00Z")]}), "`when` is no moment of UTC"),
    "no-count": (json.dumps({"accounts": [_entry(tries=True)]}), "`tries` is no count"),
    "negative": (json.dumps({"accounts": [_entry(tries=-1)]}), "`tries` is no count"),
    "agent": (json.dumps({"accounts": [_entry(agent=["a"])]}), "a text that is empty, too long, or no text"),
    "no-json": ("hello", "has no list of accounts"),
    "other-json": ("[1, 2]", "has no list of accounts"),
    "no-list": ('{"accounts": {}}', "has no list of accounts"),
    "deep": ("[" * 100_000, "has no list of accounts"),
    "numbers": ('{"accounts": [1]}', "has an entry without credential, user, outcome, where and when"),
    "no-moment": (json.dumps({"accounts": [_entry(when="yesterday")]}), "`when` is no moment of UTC"),
    "long": (json.dumps({"accounts": [_entry(where="x" * 2000)]}), "a text that is empty, too long, or no text"),
    "object": (json.dumps({"accounts": [_entry(outcome={"a": 1})]}), "a text that is empty, too long, or no text"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_cannot_be_read_ends_the_command_before_any_contact(site: Site, case: str) -> None:
    content, words = HOSTILE[case]
    path = site.where / "other.json"
    path.write_text(content)
    done = site.command("verify", site.inventory, "--guard", str(path))
    assert done.returncode == 2
    assert words in done.stderr
    assert not site.log.exists()


def test_a_guard_file_that_is_missing_ends_the_command(site: Site) -> None:
    done = site.command("verify", site.inventory, "--guard", str(site.where / "nothing.json"))
    assert done.returncode == 2
    assert "--guard" in done.stderr
    assert not site.log.exists()


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content)


def test_an_export_is_read_by_its_last_line_and_a_cut_one_is_an_error(site: Site) -> None:
    end = json.dumps({"end": {"results": 1, "accounts": [_entry()]}})
    whole = _gzip(f'{{"schema": 1}}\n{{"target": "x"}}\n{end}\n'.encode())
    path = site.where / "nyc.scanready"
    path.write_bytes(whole)
    results = site.verify("--guard", str(path))
    assert [one["cause"]["code"] for one in results] == WITHHELD
    assert "fs9:99 refused the credential 'ad' on 2020-11-27T09:12:00.000Z" in results[0]["cause"]["detail"]
    for content, words in (
        (whole[:30], "is cut off before its first line ends: copy it again"),
        (_gzip(b'{"schema": 1}\n{"target": "x"}\n'), "has no list of accounts: give an export of `verify --export`"),
        (whole[:-20] + b"\0\1" + whole[-18:], "is damaged: copy it again"),
    ):
        path.write_bytes(content)
        done = site.command("verify", site.inventory, "--guard", str(path))
        assert done.returncode == 2
        assert words in done.stderr
    assert site.refused == 0


RULES: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "other-account": ([_entry(user="somebody")], ["scannable"] * 3),
    "unknown-outcome": ([_entry(outcome=None)], WITHHELD),
    "unknown-cause": ([_entry(outcome="newer.cause")], WITHHELD),
    "accepted-since": ([_entry(), _accepted(when="2020-11-28T00:00:00Z")], ["scannable"] * 3),
    "accepted-there-since": (
        [
            _entry(where="127.0.0.2:99"),
            _accepted(where="127.0.0.2:99", when="2020-11-28T00:00:00Z"),
        ],
        ["scannable"] * 3,
    ),
    "accepted-before": (
        [_entry(where="127.0.0.2:99"), _accepted(when="2020-11-01T00:00:00Z")],
        ["scannable", "login.withheld", "scannable"],
    ),
    "accepted-since-by-a-server-that-checked-nothing": (
        [_entry(), _accepted(when="2020-11-28T00:00:00Z", proven=False)],
        WITHHELD,
    ),
    "accepted-since-says-an-earlier-version": (
        [_entry(), _entry(outcome="accepted", when="2020-11-28T00:00:00Z")],
        WITHHELD,
    ),
    "refused-half-a-second-after-it-was-accepted": (
        [
            _entry(where="127.0.0.2:99", when="2020-11-28T00:00:00.500Z"),
            _accepted(where="127.0.0.2:99", when="2020-11-28T00:00:00Z"),
        ],
        ["scannable", "login.withheld", "scannable"],
    ),
    "ambiguous-twice-by-one-agent": ([_entry(ambiguous=True, tries=2)], WITHHELD),
    "ambiguous-twice-by-one-agent-in-two-files": (
        [_entry(ambiguous=True, agent="a"), _entry(ambiguous=True, agent="a", when="2020-11-28T00:00:00Z", tries=2)],
        WITHHELD,
    ),
    "ambiguous-by-one-agent-in-an-older-and-a-newer-file": (
        [_entry(ambiguous=True, agent="a"), _entry(ambiguous=True, agent="a", when="2020-11-28T00:00:00Z")],
        ["scannable"] * 3,
    ),
    "ambiguous-and-another": ([_entry(ambiguous=True), _entry(outcome=None, where="fs8:99")], WITHHELD),
    "ambiguous-by-two-and-one-taken-back": (
        [
            _entry(ambiguous=True, agent="a"),
            _entry(ambiguous=True, agent="b", where="fs8:99"),
            _accepted(where="fs8:99", when="2020-11-28T00:00:00Z"),
        ],
        ["scannable"] * 3,
    ),
    "ambiguous-once": ([_entry(ambiguous=True)], ["scannable"] * 3),
    "ambiguous-once-in-two-files": ([_entry(ambiguous=True)] * 2, ["scannable"] * 3),
    "ambiguous-by-two-agents": (
        [_entry(ambiguous=True), _entry(ambiguous=True, when="2020-11-28T00:00:00Z")],
        WITHHELD,
    ),
    "no-refusal": ([_entry(outcome="access.denied")], ["scannable"] * 3),
}


@pytest.mark.parametrize("case", RULES)
def test_what_other_agents_found_binds_by_the_same_rules(site: Site, case: str) -> None:
    accounts, expected = RULES[case]
    path = site.where / "other.json"
    path.write_text(json.dumps({"accounts": accounts}))
    assert site.causes("--guard", str(path), PW="right") == expected


def test_the_option_overrules_a_file_of_another_agent(site: Site) -> None:
    path = site.where / "other.json"
    path.write_text(json.dumps({"accounts": [_entry()]}))
    assert site.causes("--guard", str(path), "--retry-refused=ad", PW="right") == ["scannable"] * 3


def test_no_secret_and_nothing_of_its_value_is_in_the_journal(site: Site) -> None:
    secret = "hunter2-the-secret"
    site.causes(PW=secret)
    for text in (site.command("credentials").stdout, site.command("credentials", "--json").stdout):
        assert secret not in text
    assert all(secret.encode() not in file.read_bytes() for file in site.where.glob("runs.db*"))


def test_a_store_that_cannot_be_opened_is_warned_of_once(site: Site) -> None:
    (site.where / "runs.db").write_bytes(b"not a database " * 99)
    done = site.command("verify", site.inventory, "--format", "json")
    assert done.stderr.count("this run is not stored") == 1
    assert len(done.stderr.splitlines()) == 1
    assert site.refused == 1


def test_a_file_that_unpacks_to_an_endless_line_is_refused_within_bounds(site: Site) -> None:
    path = site.where / "bomb.scanready"
    path.write_bytes(_gzip(b"0" * (65 << 20)))
    done = site.command("verify", site.inventory, "--guard", str(path))
    assert (done.returncode, "is too large for an export" in done.stderr) == (2, True)
    assert len(done.stderr.splitlines()[-1]) < 300
    assert not site.log.exists()
