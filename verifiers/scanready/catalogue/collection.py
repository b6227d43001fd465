"""The catalogue: all target types that this process knows, built in or brought by other packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from types import ModuleType

from .row import TargetType


class Catalogue:
    """Map names to target types, in the order of the requirements document.

    Built-in rows are there at once. Those of other packages are found and loaded when a name is not built in, or when
    all are asked for: looking for them takes some milliseconds.
    """

    def __init__(self, built_in: Mapping[str, TargetType], others: Mapping[str, TargetType] | None = None) -> None:
        self.built_in = built_in
        self._known: dict[str, TargetType] = {}
        self._others = {} if others is None else others  # no `or`: asking for its length looks for packages

    def get(self, name: str) -> TargetType | None:
        """Return the type of that name, None if no package declares it."""
        found = self._known.get(name)
        if found is None and (found := self.built_in.get(name) or self._others.get(name)):
            self._known[name] = found
        return found

    def __getitem__(self, name: str) -> TargetType:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[TargetType]:
        """Yield all types, those of other packages last."""
        yield from self.built_in.values()
        yield from self._others.values()

    @property
    def names(self) -> list[str]:
        """The names of all types."""
        return [row.name for row in self]

    @cached_property
    def guessed(self) -> tuple[TargetType, ...]:
        """The types that are tried at a host for which no type is named."""
        return tuple(row for row in self if row.guessed)

    def foreign_ports(self, *own: str) -> frozenset[int]:
        """The default ports of built-in types that speak none of the ``own`` protocols.

        A server's word that names one of them is not followed: foreign bytes are an offence there.
        """
        return frozenset(self.foreign_services(*own))

    def foreign_services(self, *own: str) -> dict[int, str]:
        """Return those ports, each with the title of its type."""
        return {row.port: row.title for row in self.built_in.values() if row.speaks not in own}

    def ports_of(self, *own: str) -> frozenset[int]:
        """The default ports of built-in types that speak one of the ``own`` protocols."""
        return frozenset(row.port for row in self.built_in.values() if row.speaks in own)

    def parts(self, name: str) -> Iterator[ModuleType]:
        """Load one sibling module of every row that has it; yield a shared module once."""
        loaded: set[str] = set()
        for row in self:
            if row.home and row.home not in loaded and (module := row.part(name)) is not None:
                loaded.add(row.home)
                yield module
