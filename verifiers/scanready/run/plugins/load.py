"""The target types of other packages: find them as entry points, check each once, and guard what it brings.

A package that is broken never ends a run. Its type has a row all the same, whose check ends ``undecided`` and says
what is wrong; a part that only adds words (the story, a signature, a cause) is left out, and the type works without
it. Either way there is one line in :meth:`Plugins.problems`, with the package and the entry point.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from scanready.catalogue import Cost, TargetType, Verifier
from scanready.model import Cause, Step
from scanready.wire.printable import visible

from .attempt import Unusable, attempted
from .checks import wrong_cause
from .importing import Raised, importing
from .origin import Origin, described, package
from .row import RowSource, name_fault, only_options, row_fault
from .shape import shape_fault

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from scanready.climb.probe import Probe

#: Other packages register ``NAME = "package.module:ROW"`` under this group.
ENTRY_POINTS = "scanready.targets"
_MOST = 1000  # characters of one problem


class Plugins(Mapping[str, TargetType]):
    """The target types of other packages, by name; each is loaded when it is asked for.

    Args:
        built_in: the names that are taken.
    """

    def __init__(self, built_in: Collection[str]) -> None:
        self._built_in = built_in
        self._problems: dict[str, set[str]] = {}  # each with its subjects: types and codes of causes
        self._misnamed: dict[str, str] = {}
        self._rows: dict[str, TargetType] = {}

    def problems(self, about: str | None = None) -> list[str]:
        """Return the faults of the plug-ins that were loaded so far: a printable line each, with its entry point.

        Args:
            about: a type's name or a cause's code, to return only what concerns it; None for everything.
        """
        return [line for line, concerns in self._problems.items() if about is None or concerns & _names_in(about)]

    @cached_property
    def entries(self) -> dict[str, EntryPoint]:
        """The entry points by name; of two that share one, the first in the order of their packages."""
        found: dict[str, EntryPoint] = {}
        for entry in sorted(self.installed, key=lambda one: (package(one), one.name, one.value)):
            if fault := name_fault(entry.name):
                self._misnamed.setdefault(entry.name.lower(), self._note(entry, fault))
            elif entry.name in self._built_in:
                self._note(entry, f"{entry.name} is a type of scanready itself; ignored")
            elif entry.name in found:
                self._note(entry, f"{described(found[entry.name])} has that name; ignored")
            else:
                found[entry.name] = entry
        return found

    def __getitem__(self, name: str) -> TargetType:
        if name not in self._rows:
            entry = self.entries.get(name)
            if entry is None and name.lower() not in self._misnamed:
                raise KeyError(name)
            self._rows[name] = self._load(entry) if entry else broken(name, self._misnamed[name.lower()])
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def origin(self, name: str) -> Origin | None:
        """Return where a type comes from; None for one that no other package brings."""
        return Origin(self.entries[name]) if name not in self._built_in and name in self.entries else None

    def with_causes(self, known: Mapping[str, Cause]) -> dict[str, Cause]:
        """Return the causes that are known with those of all plug-ins; a code that is taken is left out, and noted."""
        found = dict(known)
        whose = dict.fromkeys(known, "scanready itself has")
        for name, row in self.items():
            for cause in _causes_of(row):
                if found.setdefault(cause.code, cause) == cause:
                    whose.setdefault(cause.code, f"{described(self.entries[name])} has")
                else:
                    left_out = f"its cause {cause.code} is left out: {whose[cause.code]} that code"
                    self._note(self.entries[name], left_out, cause.code)
        return found

    @cached_property
    def installed(self) -> list[EntryPoint]:
        """Every entry point of the group, in any order."""
        from importlib import metadata

        found, error = attempted(lambda: list(metadata.entry_points(group=ENTRY_POINTS)))
        return list(self._readable(metadata.distributions())) if error else found

    def _readable(self, distributions: Iterable[Any]) -> Iterator[EntryPoint]:
        """Read package by package: one whose file cannot be read hides no other."""
        for distribution in distributions:
            found, error = attempted(lambda one: list(one.entry_points.select(group=ENTRY_POINTS)), distribution)
            if error:
                where = visible(str(getattr(distribution, "_path", "a package")))
                self._problems[f"the entry points in {where} cannot be read: {error}"] = set()
            yield from found or ()

    def _note(self, entry: EntryPoint, what: str, *about: str) -> str:
        line = visible(f"{described(entry)}: {what}", _MOST)
        self._problems.setdefault(line, set()).update({entry.name.lower(), *about})
        return line

    def _check_causes(self, entry: EntryPoint, verify: Verifier) -> None:
        """Note the causes in the module of a bare coroutine that are left out."""
        for name, value in vars(sys.modules[verify.__module__]).items() if verify.__module__ in sys.modules else ():
            if fault := wrong_cause(value):
                self._note(entry, f"its cause {name} is left out: {fault}", str(value.code))

    def _load(self, entry: EntryPoint) -> TargetType:
        try:
            return importing(self._read, entry)
        except Raised as raised:
            fault, trace = f"does not load: {raised}", raised.trace
        except Unusable as unusable:
            fault, trace = str(unusable), unusable.trace
        return broken(entry.name, self._note(entry, fault), trace)

    def _read(self, entry: EntryPoint) -> TargetType:
        """Load and check what an entry point brings.

        Raises:
            Unusable: it is no target type, or not a right one.
            Exception: whatever its modules raise.
        """
        from .guards import Guards
        from .parts import checked_parts

        guards = Guards(described(entry), lambda fault: self._note(entry, fault))
        loaded = entry.load()
        if inspect.iscoroutinefunction(loaded):
            self._check_causes(entry, loaded)
            return stand_in(entry.name, loaded)
        types = {*self._built_in, *self.entries}
        if fault := row_fault(loaded, RowSource(entry.name, _top(entry.value), lambda top: _owns(entry, top), types)):
            raise Unusable(fault)
        if fault := shape_fault(loaded.verify(), Verifier, "its verify"):
            raise Unusable(fault)
        loaded = replace(loaded, split=only_options(loaded))
        parts, left_out = checked_parts(loaded, guards)
        for part, code in left_out:
            self._note(entry, part, code)
        return guards.row(loaded, parts)


def stand_in(name: str, verify: Verifier) -> TargetType:
    """Return the row of a type that brings no more than a coroutine: no default port, and any option is taken."""
    cost = Cost(1, 2, login_attempts=1)
    return TargetType(name, name, 0, cost, speaks=name, verifier=verify, takes_keys=True, any_option=True)


def broken(name: str, line: str, trace: str = "") -> TargetType:
    """Return the row of a type that cannot be used; ``line`` says why, and is what a check of it says.

    ``trace`` is the traceback that stands beside it; empty without one.
    """

    async def verify(probe: Probe) -> None:
        from scanready.causes import plugin
        from scanready.climb.explain import Failure

        async with probe.step(Step.AGENT) as rung:
            rung.check.trace = trace
            raise Failure(plugin.PLUGIN_BROKEN, line)

    return replace(stand_in(name, verify), broken=line)


def _causes_of(row: TargetType) -> Iterator[Cause]:
    """The causes of a row's package; those of a bare coroutine stand in its module."""
    module: ModuleType | None = row.part("causes")
    if module is None and not row.home and callable(row.verifier):
        module = sys.modules.get(row.verifier.__module__)
    for value in vars(module).values() if module else ():
        if isinstance(value, Cause) and not wrong_cause(value):
            yield value


def _names_in(about: str) -> set[str]:
    """The name of a type or the code of a cause; of a code also its area, which is the name of its type."""
    return {about, about.lower(), about.lower().partition(".")[0]}


def _top(module: str) -> str:
    """The top-level package in the value of an entry point."""
    return module.partition(":")[0].partition(".")[0].strip()


def _owns(entry: EntryPoint, top: str) -> bool:
    """Whether the distribution of an entry point installed a top-level package."""
    files, _ = attempted(lambda: entry.dist.files if entry.dist else None)
    return any(file.parts[0] in (top, f"{top}.py") for file in files or ())
