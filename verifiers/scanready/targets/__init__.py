"""One folder a protocol, with everything that is about it.

In each folder ``row`` declares the target types, ``requirements`` says what the scanner demands for them, ``verify``
(or ``verify_NAME``, where a folder has several types) reads from top to bottom like the handshake, ``login`` drives the
client library, ``causes`` says why a target cannot be scanned, ``signatures`` how its first bytes are recognised, and
``story`` what goes over the wire in words. Nothing below this folder imports it: its rows are collected here and
handed down.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from scanready.catalogue.row import TargetType


def rows() -> list[TargetType]:
    """Load the rows of all folders, in the order of the requirements document."""
    found = [row for folder in _folders() for row in rows_in(folder)]
    return sorted(found, key=lambda row: (row.group, row.place))


def rows_in(folder: str) -> list[TargetType]:
    """Load the rows of the folder of that name; none if there is no such folder."""
    found = find_spec(f"{__name__}.{folder}") if folder.isidentifier() else None
    is_package = found is not None and found.has_location and found.submodule_search_locations is not None
    return list(_rows_of(f"{__name__}.{folder}.row")) if is_package else []


@cache
def _folders() -> tuple[str, ...]:
    from pkgutil import iter_modules  # one row needs no list of the folders

    return tuple(family.name for family in iter_modules(__path__))


def _rows_of(module: str) -> Iterator[TargetType]:
    yield from (value for value in vars(import_module(module)).values() if isinstance(value, TargetType))
