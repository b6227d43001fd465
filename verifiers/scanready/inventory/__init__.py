"""Read targets from inventory files and TARGET arguments, and their credentials by reference.

All problems are reported together, with their places and without repeating a secret. Nothing
is contacted until all of them are fixed. Reading a TARGET is light; YAML and validation are
imported only when an inventory is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanready.model import Expectation

from .problems import InventoryError, InventoryWarning, Problem
from .targets import parse_target

if TYPE_CHECKING:
    from .expected import expectation
    from .reading import Inventory
    from .secrets import credential_from, resolve_secret

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


def load(
    path: str | Path,
    *,
    allow_large: bool = False,
    credentials: Sequence[str] | None = None,
    keep_missing: bool = False,
    agent: str | None = None,
) -> Inventory:
    """Read an inventory file; ``-`` is standard input.

    Args:
        allow_large: also expand networks larger than a /16 (IPv6: /112).
        credentials: the names whose secrets are looked up (which may prompt), even if no target uses them. ``()``
            looks up none, and None those that a target uses. Other credentials have no secrets.
        keep_missing: a secret that cannot be looked up is no error: ``missing`` of the result has its credential with
            the reason. A caller must not check the targets of such a credential.
        agent: return the share of this agent of the list `agents`, with the secrets for this share only. None returns
            the targets of all agents.

    Raises:
        InventoryError: all problems, each with file, line and column; nothing was contacted.
    """
    from .reading import read_inventory

    whose = None if agent is None else lambda _: agent
    found = read_inventory(
        path, allow_large=allow_large, credentials=credentials, keep_missing=keep_missing, whose=whose
    )
    return found if agent is None else found.share(agent)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an inventory file."""
    from . import schema

    return schema.json_schema()


#: The modules of the names that are imported at their first use.
_ELSEWHERE = {
    "Inventory": "reading",
    "credential_from": "secrets",
    "expectation": "expected",
    "resolve_secret": "secrets",
}


def __getattr__(name: str) -> Any:
    """Import what few commands need at its first use."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
