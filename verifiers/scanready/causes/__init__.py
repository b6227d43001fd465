"""The cause catalogue: why a target cannot be scanned, who can fix it, and how to confirm it by hand.

Each area has a module: ``common`` for the rungs that all types share, one for
each family of target types. A module's public constants are its causes; nothing
registers them anywhere. ``{host}``, ``{port}``, ``{user}`` in the texts are
filled in where they are shown.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..model import Cause


def all_causes() -> dict[str, Cause]:
    """Return every cause by its code, in the order of the modules.

    Raises:
        ValueError: two causes share a code.
    """
    found: dict[str, Cause] = {}
    for module in sorted(iter_modules(__path__), key=lambda m: (m.name != "common", m.name)):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            if not isinstance(value, Cause):
                continue
            if found.setdefault(value.code, value) is not value:
                raise ValueError(f"two causes are called {value.code}")
    return found
