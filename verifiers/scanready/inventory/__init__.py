"""What is to be checked: inventory files and TARGET arguments to targets, credentials by reference.

Every problem is told at once, with its place and without repeating a secret; until
all is right, nothing is contacted. Reading a TARGET is light; YAML and validation
are imported when an inventory is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanready.model import Expectation

from .expected import expectation
from .problems import InventoryError, InventoryWarning, Problem
from .secrets import credential_from, resolve_secret
from .targets import parse_target

if TYPE_CHECKING:
    from .reading import Inventory

__all__ = [
    "Expectation",
    "Inventory",
    "InventoryError",
    "InventoryWarning",
    "Problem",
    "credential_from",
    "expectation",
    "json_schema",
    "load",
    "parse_target",
    "resolve_secret",
]


def load(path: str | Path, *, allow_large: bool = False, credentials: Sequence[str] | None = None) -> Inventory:
    """Read an inventory file; ``-`` is standard input.

    Args:
        allow_large: also expand networks larger than a /16 (IPv6: /112).
        credentials: the names whose secrets are looked up (which may prompt), used by a target or not; none of them
            for ``()``, those that some target uses for None. A target's credential is without its secrets otherwise.

    Raises:
        InventoryError: all that is wrong with it, each with file, line and column; nothing was contacted.
    """
    from .reading import read_inventory

    return read_inventory(path, allow_large=allow_large, credentials=credentials)


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of an inventory file."""
    from . import schema

    return schema.json_schema()


def __getattr__(name: str) -> Any:
    """Import what an inventory file needs when it is first asked for."""
    if name == "Inventory":
        from .reading import Inventory

        return Inventory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
