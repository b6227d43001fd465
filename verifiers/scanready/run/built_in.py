"""The target types and causes of scanready itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib import import_module

from scanready import causes, targets
from scanready.catalogue import Catalogue, TargetType
from scanready.model import Cause


class _Rows(Mapping[str, TargetType]):
    """The rows by name. The one that a folder is named after is loaded without the others, since most runs need few."""

    def __init__(self) -> None:
        self._loaded: dict[str, TargetType] = {}

    @cached_property
    def _all(self) -> dict[str, TargetType]:
        return {row.name: row for row in targets.rows()}

    def __getitem__(self, name: str) -> TargetType:
        if (row := self._loaded.get(name)) is None:
            self._loaded |= {row.name: row for row in targets.rows_in(name)}
            row = self._loaded[name] = self._loaded.get(name) or self._all[name]
        return row

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


@lru_cache(maxsize=1)
def built_in_rows() -> Mapping[str, TargetType]:
    """Return the rows of scanready itself by name, in the order of the requirements document."""
    return _Rows()


def built_in_causes() -> dict[str, Cause]:
    """Return the causes of scanready itself by their codes: the shared ones first, by step, then type by type.

    Raises:
        ValueError: two causes share a code.
    """
    return dict(_causes())


@lru_cache(maxsize=1)
def _causes() -> dict[str, Cause]:
    from pkgutil import iter_modules

    names = sorted((module.name for module in iter_modules(causes.__path__)), key=lambda name: (name != "common", name))
    shared = [import_module(f"{causes.__name__}.{name}") for name in names]
    general = sorted(causes.by_code(*shared).items(), key=lambda entry: entry[1].step.height)
    return dict(general) | causes.by_code(*shared, *Catalogue(built_in_rows()).parts("causes"))
