#!/usr/bin/env python3
"""Check a few targets with scanready as a library, and say who fixes what.

    python examples/check_estate.py postgresql://db7/hr ssh://web1 smb://fs01/finance

Prints one line a target as its check ends, and under it the cause, who fixes it and what they change. The exit code is
0 if nothing is blocked or undecided, 1 if something is, 2 if an argument is not a target.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import scanready
from scanready.author import printable
from scanready.inventory import InventoryError, parse_target

FINE = (scanready.Verdict.SCANNABLE, scanready.Verdict.READY, scanready.Verdict.LIMITED)


def describe(report: scanready.Report) -> str:
    """Return a report in a few lines of text."""
    lines = [f"{report.target}  {report.verdict}  ({report.seconds:.2f} s)"]
    if report.finding is not None:
        cause = report.finding.cause
        lines.append(f"    {cause.code}: {printable(report.finding.detail)}")  # a server's own words may be in it
        lines.append(f"    for {cause.owner}: {cause.remedy}")
        lines += [f"    fix: {printable(line)}" for line in (report.finding.fix or "").splitlines()]
    return "\n".join(lines)


async def check_estate(targets: Sequence[scanready.Target], settings: scanready.Settings) -> int:
    """Check all targets concurrently, print each report as it comes, and return the exit code."""
    code = 0
    async for report in scanready.verify_all(targets, settings):
        print(describe(report), flush=True)
        if report.verdict not in FINE:
            code = 1
    return code


def main(arguments: Sequence[str]) -> int:
    """Check the targets that the command line names."""
    try:
        targets = [target for text in arguments for target in parse_target(text)]
    except InventoryError as error:
        print(error, file=sys.stderr)
        return 2
    return asyncio.run(check_estate(targets, scanready.Settings(timeout=5)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
