"""Read and raise the limit of open files, and compute how many targets it allows at once."""

from __future__ import annotations

import contextlib
import sys

# Descriptors that are not connections (files, the loop, the resolver), and connections a target may have open at once.
_OTHERS, _EACH = 64, 2


def limits() -> tuple[int, int] | None:
    """Return the soft and the hard limit of open files, -1 for none; None where the system has no such limit."""
    if sys.platform == "win32":  # the limit is far above what is asked for here
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (-1 if soft == resource.RLIM_INFINITY else soft), (-1 if hard == resource.RLIM_INFINITY else hard)


def targets_at_once(files: int) -> int:
    """Return how many targets at once so many open files permit."""
    return max(1, (files - _OTHERS) // _EACH)


def raise_for(concurrency: int) -> int | None:
    """Raise the soft limit as far as may be for so many targets at once; return it, None where nothing limits."""
    found = limits()
    if sys.platform == "win32" or found is None or found[0] == -1:
        return None
    soft, hard = found
    needed = concurrency * _EACH + _OTHERS
    if soft >= needed:
        return soft
    import resource

    wanted = needed if hard == -1 else min(needed, hard)
    with contextlib.suppress(OSError, ValueError):  # not permitted after all: live with what there is
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, resource.RLIM_INFINITY if hard == -1 else hard))
        return wanted
    return soft
