"""Which verifier climbs for a target type: our own by module name, third parties' by entry point.

A family's folder in ``targets/`` holds the module with the coroutine ``verify(probe)``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from scanready.climb.probe import Probe

Verifier = Callable[[Probe], Awaitable[None]]

#: Third parties register ``NAME = "package.module:verify"`` under this group.
ENTRY_POINTS = "scanready.targets"
_SHARED = {
    **dict.fromkeys(("unix", "ssh"), "ssh"),
    **dict.fromkeys(("http", "https"), "web"),
    **dict.fromkeys(("imap", "imaps"), "imap"),
    **dict.fromkeys(("master", "console", "update"), "infrastructure"),
}


@lru_cache(maxsize=64)
def verifier(name: str) -> Verifier | None:
    """Return the verifier of a target type, None if there is none (yet). Imports that one module only."""
    if module := _module(name):
        found: Verifier = import_module(module).verify
        return found
    for entry in entry_points(group=ENTRY_POINTS, name=name):
        third_party: Verifier = entry.load()
        return third_party
    return None


def built_in(name: str) -> bool:
    """True if this version has a verifier of its own for the type; imports nothing of it."""
    return _module(name) is not None


def _module(name: str) -> str | None:
    """A family of one type calls it ``verify``, one of several ``verify_NAME``."""
    if not name.isidentifier():
        return None
    family, module = _SHARED.get(name, name), f"verify_{name}" if name in _SHARED else "verify"
    path = f"scanready.targets.{family}"
    if find_spec(path) is None or find_spec(f"{path}.{module}") is None:
        return None
    return f"{path}.{module}"
