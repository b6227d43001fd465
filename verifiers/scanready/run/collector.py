"""Tune Python's collector of cycles for a process that climbs for many targets. A library leaves it as it is."""

from __future__ import annotations

import gc

# The objects of a finished climb are freed at once by reference counting: none of them are in cycles (a test proves
# it). The collector would repeatedly scan a thousand unfinished climbs, all of them alive: a quarter of the CPU time
# at Python's default threshold of 700 (measured). With this one it still frees, every few megabytes, the cycles that
# a client library may leave after a login.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def tune_collector() -> None:
    """Collect rarely, and leave alone what exists now: modules and targets live to the end."""
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
