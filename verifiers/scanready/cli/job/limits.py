"""Limit the number of concurrent targets to the open files that this process may have."""

from __future__ import annotations

from collections.abc import Callable

from scanready.net.open_files import raise_for, targets_at_once


def within_limits(concurrency: int, warn: Callable[[str], None]) -> int:
    """Return ``concurrency``, or less if the limit of open files requires it; raise that limit if possible."""
    files = raise_for(concurrency)
    if files is None:
        return concurrency
    possible = targets_at_once(files)
    if possible < concurrency:
        number = f"{possible} target{'' if possible == 1 else 's'}"
        warn(f"checking {number} at once, not {concurrency}: this host allows {files} open files (ulimit -n)")
    return min(possible, concurrency)
