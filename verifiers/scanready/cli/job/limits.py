"""How many targets at once this process can have open."""

from __future__ import annotations

from collections.abc import Callable

from scanready.net.open_files import raise_for, targets_at_once


def within_limits(concurrency: int, warn: Callable[[str], None]) -> int:
    """Return ``concurrency``, or what the process's limit of open files allows, which is raised as far as may be."""
    files = raise_for(concurrency)
    if files is None:
        return concurrency
    possible = targets_at_once(files)
    if possible < concurrency:
        warn(f"{possible} targets at once instead of {concurrency}: this host allows {files} open files (ulimit -n)")
    return min(possible, concurrency)
