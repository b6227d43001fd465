"""Measure a merge of many exports against only reading their JSON.

    python -m benchmarks.merge [--agents N] [--targets N] [--ladders N] [--keep DIR]

Makes one export for each agent, with results of a few distinct ladders, as real estates have. Reads them with only gzip
and json.loads, then merges them in a process of its own. Prints the ratio of the two times, the peak memory of the
merge, and the size of the store. Absolute figures depend on the machine; the ratio depends on it less.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scanready.cli.merging.merging import Wish, merge
from scanready.model import Agent, DeclaredAgent, Report
from scanready.report.document import RunInfo, Totals
from scanready.report.estate.export import Export, estate_of
from scanready.run import timestamps
from tests.report.estate import many

#: Compressed as `--export` does.
_LEVEL = 6


def write(folder: Path, agents: int, targets: int, ladders: int) -> list[str]:
    """Write an export for each agent, and return their names."""
    first = list(many(targets, ladders))
    declared = [DeclaredAgent(f"proxy-{number:02}", (), "Linux") for number in range(agents)]
    estate = estate_of([report.target for report in first], declared, "estate.yaml")
    names = []
    for number, one in enumerate(declared):
        agent = Agent(one.name, "Linux", (f"10.0.{number}.5",), networks=(f"10.0.{number}.0/24",))
        document, totals, name = Export(estate), Totals(seconds=60.0), folder / f"{one.name}.scanready"
        info = RunInfo("0", agent, timestamps.now(), 10.0, next(iter(first)).checks[0].step, [], asked=targets)
        with gzip.open(name, "wt", encoding="utf-8", compresslevel=_LEVEL) as file:
            file.write(document.begin(info))
            for report in _of(first, agent):
                totals.add(report)
                file.write(document.add(report))
            file.write(document.end(totals))
        names.append(str(name))
    return names


def _of(reports: list[Report], agent: Agent) -> Iterator[Report]:
    now = timestamps.now()
    return (dataclasses.replace(report, agent=agent, started=now) for report in reports)


def read_only(names: list[str]) -> tuple[float, float]:
    """Read the JSON of all exports; return the seconds by the clock, and those of the processor."""
    began, used = time.perf_counter(), time.process_time()
    for name in names:
        with gzip.open(name) as file:
            for line in file:
                json.loads(line)
    return time.perf_counter() - began, time.process_time() - used


def merged(names: list[str], store: Path) -> tuple[float, float, float]:
    """Merge in a process of its own; return its seconds, those of the processor, and its peak memory in MB."""
    began = time.perf_counter()
    if (child := os.fork()) == 0:
        code = 1
        try:
            merge(Wish(names, store, str(store), None, None, 7 * 86_400.0, "7d"), lambda text: print(text, flush=True))
            code = 0
        finally:
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    if status:
        sys.exit("the merge failed")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=40)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--ladders", type=int, default=12)
    parser.add_argument("--keep", type=Path, help="write the exports and the store there, and keep them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = options.keep or Path(directory)
        folder.mkdir(exist_ok=True)
        names = write(folder, options.agents, options.targets, options.ladders)
        size = sum(Path(name).stat().st_size for name in names)
        reading, computing = read_only(names)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        store = folder / "runs.db"
        took, used, memory = merged(names, store)
        disk = sum(path.stat().st_size for path in folder.glob("runs.db*"))
        print(f"{options.agents} agents x {options.targets} targets, {options.ladders} ladders")
        print(f"{'exports':<28}{size / 1e6:>9.1f} MB")
        print(f"{'only reading the JSON':<28}{reading:>9.1f} s")
        print(f"{'merge':<28}{took:>9.1f} s")
        print(f"{'ratio':<28}{took / reading:>9.2f}")
        print(f"{'ratio of processor time':<28}{used / computing:>9.2f}")
        print(f"{'peak memory':<28}{memory:>9.0f} MB (of which {before:.0f} MB before the merge)")
        print(f"{'disk':<28}{disk / 1e6:>9.1f} MB")


if __name__ == "__main__":
    main()
