"""Read coverage.py's JSON from standard input and print covered lines and branches for each folder of the package."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import PurePath
from typing import Any

PACKAGE = "scanready"


def folder(file: str) -> str:
    """Return the folder of a module below the package, with the family for a target type; "." for the package's own."""
    parts = PurePath(file).parts
    below = parts[len(parts) - parts[::-1].index(PACKAGE) : -1]
    return "/".join(below[: 2 if below[:1] == ("targets",) else 1]) or "."


def by_folder(files: dict[str, Any]) -> dict[str, Counter[str]]:
    """Add up the summaries of the modules in each folder, and of all under "total"."""
    sums: dict[str, Counter[str]] = {}
    for file, measured in files.items():
        counts = {name: value for name, value in measured["summary"].items() if isinstance(value, int)}
        for name in (folder(file), "total"):
            sums.setdefault(name, Counter()).update(counts)
    return {name: sums[name] for name in sorted(sums, key=lambda name: (name == "total", name))}


def share(covered: int, of: int) -> str:
    """Return a percentage, rounded down, so that only all of them are 100 %; "-" for a share of nothing."""
    return f"{100 * covered // of} %" if of else "-"


def main() -> None:
    """Print the table."""
    print(f"{'folder':24}{'lines':>8}{'covered':>9}{'branches':>10}{'covered':>9}")
    for name, counts in by_folder(json.load(sys.stdin)["files"]).items():
        lines, branches = counts["num_statements"], counts["num_branches"]
        covered = share(counts["covered_lines"], lines), share(counts["covered_branches"], branches)
        print(f"{name:24}{lines:8}{covered[0]:>9}{branches:10}{covered[1]:>9}")


if __name__ == "__main__":
    main()
