"""The target types and causes of scanready itself."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules

from scanready import causes, targets
from scanready.catalogue import Catalogue, TargetType
from scanready.model import Cause


@lru_cache(maxsize=1)
def built_in_rows() -> dict[str, TargetType]:
    """Return the rows of scanready itself by name, in the order of the requirements document."""
    return {row.name: row for row in targets.rows()}


def built_in_causes() -> dict[str, Cause]:
    """Return the causes of scanready itself by their codes: the shared ones first, then type by type.

    Raises:
        ValueError: two causes share a code.
    """
    return dict(_causes())


@lru_cache(maxsize=1)
def _causes() -> dict[str, Cause]:
    names = sorted((module.name for module in iter_modules(causes.__path__)), key=lambda name: (name != "common", name))
    shared = [import_module(f"{causes.__name__}.{name}") for name in names]
    return causes.by_code(*shared, *Catalogue(built_in_rows()).parts("causes"))
