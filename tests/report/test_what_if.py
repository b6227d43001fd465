"""``report --assume``: what is left after a change, which is never taken for a measurement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scanready.catalogue.wrong import Wrong
from scanready.causes import common
from scanready.cli import group
from scanready.cli.commands.report import command
from scanready.model import Check, Finding, Outcome, Report, Step, Target, Verdict
from scanready.report.parse import NotAResult, rejudged, restored
from scanready.report.plain_result import is_plain
from scanready.report.serialize import as_line
from scanready.report.what_if import assumed, assumption
from tests.report.reports import AGENT, blocked, ready

OPEN = "open=db7:5432/tcp"


def failed(step: Step, cause: object, endpoint: str, outcome: Outcome = Outcome.FAILED) -> Check:
    return Check(step, endpoint, outcome, "measured words", {}, Finding(cause, "evidence"))  # type: ignore[arg-type]


def of(target: Target, *checks: Check) -> Report:
    """A report with the verdict of its checks."""
    return rejudged(replace(ready(), target=target, checks=list(checks)))


def windows() -> Report:
    checks = [Check(step, "w1:135", Outcome.PASSED, "holds") for step in (Step.CONNECT, Step.HANDSHAKE, Step.AUTH)]
    return of(Target("w1", "windows", 135), failed(Step.AGENT, common.PLATFORM_MISMATCH, AGENT.name), *checks)


def expired() -> Report:
    checks = [Check(step, "web:443", Outcome.PASSED, "holds") for step in (Step.CONNECT, Step.AUTH, Step.ACCESS)]
    warned = failed(Step.TLS, common.TLS_EXPIRED, "web:443", Outcome.WARNED)
    return of(Target("web", "https", 443), checks[0], warned, *checks[1:])


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (blocked(), OPEN),
        (blocked(), "open=10.0.0.7:5432/tcp"),
        (blocked(), "open=DB7.:5432/tcp"),
        (windows(), "agent=windows"),
        (expired(), "valid-certificate"),
    ],
)
def test_what_is_behind_an_assumption_is_undecided(report: Report, text: str) -> None:
    left = assumed(report, [assumption(text)])
    assert (left.verdict, left.cause and left.cause.code) == (Verdict.UNDECIDED, "scanready.assumed")
    assert report.verdict in (Verdict.BLOCKED, Verdict.LIMITED), "the report itself is unchanged"
    changed = [check for check in left.checks if check.summary.startswith(f"assumed ({text}); measured: ")]
    assert changed
    assert all(check.finding is None and check.outcome is Outcome.SKIPPED for check in changed)


OTHERS = ["open=db7:5433/tcp", "open=db7:5432/udp", "open=db8:5432/tcp", "agent=windows", "valid-certificate"]


@pytest.mark.parametrize("text", OTHERS)
def test_an_assumption_that_removes_nothing_leaves_the_report(text: str) -> None:
    report = blocked()
    assert assumed(report, [assumption(text)]) is report
    good = ready()
    assert assumed(good, [assumption(text)]) is good


def test_another_cause_is_still_in_the_way() -> None:
    report = windows()
    report = of(report.target, *report.checks, failed(Step.CONNECT, common.FILTERED, "w1:49664"))
    left = assumed(report, [assumption("agent=windows")])
    assert (left.verdict, left.cause) == (Verdict.BLOCKED, common.FILTERED)
    told = [check.finding.cause.code for check in left.checks if check.finding]
    assert told == [common.FILTERED.code], "no word says that nothing else is in the way"
    with pytest.raises(NotAResult, match="rests on an assumption"):
        restored(json.loads(as_line(left)))
    both = assumed(report, [assumption("agent=windows"), assumption("open=w1:49664/tcp")])
    assert (both.verdict, both.cause and both.cause.code) == (Verdict.UNDECIDED, "scanready.assumed")
    refused = of(report.target, failed(Step.CONNECT, common.REFUSED, "w1:135"))
    assert assumed(refused, [assumption("open=w1:135/tcp")]) is refused, "no rule starts a service"


NONE = ["", "open", "open=", "open=db7", "open=db7:0/tcp", "open=db7:5432", "open=db7:99999/tcp", "open=db7:5432/sctp"]
NONE += [
    "open=:5432/tcp",
    "open=fe80::1:5432:x/tcp",
    "agent=amiga",
    "agent",
    "valid-certificate=1",
    "\x1b[2J",
    "x" * 9999,
]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_assumption_says_what_to_write(text: str) -> None:
    with pytest.raises(Wrong) as raised:
        assumption(text)
    assert "\x1b" not in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    path.write_text("".join(as_line(report) + "\n" for report in (blocked(), windows(), expired(), ready())))
    return path


def asked(path: Path, *words: str) -> Result:
    return CliRunner().invoke(command, [str(path), *words])


ASSUMED = ("--assume", OPEN, "--assume", "agent=windows", "--assume", "valid-certificate")
FORMATS = ("table", "json", "jsonl", "csv", "junit", "html", "md", "tap", "github")


@pytest.mark.parametrize("format_", FORMATS)
def test_no_format_takes_it_for_a_measurement(stored: Path, format_: str) -> None:
    measured, left = asked(stored, "--format", format_), asked(stored, "--format", format_, *ASSUMED)
    assert left.exit_code == measured.exit_code == 1, "the exit code is that of the measurement"
    assert "scanready.assumed" in left.output
    assert "scanready.assumed" not in measured.output
    if format_ in ("table", "html", "md"):
        assert "assumed, not measured: " in left.output


def test_json_has_the_assumptions_and_good_results_stay(stored: Path) -> None:
    document = json.loads(asked(stored, "--format", "json", *ASSUMED).stdout)
    assert document["run"]["assumed"] == [OPEN, "agent=windows", "valid-certificate"]
    assert [result["verdict"] for result in document["results"]] == ["undecided"] * 3 + ["ready"]
    assert document["summary"]["verdicts"]["ready"] == 1
    assert "assumed" not in json.loads(asked(stored, "--format", "json").stdout)["run"]


@pytest.mark.parametrize("format_", ["json", "jsonl"])
def test_it_is_not_read_back_as_a_measurement(stored: Path, format_: str) -> None:
    file = stored.with_name(f"assumed.{format_}")
    file.write_text(asked(stored, "--format", format_, *ASSUMED).stdout)
    for words in (["report", str(file)], ["merge", str(file), "--max-age", "9999d", "--store", f"{file}.db"]):
        done = CliRunner().invoke(group, [*words, "--format", "json"])
        assert "it rests on an assumption (`report --assume`) and is no measurement" in done.output, done.output
        assert '"scanready.assumed"' not in done.output
    assert CliRunner().invoke(group, ["report", str(file)]).exit_code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--format", "prometheus"], "prometheus is read as a measurement"),
        (["--format", "nagios"], "nagios is read as a measurement"),
        (["--report", "sarif=x.sarif"], "sarif is read as a measurement"),
        (["--split", "owner=x"], "--assume and --split cannot be combined"),
        (["--export", "x.scanready"], "--assume and --export cannot be combined"),
        (["--assume", "opne=db7:1/tcp"], "`opne=db7:1/tcp` is no assumption"),
    ],
)
def test_what_would_be_taken_for_a_measurement_is_refused(stored: Path, words: Sequence[str], told: str) -> None:
    done = asked(stored, "--assume", OPEN, *words)
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())


def test_one_that_keeps_a_cause_is_not_merged_either(tmp_path: Path) -> None:
    """Its verdict is that of a measurement; what was left out of it is not. The same ladder was sound before."""
    report = windows()
    report = of(report.target, *report.checks, failed(Step.CONNECT, common.FILTERED, "w1:49664"))
    left = assumed(report, [assumption("agent=windows")])
    measured = replace(
        left,
        target=Target("w2", "windows", 135),
        checks=[replace(check, facts={}) for check in left.checks],
    )
    file = tmp_path / "run.jsonl"
    file.write_text("".join(as_line(one) + "\n" for one in (measured, left)))
    line = json.loads(as_line(left))
    assert is_plain(json.loads(as_line(measured)), line["agent"])
    assert not is_plain(line, line["agent"]), "the quick check leaves it to the full one"
    for words in (["report", str(file)], ["merge", str(file), "--max-age", "9999d", "--store", f"{file}.db"]):
        done = CliRunner().invoke(group, [*words, "--format", "jsonl"])
        assert "it rests on an assumption" in done.output, (words, done.output)
        assert '"host":"w1"' not in done.stdout
