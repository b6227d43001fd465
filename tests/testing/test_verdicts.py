"""How a report becomes a test's outcome, and what a failed test says."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from scanready.catalogue.wrong import Wrong
from scanready.causes import common
from scanready.inventory import Expectation
from scanready.inventory.expected import expectation
from scanready.model import Check, Finding, Outcome, Report, Step, Verdict
from scanready.testing import CheckedReport
from scanready.testing.verdicts import Ending, conclude, held_against
from tests.report.reports import HOSTILE, SECRET, blocked, ready

TODAY = datetime.date(2026, 5, 1)


def having(verdict: Verdict) -> Report:
    if verdict in (Verdict.BLOCKED, Verdict.LIMITED, Verdict.UNDECIDED):
        return replace(blocked(), verdict=verdict)
    return replace(ready(), verdict=verdict)


def expected(until: str, code: str = "connect.filtered", verdict: Verdict = Verdict.BLOCKED) -> Expectation:
    return Expectation(verdict, code, datetime.date.fromisoformat(until), "CHG-4711")


@pytest.mark.parametrize(
    ("verdict", "passes"),
    [
        (Verdict.SCANNABLE, (None, "ready", "scannable")),
        (Verdict.READY, (None, "ready")),
        (Verdict.LIMITED, (None,)),
        (Verdict.BLOCKED, ()),
        (Verdict.UNDECIDED, ()),
    ],
)
def test_what_passes(verdict: Verdict, passes: tuple[str | None, ...]) -> None:
    found = {require: conclude(having(verdict), require, TODAY).ending for require in (None, "ready", "scannable")}
    assert found == {
        require: Ending.PASSED if require in passes else Ending.FAILED for require in (None, "ready", "scannable")
    }


def test_a_failure_is_the_ladder_and_the_remedy() -> None:
    text = conclude(blocked(), "ready", TODAY).text
    assert text.startswith(
        "postgresql://er@db7:5432/hr is blocked by connect.filtered (network); wanted: ready or scannable\n"
    )
    assert "✓  resolve" in text
    assert "✗  connect" in text
    assert "remedy " in text
    assert "tcp dport 5432 accept" in text
    assert SECRET not in text


def test_undecided_is_no_pass_and_says_so() -> None:
    text = conclude(having(Verdict.UNDECIDED), None, TODAY).text
    assert text.startswith(
        "postgresql://er@db7:5432/hr is undecided (connect.filtered, network): it is unknown whether a scan would "
        "work, so the test does not pass; wanted: scannable, ready or limited\n"
    )


def test_ready_says_why_no_login_was_tried() -> None:
    report = ready()
    report.checks.append(Check(Step.LOGIN, "db8:3306", Outcome.SKIPPED, "no credential was given"))
    text = conclude(report, "scannable", TODAY).text
    assert text.startswith("mysql://db8:3306 is ready (no login: no credential was given); wanted: scannable\n")


def test_what_targets_say_is_harmless() -> None:
    text = conclude(blocked(detail=HOSTILE), None, TODAY).text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b" in text


@pytest.mark.parametrize("today", [TODAY, datetime.date(2026, 5, 2)], ids=["the-day-before", "the-last-day"])
def test_an_expected_failure(today: datetime.date) -> None:
    found = conclude(held_against(blocked(), expected("2026-05-02"), today), None, today)
    assert found.ending is Ending.EXPECTED
    assert found.text == "blocked by connect.filtered; known failure, not counted until 2026-05-02: CHG-4711"
    assert found.warning == "1 known failure counts again soon: postgresql://er@db7:5432/hr (until 2026-05-02)"


def test_a_failure_that_is_expected_for_long_warns_of_nothing() -> None:
    assert conclude(held_against(blocked(), expected("2026-05-16"), TODAY), None, TODAY).warning == ""
    assert conclude(held_against(blocked(), expected("2026-05-15"), TODAY), None, TODAY).warning != ""


@pytest.mark.parametrize(
    ("report", "expectation_", "says"),
    [
        (blocked(), expected("2026-04-30"), "`expect` ended on 2026-04-30 (blocked by connect.filtered, CHG-4711)"),
        (ready(), expected("2026-04-30"), "`expect` ended on 2026-04-30"),
        (
            blocked(),
            expected("2026-12-31", "connect.refused"),
            "counted, as the inventory expects another failure (blocked by connect.refused, CHG-4711)",
        ),
        (having(Verdict.UNDECIDED), expected("2026-12-31"), "is undecided"),
    ],
    ids=["past-its-date", "past-its-date-and-fine", "another-cause", "another-verdict"],
)
def test_an_expectation_that_does_not_hold(report: Report, expectation_: Expectation, says: str) -> None:
    found = conclude(held_against(report, expectation_, TODAY), None, TODAY)
    assert found.ending is Ending.FAILED
    assert says in found.text.splitlines()[0]


def test_an_expectation_that_is_no_longer_needed_passes_and_is_told() -> None:
    found = conclude(held_against(ready(), expected("2026-12-31"), TODAY), None, TODAY)
    assert found.ending is Ending.PASSED
    assert found.warning == (
        "mysql://db8:3306: `expect` is no longer needed (blocked by connect.filtered, CHG-4711): remove it from the "
        "inventory"
    )


def test_an_expectation_as_it_is_written() -> None:
    read = expectation({"limited": "tls.expired", "until": "2026-12-31", "reason": "renewal under way"})
    assert read == Expectation(Verdict.LIMITED, "tls.expired", datetime.date(2026, 12, 31), "renewal under way")
    assert expectation({"blocked": "echo.none", "until": TODAY}, any_cause=True).until == TODAY
    with pytest.raises(Wrong, match="`until` must be a day"):
        expectation({"blocked": "connect.filtered", "until": datetime.datetime(2026, 12, 31, tzinfo=datetime.UTC)})


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("connect.filtered", "must be a mapping"),
        ({"blocked": "connect.filtered"}, "`until` is missing"),
        ({"blocked": "connect.filtered", "until": "soon"}, "`until` must be a day"),
        ({"blocked": "connect.filterd", "until": "2026-12-31"}, "did you mean `connect.filtered`?"),
        ({"until": "2026-12-31"}, "one of `blocked`, `limited` and `undecided`"),
        ({"blocked": "connect.filtered", "limited": "tls.expired", "until": "2026-12-31"}, "one of `blocked`"),
        ({"blocked": "connect.filtered", "until": "2026-12-31", "raeson": "x"}, "did you mean `reason`?"),
    ],
)
def test_an_expectation_that_cannot_be_read(entry: object, says: str) -> None:
    with pytest.raises(Wrong) as caught:
        expectation(entry)
    assert any(says in message for message in caught.value.messages)


def test_assertions() -> None:
    good, bad = CheckedReport.of(replace(ready(), verdict=Verdict.SCANNABLE)), CheckedReport.of(blocked())
    assert good.assert_scannable() is good
    assert good.assert_ready() is good
    assert CheckedReport.of(ready()).assert_ready()
    assert bad.assert_blocked() is bad
    assert bad.assert_blocked("connect.filtered") is bad
    assert CheckedReport.of(having(Verdict.LIMITED)).assert_limited("connect.filtered")
    assert CheckedReport.of(having(Verdict.UNDECIDED)).assert_undecided("connect.filtered")
    for fails in (
        bad.assert_scannable,
        bad.assert_ready,
        bad.assert_limited,
        good.assert_blocked,
        CheckedReport.of(ready()).assert_scannable,
        CheckedReport.of(having(Verdict.UNDECIDED)).assert_ready,
        CheckedReport.of(having(Verdict.UNDECIDED)).assert_blocked,
    ):
        with pytest.raises(AssertionError, match="; wanted: "):
            fails()
    with pytest.raises(
        AssertionError, match=r"is blocked by connect.filtered \(network\); wanted: blocked by tls.expired"
    ):
        bad.assert_blocked("tls.expired")


def test_a_checked_report_is_a_report() -> None:
    plain = blocked()
    checked = CheckedReport.of(plain)
    assert isinstance(checked, Report)
    assert checked.cause is plain.cause
    assert checked.checks is plain.checks
    assert repr(checked) == "<postgresql://db7:5432 blocked by connect.filtered>"
    assert SECRET not in repr(checked)
    assert Finding(common.FILTERED, "no answer") in [
        replace(check.finding, fix=None) for check in plain.checks[1:3] if check.finding
    ]
