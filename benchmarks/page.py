"""Measure the size of a large HTML report, and the time to open, filter and search it in a browser.

    python -m benchmarks.page [--results N] [--ladders N] [--keep FILE]

Writes a page of made-up results and opens it in headless Chromium. Prints the time to open it, its longest task, its
DOM nodes, and the time of filters, searches and sorting up to the layout. Absolute figures depend on the machine.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scanready.model import Step
from scanready.report import new_document
from scanready.report.document import RunInfo, Totals
from scanready.report.look import Look
from tests.browser import Page, browser
from tests.report.estate import many
from tests.report.reports import AGENT

_TASKS = """
window.tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration)))
  .observe({ type: "longtask", buffered: true });
"""
#: Milliseconds of a filter, from the event until the next frame could be drawn.
_FILTER = """
const began = performance.now();
{}
document.body.offsetHeight;
return performance.now() - began;
"""
FILTERS = {
    "filter by owner": "byId('owner').value = 'network'; draw();",
    "filter by type and verdict": "byId('type').value = 'ssh'; byId('verdict').value = 'blocked'; draw();",
    "clear": "byId('reset').click();",
    "search for a host": "byId('text').value = 'host-00421'; draw();",
    "search for a detail": "byId('text').value = 'build 42'; draw();",
    "sort by target": "byId('text').value = ''; document.querySelector('[data-sort=target]').click();",
    "matrix": "byId('view-matrix').click();",
}


def write(file: Path, results: int, ladders: int) -> float:
    """Write a page; return the seconds for writing, without those for making the results."""
    reports = many(results, ladders)
    # The targets of a run are known before it begins; those of a stored run are read first as well.
    info = RunInfo("0", AGENT, "2026-01-01T00:00:00.000Z", 10.0, Step.ACCESS, [], asked=results)
    document, totals, took = new_document("html", Look()), Totals(seconds=60.0), 0.0
    with file.open("w", encoding="utf-8") as out:

        def put(call: Callable[..., str], *arguments: Any) -> None:
            nonlocal took
            began = time.perf_counter()
            text = call(*arguments)
            took += time.perf_counter() - began
            out.write(text)

        put(document.begin, info)
        for report in reports:
            totals.verdicts[report.verdict] += 1
            put(document.add, report)
        put(document.end, totals)
    return took


def look(file: Path) -> None:
    """Open a page and print the times."""
    measure(file, FILTERS, "while (document.documentElement.dataset.prepared !== 'yes') await pause();")


def measure(file: Path, actions: Mapping[str, str], ready: str = "") -> None:
    """Open a page, wait until it is ready, and print the times of opening it and of each action."""
    with browser() as driver:
        driver.set_page_load_timeout(120)
        driver.set_script_timeout(120)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _TASKS})
        page = Page(driver, file)
        opened = page.run("return performance.getEntriesByName('drawn')[0].startTime")
        page.wait_for(f"(async (done) => {{ {ready} done(); }})(arguments[0]);")
        tasks = page.run("return tasks")
        print(f"{'opened':<28}{opened:>8.0f} ms, longest task {max(tasks, default=0):.0f} ms")
        nodes = page.run("return document.getElementsByTagName('*').length")
        print(f"{'DOM nodes':<28}{nodes:>8}")
        for name, script in actions.items():
            taken = [page.run(_FILTER.format(script)) for _ in range(1 if "sort" in name else 5)]
            print(f"{name:<28}{statistics.median(taken):>8.0f} ms, at worst {max(taken):.0f} ms")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=int, default=20_000)
    parser.add_argument("--ladders", type=int, default=2_000)
    parser.add_argument("--keep", type=Path, help="write the page there and keep it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        file = options.keep or Path(directory) / "page.html"
        took = write(file, options.results, options.ladders)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{options.results} results with {options.ladders} distinct ladders")
        print(f"{'written in':<28}{took:>8.1f} s, peak memory {memory:.0f} MiB")
        print(f"{'size':<28}{file.stat().st_size / 1e6:>8.2f} MB")
        look(file)


if __name__ == "__main__":
    main()
