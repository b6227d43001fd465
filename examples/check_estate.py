#!/usr/bin/env python3
"""Check a few targets with scanready as a library, and print who fixes what.

    python examples/check_estate.py postgresql://db7/hr ssh://web1 smb://fs01/finance

Prints one line for each target as its check ends, followed by the cause, its owner and the remedy. The exit codes are
those of the command `scanready`: 0 if no target is blocked or undecided, 1 if a target is blocked, 2 for wrong
arguments, 3 if a target is undecided, 130 if the program was interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import scanready
from scanready.author import printable
from scanready.inventory import InventoryError, Problem, parse_target

BLOCKED, USAGE, UNDECIDED, INTERRUPTED = 1, 2, 3, 130


def describe(report: scanready.Report) -> str:
    """Return a report in a few lines of text."""
    lines = [f"{report.target}  {report.verdict}  ({report.seconds:.2f} s)"]
    if report.finding is not None:
        cause = report.finding.cause
        lines.append(f"    {cause.code}: {printable(report.finding.detail)}")  # it may contain text of the server
        lines.append(f"    for {report.finding.owner}: {cause.remedy}")
        lines += [f"    fix: {printable(line)}" for line in (report.finding.fix or "").splitlines()]
        lines += [f"    or, for {other.owner}: {other.remedy}" for other in cause.also]
    return "\n".join(lines)


def read_targets(arguments: Sequence[str]) -> list[scanready.Target]:
    """Read the targets; each must have a type, since a host without one is tried as each of twenty types.

    Raises:
        InventoryError: all problems of all arguments.
    """
    targets: list[scanready.Target] = []
    problems: list[Problem] = []
    for text in arguments:
        try:
            found = parse_target(text)
        except InventoryError as error:
            problems += error.problems
            continue
        if found[0].guessed:
            problems.append(Problem(f"target {printable(text)} has no type: write it as in ssh://web1"))
        targets += found
    if problems:
        raise InventoryError(problems)
    return targets


async def check_estate(targets: Sequence[scanready.Target], settings: scanready.Settings) -> int:
    """Check all targets concurrently, print each report as its check ends, and return the exit code."""
    verdicts = set()
    async for report in scanready.verify_all(targets, settings):
        print(describe(report), flush=True)
        verdicts.add(report.verdict)
    if scanready.Verdict.BLOCKED in verdicts:
        return BLOCKED
    return UNDECIDED if scanready.Verdict.UNDECIDED in verdicts else 0


def main(arguments: Sequence[str]) -> int:
    """Check the targets that the command line names."""
    parser = argparse.ArgumentParser(description="Check targets, and print who fixes what.")
    parser.add_argument("targets", metavar="TARGET", nargs="+", help="with its type, as in postgresql://db7/hr")
    try:
        targets = read_targets(parser.parse_args(arguments).targets)
        return asyncio.run(check_estate(targets, scanready.Settings(timeout=5)))
    except InventoryError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
