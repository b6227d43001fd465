"""A failure is known for the estate only if it is known for every agent of the target."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from scanready.causes import common
from scanready.cli.job.exit_code import Judge
from scanready.model import Expectation, Report, Standing, Step, Target, Verdict
from scanready.report.estate import EstateTotals, EstateView
from tests.report.estate_view import lab

WAIVED, OVER, DIFFERENT, GONE = Standing.WAIVED, Standing.OVER, Standing.DIFFERENT, Standing.NO_LONGER_NEEDED
KNOWN = Expectation(Verdict.BLOCKED, "connect.filtered", datetime.date(2027, 1, 1), "CHG-4711")
TARGET = dataclasses.replace(lab.LONELY, expected=KNOWN)


def filtered(agent: str, standing: Standing | None) -> Report:
    return dataclasses.replace(lab.of(agent, TARGET, Step.CONNECT, common.FILTERED), standing=standing)


def ready(agent: str, standing: Standing | None) -> Report:
    return dataclasses.replace(lab.of(agent, TARGET, Step.AUTH), standing=standing)


def bound(agent: str, standing: Standing | None) -> Report:
    """A refused account, which binds every agent."""
    return dataclasses.replace(lab.of(agent, TARGET, Step.LOGIN, common.LOGIN_REFUSED), standing=standing)


CASES: dict[str, tuple[list[Report], Standing | None, int]] = {
    "known for both": ([filtered("a", WAIVED), filtered("b", WAIVED)], WAIVED, 0),
    "known for one only": ([filtered("a", WAIVED), filtered("b", None)], None, 1),
    "known for one, the other scans": ([filtered("a", WAIVED), ready("b", None)], None, 0),
    "known for the one that overrules": ([bound("a", WAIVED), ready("b", GONE)], WAIVED, 0),
    "another failure": ([filtered("a", DIFFERENT), filtered("b", WAIVED)], DIFFERENT, 1),
    "past its date": ([ready("a", OVER), ready("b", None)], OVER, 1),
    "no longer needed": ([ready("a", GONE), ready("b", GONE)], GONE, 0),
    "no longer needed for one only": ([ready("a", GONE), filtered("b", WAIVED)], None, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_the_standing_of_the_estate_decides_the_exit_code(name: str) -> None:
    reports, standing, code = CASES[name]
    view = EstateView(reports.copy)
    (row,) = view.rows()
    totals, judge = EstateTotals.of(view.info), Judge()
    totals.add(row)
    judge.add_estate(row.verdict.verdict, row.standing)
    assert (row.standing, judge.code) == (standing, code)
    assert totals.known == ({standing: 1} if standing else {})


def test_a_missing_result_is_no_known_failure() -> None:
    both: Target = dataclasses.replace(TARGET, agents=("a", "b"))
    one = dataclasses.replace(filtered("a", WAIVED), target=both)
    (row,) = EstateView([one].copy).rows()
    assert (row.standing, row.verdict.verdict) == (None, Verdict.UNDECIDED)
