"""Which verifier climbs for a target type: our own by module name, third parties' by entry point.

A module ``targets/NAME.py`` with a coroutine ``verify(probe)`` is all it takes;
nothing is registered anywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from .probe import Probe

Verifier = Callable[[Probe], Awaitable[None]]

#: Third parties register ``NAME = "package.module:verify"`` under this group.
ENTRY_POINTS = "scanready.targets"


@lru_cache(maxsize=64)
def verifier(name: str) -> Verifier | None:
    """Return the verifier of a target type, None if there is none (yet). Imports that one module only."""
    if built_in(name):
        found: Verifier = import_module(f"scanready.targets.{name}").verify
        return found
    for entry in entry_points(group=ENTRY_POINTS, name=name):
        third_party: Verifier = entry.load()
        return third_party
    return None


def built_in(name: str) -> bool:
    """True if this version has a verifier of its own for the type; imports nothing of it."""
    return name.isidentifier() and find_spec(f"scanready.targets.{name}") is not None
