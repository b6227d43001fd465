"""All target types that this process knows: our own, and those that other packages register as entry points.

An entry point of the group ``scanready.targets`` is a row (:class:`scanready.catalogue.TargetType`), and then has
all that a built-in type has. It may also be a bare coroutine ``verify(probe)``: the entry point's name is then the
type, and a stand-in row speaks for it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any

from scanready import causes, targets
from scanready.catalogue import Catalogue, Cost, Option, TargetType, Verifier
from scanready.model import Cause, Step

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from scanready.climb.probe import Probe

#: Other packages register ``NAME = "package.module:ROW"`` under this group.
ENTRY_POINTS = "scanready.targets"


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return all target types; those of other packages are looked for when they are needed."""
    return Catalogue({row.name: row for row in targets.rows()}, _plugins())


def verifier(name: str) -> Verifier | None:
    """Return the coroutine that climbs for a target type, None if nobody knows the type. Imports that one only."""
    row = catalogue().get(name)
    return row.verify() if row else None


def plugin_names() -> frozenset[str]:
    """The names under which other packages register types; nothing of theirs is imported."""
    return frozenset(_plugins().entries)


def problems() -> list[str]:
    """What is wrong with the plug-ins that were loaded so far: a line each, with package and entry point."""
    return list(_plugins().problems)


def all_causes() -> dict[str, Cause]:
    """Return every cause by its code: those that are nobody's own first, then type by type.

    Raises:
        ValueError: two causes share a code.
    """
    names = sorted((module.name for module in iter_modules(causes.__path__)), key=lambda name: (name != "common", name))
    shared = [import_module(f"{causes.__name__}.{name}") for name in names]
    return causes.by_code(*shared, *catalogue().parts("causes"), *_plugins().modules())


@lru_cache(maxsize=1)
def _plugins() -> Plugins:
    return Plugins()


class Plugins(Mapping[str, TargetType]):
    """The target types of other packages, by name; each is loaded when it is asked for.

    One that is broken has a row all the same, whose check says what is wrong with it.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._rows: dict[str, TargetType] = {}

    @cached_property
    def entries(self) -> dict[str, EntryPoint]:
        """The entry points by name; of two that share one, the first in the order of their packages."""
        from importlib.metadata import entry_points

        found: dict[str, EntryPoint] = {}
        for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda one: (_package(one), one.name)):
            if entry.name in catalogue().built_in:
                self.problems.append(f"{_described(entry)}: {entry.name} is a type of scanready itself; ignored")
            elif entry.name in found:
                self.problems.append(f"{_described(entry)}: {_described(found[entry.name])} has that name; ignored")
            else:
                found[entry.name] = entry
        return found

    def __getitem__(self, name: str) -> TargetType:
        if name not in self._rows:
            self._rows[name] = self._load(self.entries[name])
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def modules(self) -> Iterator[ModuleType]:
        """The modules of bare coroutines, where their causes are."""
        for row in self.values():
            if not row.home and callable(row.verifier) and (module := sys.modules.get(row.verifier.__module__)):
                yield module

    def _load(self, entry: EntryPoint) -> TargetType:
        try:
            loaded = entry.load()
            if inspect.iscoroutinefunction(loaded):
                return stand_in(entry.name, loaded)
            if not (wrong := _wrong_with(entry, loaded)):
                row: TargetType = loaded
                row.verify()  # loads its module, so that a broken one is known now
                return row
        except Exception as error:  # noqa: BLE001  # whatever another package's module raises, other targets go on
            wrong = f"does not load: {type(error).__name__}: {error}"
        line = f"{_described(entry)}: {wrong}"
        self.problems.append(line)
        return stand_in(entry.name, _broken(line))


def stand_in(name: str, verify: Verifier) -> TargetType:
    """Return the row of a type that brings no more than a coroutine: no default port, and any option is taken."""
    cost = Cost(1, 2, login_attempts=1)
    return TargetType(name, name, 0, cost, speaks=name, verifier=verify, takes_keys=True, any_option=True)


def _broken(line: str) -> Verifier:
    async def verify(probe: Probe) -> None:
        from scanready.causes import common
        from scanready.climb.explain import Failure

        async with probe.step(Step.AGENT):
            raise Failure(common.PLUGIN_BROKEN, line)

    return verify


def _wrong_with(entry: EntryPoint, row: Any) -> str:
    """Say what is wrong with what an entry point brought; empty if it is a row that can be used."""
    if not isinstance(row, TargetType):
        return f"is a {type(row).__name__}, neither a TargetType nor a coroutine `verify(probe)`"
    if row.name != entry.name:
        return f"its row is called {row.name!r}; both names must be the same"
    if not isinstance(row.port, int) or not 1 <= row.port <= 65535:
        return f"its row has no port from 1 to 65535, but {row.port!r}"
    if unknown := [step for step in (*row.steps, row.proof) if not isinstance(step, Step)]:
        return f"its row has a step that is none of {', '.join(Step)}: {unknown[0]!r}"
    if list(row.steps) != sorted(row.steps, key=lambda step: step.height):
        return "the steps of its row are not in the order of the ladder"
    if not all(isinstance(option, Option) for option in row.options):
        return "an option of its row is no Option"
    if row.path is not None and row.option(row.path) is None:
        return f"its row gives a URL's path to {row.path!r}, which is none of its options"
    return "" if callable(row.verifier) or row.home else "its row has neither a home nor a coroutine as its verifier"


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else ""


def _described(entry: EntryPoint) -> str:
    return f"plug-in {_package(entry) or 'without a package'} ({entry.name} = {entry.value})"
