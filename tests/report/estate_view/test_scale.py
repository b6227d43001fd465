"""Rows are streamed: the memory of a view does not grow with the number of results."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Iterator

import pytest

from scanready.model import Agent, Report
from scanready.report import new_estate_document
from scanready.report.estate import EstateTotals, EstateView
from scanready.report.look import Look
from tests.report.estate import many

_AGENTS = tuple(Agent(f"proxy-{number:02}", "Linux", (f"10.0.1.{number}",)) for number in range(3))


def peak(name: str, targets: int) -> int:
    """Return the most bytes in use while a view of so many targets is written."""

    def results() -> Iterator[Report]:
        for report in many(targets, 11):
            yield from (dataclasses.replace(report, agent=agent) for agent in _AGENTS)

    tracemalloc.start()
    try:
        view = EstateView(results)
        document, totals = new_estate_document(name, Look()), EstateTotals.of(view.info)
        document.begin(view.info)
        for row in view.rows():
            totals.add(row)
            document.add(row)
        assert totals.targets == targets
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["table", "json", "jsonl"])
def test_a_target_more_takes_less_than_a_result(name: str) -> None:
    peak(name, 10)  # imports and caches
    growth = (peak(name, 240) - peak(name, 120)) / 120
    assert growth < 1500  # bytes a target; the three results of a target have some 8,000 as JSON
