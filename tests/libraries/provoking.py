"""Shared by the tests of the libraries: provoke a row, and compare its report."""

from __future__ import annotations

from collections.abc import Callable

from scanready.model import Owner, Report
from tests.ladder import finding_of, story
from tests.libraries.table import OWN, WIRE, Row

ROWS: dict[str, Row] = {row.key: row for row in OWN + WIRE}
#: A peer and a climb to it.
Provoke = Callable[[], Report]


def demand(key: str, report: Report) -> None:
    """Assert that the report of a climb is that of the row; a limit is ours, and the detail has the library's words."""
    row = ROWS[key]
    code = report.finding.cause.code if report.finding else ""
    shown = f"{report.verdict}: {code}" if code else str(report.verdict)
    assert shown == row.reported, story(report)
    if code == "scanready.limit":
        finding = finding_of(report)
        assert finding.cause.owner is Owner.SCANREADY
        assert finding.fix is None, "nobody is handed a fix for a limit of ours"
        assert finding.detail, "in words"
