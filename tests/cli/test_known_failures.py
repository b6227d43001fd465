"""`expect:` on the command line: exit codes, standard error, and the commands that read a stored run."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import plugin

TODAY = datetime.datetime.now(datetime.UTC).date()
LONG, SOON, PAST = (str(TODAY + datetime.timedelta(days=days)) for days in (60, 7, -1))


def run(where: Path, *arguments: str) -> Any:
    return plugin.run(where, arguments, {})


def estate(where: Path, *entries: str) -> str:
    """An inventory of these entries, each the mood of a host and its known failure."""
    lines = [f"  - {{host: 127.0.0.{n}, port: 99, type: mood, {entry}}}" for n, entry in enumerate(entries, 1)]
    (where / "estate.yaml").write_text("\n".join(["agent: {name: proxy-nyc}", "targets:", *lines, ""]))
    return str(where / "estate.yaml")


@pytest.mark.parametrize(
    ("entry", "require", "code"),
    [
        (f"is: refused, expect: {{blocked: connect.refused, until: {LONG}}}", None, 0),
        (f"is: refused, expect: {{blocked: connect.refused, until: {LONG}}}", "scannable", 0),
        (f"is: limited, expect: {{limited: tls.expired, until: {LONG}}}", "ready", 0),
        (f"is: throttled, expect: {{undecided: handshake.throttled, until: {LONG}}}", None, 0),
        (f"is: refused, expect: {{blocked: connect.refused, until: {TODAY}}}", None, 0),
        (f"is: refused, expect: {{blocked: connect.filtered, until: {LONG}}}", None, 1),
        (f"is: throttled, expect: {{blocked: handshake.throttled, until: {LONG}}}", None, 3),
        (f"is: ready, expect: {{blocked: connect.refused, until: {LONG}}}", None, 0),
        (f"is: refused, expect: {{blocked: connect.refused, until: {PAST}}}", None, 1),
        (f"is: ready, expect: {{blocked: connect.refused, until: {PAST}}}", None, 1),
        (f"is: refused, expect: {{blocked: connect.refused, until: {LONG}, agents: [proxy-nyc]}}", None, 0),
        (f"is: refused, expect: {{blocked: connect.refused, until: {LONG}, agents: [proxy-rome]}}", None, 1),
        (f"is: ready, expect: {{blocked: connect.refused, until: {PAST}, agents: proxy-rome}}", None, 0),
    ],
    ids=[
        "waived", "waived-under-require", "a-warning-under-require", "undecided", "the-last-day", "another-cause",
        "another-verdict", "no-longer-needed", "past", "past-and-fine", "of-this-agent", "of-another-agent",
        "past-and-of-another-agent",
    ],
)  # fmt: skip
def test_the_exit_code_of_a_run_and_of_its_report(plugins: Path, entry: str, require: str | None, code: int) -> None:
    more = ["--require", require] if require else []
    done = run(plugins, "verify", estate(plugins, entry), *more)
    assert done.returncode == code, done.stdout + done.stderr
    assert run(plugins, "report", "last", *more).returncode == code


def test_what_ends_soon_is_one_line_on_standard_error(plugins: Path) -> None:
    known = [f"is: refused, expect: {{blocked: connect.refused, until: {day}, reason: CHG-1}}" for day in (SOON, LONG)]
    done = run(plugins, "verify", estate(plugins, *known), "--format", "jsonl")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        f"scanready: 1 known failure counts again soon: mood://127.0.0.1:99?is=refused (until {SOON})"
    ]
    assert [json.loads(line)["standing"] for line in done.stdout.splitlines()] == ["waived", "waived"]
    quiet = run(plugins, "verify", estate(plugins, *known), "--format", "jsonl", "-q")
    assert quiet.stderr == done.stderr
    done = run(plugins, "verify", estate(plugins, known[1]))
    assert done.stderr == ""


def test_a_known_failure_is_not_checked_again_as_a_failed_one(plugins: Path) -> None:
    path = estate(
        plugins,
        f"is: refused, expect: {{blocked: connect.refused, until: {LONG}}}",
        f"is: refused, expect: {{blocked: connect.filtered, until: {LONG}}}",
    )
    assert run(plugins, "verify", path).returncode == 1
    done = run(plugins, "verify", path, "--failed-from", "last", "--no-store", "--format", "jsonl")
    assert [json.loads(line)["target"]["host"] for line in done.stdout.splitlines()] == ["127.0.0.2"]


def test_waiting_is_over_once_what_is_left_is_known(plugins: Path) -> None:
    path = estate(plugins, f"is: refused, expect: {{blocked: connect.refused, until: {LONG}}}")
    done = run(plugins, "verify", path, "--wait", "600", "--format", "jsonl")
    assert done.returncode == 0
    assert json.loads(done.stdout)["footprint"]["connections"] <= 1


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        ("{blocked: connect.refused}", "`until` is missing"),
        ("{blocked: connect.refused, until: 2026-02-30}", "`until`: there is no day `2026-02-30` in the calendar"),
        ("{blocked: connect.refused, until: soon}", "`until` must be a day in the form YYYY-MM-DD, such as 2026-12-31"),
        ("{blocked: connect.refused, until: 2999-01-01, agents: []}", "`agents` must be a list of agent names"),
        ("{blocked: connect.refused, until: 2999-01-01, agents: 7}", "`agents` must be a list of agent names"),
        ("{blocked: connect.refused, until: 2999-01-01, agent: x}", "unknown key `agent`; did you mean `agents`?"),
        ("{until: 2999-01-01}", "write one of `blocked`, `limited` and `undecided`"),
    ],
    ids=["no-date", "no-such-day", "no-date-at-all", "no-agents", "a-number", "misspelt", "no-verdict"],
)
def test_what_is_wrong_is_one_line_with_its_place(plugins: Path, expect: str, says: str) -> None:
    done = run(plugins, "verify", estate(plugins, f"is: ready, expect: {expect}"))
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"scanready: {plugins}/estate.yaml:3:")
    assert says in line
