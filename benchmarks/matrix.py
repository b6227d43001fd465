"""Measure the HTML report of a large estate view: its size, and the time to open and filter it in a browser.

    python -m benchmarks.matrix [--targets N] [--agents N] [--details N] [--keep FILE]

Writes the page of made-up results of many agents and opens it in headless Chromium. Prints the time to write and to
open it, its longest task, its DOM nodes, and the time of filters and of scrolling. Absolute figures depend on the
machine. 800,000 results are ``--targets 23200 --agents 41``; the last agent has none.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from benchmarks.page import measure
from scanready.report import new_estate_document
from scanready.report.estate import EstateTotals
from scanready.report.look import Look
from tests.report.estate_view.many import view_of

ACTIONS = {
    "filter by estate verdict": "byId('verdict').value = 'blocked'; draw();",
    "filter by site": "byId('reset').click(); byId('site').value = 'lon'; draw();",
    "filter by agent and cause": "byId('agent').value = '1'; byId('cause').value = 'agent:tls.expired'; draw();",
    "clear": "byId('reset').click();",
    "agents disagree": "byId('agreement').value = 'disagree'; draw();",
    "search for a name": "byId('reset').click(); byId('text').value = 'host-0042'; draw();",
    "sort by name": "byId('text').value = ''; byId('order').value = 'name'; draw();",
    "scroll to the end": "byId('grid').scrollTop = 1e9; drawRows();",
    "open a result": "showCell(grid.rows.length - 9, 1);",
    "open an agent": "byId('detail').close(); showAgent(1);",
}


def write(file: Path, targets: int, agents: int, details: int) -> tuple[int, float, float]:
    """Write a page; return its results, the seconds for all rows, and those of them that made the page."""
    began = time.perf_counter()
    view, results, took = view_of(targets, agents, details), 0, 0.0
    document, totals = new_estate_document("html", Look()), EstateTotals.of(view.info)
    with file.open("w", encoding="utf-8") as out:
        out.write(document.begin(view.info))
        for row in view.rows():
            totals.add(row)
            results += len(row.reports)
            at = time.perf_counter()
            out.write(document.add(row))
            took += time.perf_counter() - at
        out.write(document.end(totals))
    return results, time.perf_counter() - began, took


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=2000)
    parser.add_argument("--agents", type=int, default=41)
    parser.add_argument("--details", type=int, default=3, help="products; each multiplies the distinct ladders by 60")
    parser.add_argument("--keep", type=Path, help="write the page there and keep it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        file = options.keep or Path(directory) / "estate.html"
        results, whole, took = write(file, options.targets, options.agents, options.details)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        with file.open(encoding="utf-8") as lines:
            kinds = sum(1 for line in lines if line.startswith("[0,"))
        print(f"{results} results of {options.agents} agents with {kinds} distinct ladders")
        print(f"{'written in':<28}{took:>8.1f} s of {whole:.1f} s with the results, peak memory {memory:.0f} MiB")
        print(f"{'size':<28}{file.stat().st_size / 1e6:>8.2f} MB, {file.stat().st_size / results:.1f} bytes a result")
        measure(file, ACTIONS)


if __name__ == "__main__":
    main()
