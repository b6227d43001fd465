"""The target types of other packages: find them as entry points, load each once, and keep what is wrong with them.

A package that is broken never ends a run. Its type has a row all the same, whose check ends ``undecided`` and says
what is wrong; a part that only adds words (the story, a signature, a cause) is left out, and the type works without
it. Either way there is one line in :meth:`Plugins.problems`, with the package and the entry point.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scanready.catalogue import TargetType
from scanready.model import Cause
from scanready.wire.printable import visible

from .attempt import attempted
from .name import name_fault

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .origin import Origin

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
        if not self.installed:
            return found
        from .origin import described, package

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
            self._rows[name] = self._loaded(name, entry)
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def origin(self, name: str) -> Origin | None:
        """Return where a type comes from; None for one that no other package brings."""
        if name in self._built_in or name not in self.entries:
            return None
        from .origin import Origin

        return Origin(self.entries[name])

    def with_causes(self, known: Mapping[str, Cause]) -> dict[str, Cause]:
        """Return the causes that are known with those of all plug-ins; a code that is taken is left out, and noted."""
        found = dict(known)
        if not self:
            return found
        from .load import causes_of
        from .origin import described

        whose = dict.fromkeys(known, "scanready itself has")
        for name, row in self.items():
            for cause in causes_of(row):
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
        from .origin import described

        line = visible(f"{described(entry)}: {what}", _MOST)
        self._problems.setdefault(line, set()).update({entry.name.lower(), *about})
        return line

    def _loaded(self, name: str, entry: EntryPoint | None) -> TargetType:
        from .load import broken, load  # the checks of a plug-in load where one is used

        if entry is None:
            return broken(name, self._misnamed[name.lower()])
        return load(entry, {*self._built_in, *self.entries}, lambda fault, *about: self._note(entry, fault, *about))


def _names_in(about: str) -> set[str]:
    """The name of a type or the code of a cause; of a code also its area, which is the name of its type."""
    return {about, about.lower(), about.lower().partition(".")[0]}
