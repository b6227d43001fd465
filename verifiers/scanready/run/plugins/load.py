"""Load the target type of another package: read its entry point, check what it brings, and guard it.

A package that is broken never ends a run. Its type has a row all the same, whose check ends ``undecided`` and says
what is wrong; a part that only adds words (the story, a signature, a cause) is left out, and the type works without
it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

from scanready.catalogue import TargetType, Verifier
from scanready.model import Cause, Step

from .attempt import Unusable, attempted
from .checks import wrong_cause
from .guards import Guards
from .importing import Raised, importing
from .origin import described
from .parts import checked_parts
from .row import RowSource, only_options, row_fault
from .shape import shape_fault
from .stand_in import stand_in

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from scanready.climb.probe import Probe

#: Takes a fault, and the codes of the causes it is about; returns the line that is shown of it.
Note = Callable[..., str]


def load(entry: EntryPoint, taken: Collection[str], note: Note) -> TargetType:
    """Return the row that an entry point brings, with its parts checked and guarded; a stand-in for one of no use.

    Args:
        entry: the entry point.
        taken: the names of all target types, its own included.
        note: called with each fault.
    """
    try:
        return importing(_read, entry, taken, note)
    except Raised as raised:
        fault, trace = f"does not load: {raised}", raised.trace
    except Unusable as unusable:
        fault, trace = str(unusable), unusable.trace
    return broken(entry.name, note(fault), trace)


def _read(entry: EntryPoint, taken: Collection[str], note: Note) -> TargetType:
    """Load and check what an entry point brings.

    Raises:
        Unusable: it is no target type, or not a right one.
        Exception: whatever its modules raise.
    """
    guards = Guards(described(entry), note)
    loaded = entry.load()
    if inspect.iscoroutinefunction(loaded):
        _check_causes(loaded, note)
        return stand_in(entry.name, loaded)
    if fault := row_fault(loaded, RowSource(entry.name, _top(entry.value), lambda top: _owns(entry, top), taken)):
        raise Unusable(fault)
    if fault := shape_fault(loaded.verify(), Verifier, "its verify"):
        raise Unusable(fault)
    loaded = replace(loaded, split=only_options(loaded))
    parts, left_out = checked_parts(loaded, guards)
    for part, code in left_out:
        note(part, code)
    return guards.row(loaded, parts)


def _check_causes(verify: Verifier, note: Note) -> None:
    """Note the causes in the module of a bare coroutine that are left out."""
    for name, value in vars(sys.modules[verify.__module__]).items() if verify.__module__ in sys.modules else ():
        if fault := wrong_cause(value):
            note(f"its cause {name} is left out: {fault}", str(value.code))


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


def causes_of(row: TargetType) -> Iterator[Cause]:
    """Yield the causes of a row's package; those of a bare coroutine stand in its module."""
    module: ModuleType | None = row.part("causes")
    if module is None and not row.home and callable(row.verifier):
        module = sys.modules.get(row.verifier.__module__)
    for value in vars(module).values() if module else ():
        if isinstance(value, Cause) and not wrong_cause(value):
            yield value


def _top(module: str) -> str:
    """The top-level package in the value of an entry point."""
    return module.partition(":")[0].partition(".")[0].strip()


def _owns(entry: EntryPoint, top: str) -> bool:
    """Whether the distribution of an entry point installed a top-level package."""
    files, _ = attempted(lambda: entry.dist.files if entry.dist else None)
    return any(file.parts[0] in (top, f"{top}.py") for file in files or ())
