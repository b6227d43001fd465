"""Known failures in every format: waived, another failure, no longer needed, past the date."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import jsonschema
import pytest

from scanready.model import Expectation, Report, Standing, Step, Verdict, standing
from scanready.report import FORMATS, new_document
from scanready.report.diff import compare
from scanready.report.document import OwnExitCode, RunInfo, Totals
from scanready.report.ladder import brief, draw
from scanready.report.look import Look
from scanready.report.parse import rejudged, restored
from scanready.report.schema import result_schema
from scanready.report.serialize import as_line
from tests.report.reports import AGENT, HOSTILE, blocked, ready

DAY = datetime.date(2026, 5, 1)
FILTERED = Expectation(Verdict.BLOCKED, "connect.filtered", datetime.date(2026, 12, 31), "CHG-4711")
REFUSED = replace(FILTERED, code="connect.refused")
ENDED = replace(FILTERED, until=datetime.date(2026, 4, 30))


def held(report: Report, expected: Expectation) -> Report:
    """Return the report that the engine makes for a target with a known failure."""
    became = standing(expected, report.verdict, report.cause, report.agent.name, DAY)
    return replace(report, target=replace(report.target, expected=expected), standing=became)


WAIVED = held(blocked("waived"), FILTERED)
DIFFERENT = held(blocked("different"), REFUSED)
MENDED = held(ready("mended"), FILTERED)
OVER = held(blocked("over"), ENDED)
FINE_BUT_OVER = held(ready("fine-but-over"), ENDED)
ALL = (WAIVED, DIFFERENT, MENDED, OVER, FINE_BUT_OVER)


def made(name: str, reports: Sequence[Report], require: str | None = None) -> tuple[str, Any]:
    document, totals = new_document(name, Look(width=160)), Totals(seconds=1.0)
    targets = [report.target for report in reports]
    text = document.begin(
        RunInfo("0.1", AGENT, "2026-05-01T00:00:00.000Z", 10.0, Step.ACCESS, targets, require=require)
    )
    for report in reports:
        totals.add(report)
        text += document.add(report)
    return text + document.end(totals), document


@pytest.mark.parametrize(
    ("report", "became"),
    [
        (WAIVED, Standing.WAIVED),
        (DIFFERENT, Standing.DIFFERENT),
        (held(replace(blocked(), verdict=Verdict.UNDECIDED), FILTERED), Standing.DIFFERENT),
        (held(replace(blocked(), verdict=Verdict.LIMITED), FILTERED), Standing.DIFFERENT),
        (MENDED, Standing.NO_LONGER_NEEDED),
        (held(replace(ready(), verdict=Verdict.SCANNABLE), FILTERED), Standing.NO_LONGER_NEEDED),
        (held(blocked(), replace(FILTERED, until=DAY)), Standing.WAIVED),
        (OVER, Standing.OVER),
        (FINE_BUT_OVER, Standing.OVER),
        (held(blocked(), replace(FILTERED, agents=(AGENT.name,))), Standing.WAIVED),
        (held(blocked(), replace(FILTERED, agents=("another",))), None),
        (held(blocked(), replace(ENDED, agents=("another",))), None),
    ],
    ids=[
        "as-expected", "another-cause", "undecided", "limited", "ready", "scannable", "the-last-day", "past",
        "past-and-fine", "of-this-agent", "of-another-agent", "past-and-of-another-agent",
    ],
)  # fmt: skip
def test_what_becomes_of_it(report: Report, became: Standing | None) -> None:
    assert report.standing is became


@pytest.mark.parametrize("report", ALL, ids=lambda report: report.target.host)
def test_it_is_stored_and_read_back(report: Report) -> None:
    line = as_line(report)
    jsonschema.validate(json.loads(line), result_schema())
    back = restored(json.loads(line))
    assert back.standing is report.standing
    assert back.target.expected == report.target.expected
    assert as_line(back) == line


def test_a_result_that_is_judged_anew_keeps_to_it() -> None:
    assert rejudged(restored(json.loads(as_line(WAIVED)))).standing is Standing.WAIVED
    assert rejudged(restored(json.loads(as_line(OVER)))).standing is Standing.OVER
    better = json.loads(as_line(WAIVED))
    for check in better["checks"]:
        check |= {"outcome": "passed", "cause": None, "detail": None, "fix": None}
        check.pop("also", None)
    better["checks"] += [{**better["checks"][0], "step": "auth"}]
    assert rejudged(restored(better)).standing is Standing.NO_LONGER_NEEDED


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_shows_it(name: str) -> None:
    if name == "prometheus":  # a number, below
        return
    for report in ALL:
        text, _ = made(name, [report])
        words = {
            Standing.WAIVED: ("not counted until 2026-12-31", "waived"),
            Standing.DIFFERENT: ("the inventory expects another failure", "different"),
            Standing.NO_LONGER_NEEDED: ("no longer needed", "no-longer-needed"),
            Standing.OVER: ("ended on 2026-04-30", '"over"'),
        }[report.standing or Standing.OVER]
        assert any(word in text for word in words), (name, report.target.host, text)


def test_the_table_counts_it_apart_and_has_no_remedy_for_it() -> None:
    text = " ".join(made("table", ALL)[0].split())
    assert (
        "1 failure is known and not counted; 2 known failures are past their date; 1 `expect` is no longer needed"
        in text
    )
    assert "blocked (known)" in text
    groups, _, known = text.partition("known failures")
    assert "connect.filtered (network) 2 targets" in groups  # not three
    assert "known failure, not counted until 2026-12-31: CHG-4711" in known
    assert made("table", [WAIVED])[0].count("remedy") == 0


def test_the_ladder_says_it_below_the_verdict() -> None:
    assert "expect known failure, not counted until 2026-12-31: CHG-4711" in " ".join(draw(WAIVED, Look()).split())
    assert "known failure, not counted" in brief(WAIVED, Look(width=200))


def test_nobody_has_anything_to_do_for_it() -> None:
    for name in ("md", "html"):
        text, _ = made(name, [WAIVED])
        page = text.partition('id="scanready-ladder"')[2].partition("<script>")[0] or text
        assert "Remedy" not in page, name
        assert "Known failures" in page, name


def test_the_markdown_table_marks_only_what_is_waived() -> None:
    rows = made("md", ALL)[0].partition("All targets")[2].splitlines()
    assert [("@waived:" in row) for row in rows if "blocked (known) |" in row] == [True]


def test_junit_skips_what_is_waived_and_fails_what_is_past() -> None:
    suite = fromstring(made("junit", ALL)[0])[0]
    cases = {case.get("name", ""): case for case in suite.findall("testcase")}

    def complaint(host: str) -> Element | None:
        (case,) = (case for name, case in cases.items() if f"@{host}:" in name or f"/{host}:" in name)
        return next((child for child in case if child.tag in ("skipped", "failure", "error")), None)

    found = {host: complaint(host) for host in ("waived", "different", "mended", "over")}
    assert {host: one.tag if one is not None else None for host, one in found.items()} == {
        "waived": "skipped",
        "different": "failure",
        "mended": None,
        "over": "failure",
    }
    assert "not counted until 2026-12-31: CHG-4711" in str(
        found["waived"].get("message") if found["waived"] is not None else ""
    )
    fine = next(case for name, case in cases.items() if "fine-but-over" in name)
    assert fine.find("failure") is not None
    assert (suite.get("failures"), suite.get("skipped")) == ("3", "1")


@pytest.mark.parametrize(
    ("report", "code", "words"),
    [
        (WAIVED, 0, "SCANREADY OK - postgresql://er@waived:5432/hr is blocked; known failure, not counted until"),
        (
            DIFFERENT,
            2,
            "SCANREADY CRITICAL - postgresql://er@different:5432/hr is blocked; counted, as the inventory expects",
        ),
        (MENDED, 0, "SCANREADY OK - mysql://mended:3306 is ready; `expect` is no longer needed"),
        (OVER, 2, "SCANREADY CRITICAL - "),
        (FINE_BUT_OVER, 2, "SCANREADY CRITICAL - mysql://fine-but-over:3306 is ready; `expect` ended on 2026-04-30"),
    ],
    ids=["waived", "different", "mended", "over", "fine-but-over"],
)
def test_nagios_is_ok_with_text(report: Report, code: int, words: str) -> None:
    text, document = made("nagios", [report])
    assert isinstance(document, OwnExitCode)
    assert document.exit_code == code
    assert text.startswith(words)


def test_nagios_counts_it_under_require_too() -> None:
    limited = held(replace(blocked(), verdict=Verdict.LIMITED), replace(FILTERED, verdict=Verdict.LIMITED))
    assert made("nagios", [limited], "scannable")[1].exit_code == 0
    text, document = made("nagios", [WAIVED, replace(ready("other"), verdict=Verdict.READY)])
    assert document.exit_code == 0
    assert "1 failure is known and not counted" in text


@pytest.mark.parametrize(
    ("metric", "hosts"),
    [
        ("scanready_waived", ["waived"]),
        ("scanready_expect_other", ["different"]),
        ("scanready_expect_not_needed", ["mended"]),
        ("scanready_expect_over", ["over", "fine-but-over"]),
    ],
)
def test_prometheus_has_a_metric_for_each_state_of_a_known_failure(metric: str, hosts: list[str]) -> None:
    text, _ = made("prometheus", ALL)
    assert f"# HELP {metric} " in text
    samples = [line for line in text.splitlines() if line.startswith(f"{metric}{{")]
    assert len(samples) == len(hosts)
    for sample, host in zip(samples, hosts, strict=True):
        assert f'host="{host}"' in sample
        assert sample.endswith(" 1")


def test_csv_and_json_have_it_in_fields() -> None:
    rows = list(csv.DictReader(io.StringIO(made("csv", ALL)[0].lstrip("\ufeff"))))
    assert [row["standing"] for row in rows] == ["waived", "different", "no-longer-needed", "over", "over"]
    assert "CHG-4711" in rows[0]["expected"]
    whole = json.loads(made("json", ALL)[0])
    jsonschema.validate(whole, result_schema())
    assert whole["summary"]["known"] == {"waived": 1, "different": 1, "no-longer-needed": 1, "over": 2}
    assert "standing" not in json.loads(as_line(blocked()))


def test_a_reason_is_written_harmlessly() -> None:
    report = held(blocked("waived"), replace(FILTERED, reason=HOSTILE))
    for name in sorted(FORMATS):
        text, _ = made(name, [report])
        assert "\x1b" not in text, name
        assert "\u202e" not in text, name
        if name == "html":
            assert "<b>[red]" not in text


def test_a_known_failure_that_comes_is_no_regression() -> None:
    before = [ready("waived", "postgresql")]
    before[0].target = replace(WAIVED.target, expected=None)
    found = compare(before, [WAIVED])
    assert found.regressions == 0
    assert [change.after.verdict for change in found.verdicts] == [Verdict.BLOCKED]
    assert compare(before, [replace(WAIVED, standing=None)]).regressions == 1
