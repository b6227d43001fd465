"""A result that is stored keeps its line for the outputs: in itself, so that nothing of one run is left to another."""

from __future__ import annotations

import dataclasses
import json

from scanready.model import Report
from scanready.report import serialize
from scanready.report.serialize import KeptReport, as_line
from tests.report.estate import many


def test_a_kept_result_is_the_same_and_has_its_line() -> None:
    (report,) = many(1, 1)
    kept = KeptReport.of(report)
    assert {one.name: getattr(kept, one.name) for one in dataclasses.fields(Report)} == {
        one.name: getattr(report, one.name) for one in dataclasses.fields(Report)
    }
    assert as_line(kept) is kept.line
    assert kept.line == as_line(report)


def test_a_changed_copy_has_a_line_of_its_own() -> None:
    kept = KeptReport.of(next(iter(many(1, 1))))
    changed = dataclasses.replace(kept, seconds=987.0)
    assert json.loads(as_line(changed))["seconds"] == 987.0


def test_a_line_that_is_dropped_is_made_again() -> None:
    kept = KeptReport.of(next(iter(many(1, 1))))
    line = kept.line
    kept.drop()
    assert (kept.line, as_line(kept)) == ("", line)


def test_the_module_keeps_nothing() -> None:
    assert [name for name, value in vars(serialize).items() if isinstance(value, dict) and name[:2] != "__"] == []
