"""The causes that several target types share: why a target cannot be scanned, who can fix it, how to confirm it.

``common`` has those of the rungs that all types share; each family of target types has its own in its folder. A
module's public constants are its causes; nothing registers them anywhere. ``{host}``, ``{port}``, ``{user}`` in the
texts are filled in where they are shown.
"""

from __future__ import annotations

from types import ModuleType

from scanready.model import Cause


def by_code(*modules: ModuleType) -> dict[str, Cause]:
    """Return every cause that the modules define or use, by its code, in their order.

    Raises:
        ValueError: two causes share a code.
    """
    found: dict[str, Cause] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Cause) and found.setdefault(value.code, value) is not value:
                raise ValueError(f"two causes are called {value.code}")
    return found
