"""How many targets at once this process can have open."""

from __future__ import annotations

from collections.abc import Callable

# Descriptors that are not connections (files, the loop, the resolver), and connections a target may have open at once.
_OTHERS, _EACH = 64, 2


def within_limits(concurrency: int, warn: Callable[[str], None]) -> int:
    """Return ``concurrency``, or what the process's limit of open files allows, which is raised as far as may be."""
    try:
        import resource
    except ImportError:  # Windows: the limit is far above what is asked for here
        return concurrency
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = concurrency * _EACH + _OTHERS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return concurrency
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    except (OSError, ValueError):
        pass  # not permitted after all: live with what there is
    possible = max(1, (soft - _OTHERS) // _EACH)
    if possible < concurrency:
        warn(f"{possible} targets at once instead of {concurrency}: this host allows {soft} open files (ulimit -n)")
    return min(possible, concurrency)
