"""Each target of a run has one unique name, which every output uses."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from scanready.inventory import parse_target
from scanready.model import Report, Step
from scanready.report.diff import compare
from scanready.report.diff_formats import markdown, table
from scanready.report.document import RunInfo, Totals
from scanready.report.ladders import Ladder
from scanready.report.look import Look
from scanready.report.story import tell
from scanready.run.target_name import name_of
from tests.embedded_run import run_in
from tests.report.estate import document
from tests.report.reports import blocked, ready

#: Each differs from the first in one thing, or in a value that is as long as values are.
URLS = (
    "postgresql://db7/hr",
    "postgresql://db7/payroll",
    "postgresql://er@db7/hr",
    "postgresql://db7:5433/hr",
    "postgresql://db7/" + "x" * 3000 + "1",
    "postgresql://db7/" + "x" * 3000 + "2",
    "smb://fs01/finance",
    "smb://fs01/finance/2025",
    "mssql://sql1/HR",
    "mssql://sql1/PAYROLL",
)


def of_each(made: Report) -> list[Report]:
    return [replace(made, target=parse_target(url)[0]) for url in URLS]


NAMES = [name_of(report.target) for report in of_each(blocked())]


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(URLS)


@pytest.mark.parametrize("kind", ["table", "json", "jsonl", "html", "md", "csv", "junit", "prometheus", "tap", "sarif"])
def test_a_format_of_a_run(kind: str) -> None:
    text = document(kind, of_each(blocked())).replace("&amp;", "&")
    if kind == "html":  # the results in it are packed
        text += run_in(text)
    flat = "".join(text.split())
    assert not [name for name in NAMES if name not in flat]


def test_junit_has_no_test_case_twice() -> None:
    lines = [line for line in document("junit", of_each(blocked())).splitlines() if "<testcase" in line]
    assert len(lines) == len(URLS)
    assert len({line.partition(' name="')[2].partition('"')[0] for line in lines}) == len(URLS)


def drawn(kind: str, report: Report) -> str:
    if kind == "nagios":
        return document(kind, [report])
    ladder = Ladder(Look(100))
    ladder.begin(RunInfo("0", report.agent, "", 10, Step.ACCESS, [report.target], {}))
    return ladder.add(report) + ladder.end(Totals(Counter([report.verdict]), 2.0))


@pytest.mark.parametrize("kind", ["ladder", "nagios"])
def test_a_target_alone(kind: str) -> None:
    for report, name in zip(of_each(blocked()), NAMES, strict=True):
        assert name in "".join(drawn(kind, report).split())


def test_a_ticket() -> None:
    for report, name in zip(of_each(blocked()), NAMES, strict=True):
        request = tell(report).request
        assert request is not None
        assert name in request.text


def test_a_comparison_of_two_runs() -> None:
    found = compare(of_each(ready()), of_each(blocked()))
    assert len(found.failures) == len(URLS)
    assert not [name for name in NAMES if name not in markdown(found, ("a", "b"))]
    text = table(found, ("a", "b"), Look(8000))
    assert not [name for name in NAMES if name not in text]
