"""Judge a result as a build server does: each cause is an error, a warning or a note at the line of its target.

An error is a target that the exit code counts. So undecided targets are errors, as are those below ``--require`` and
known failures past their date. A limited target is a warning. A known failure that is not counted yet is a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from scanready.model import HOLDS, Owner, Report, Standing, Target, Verdict
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible, visible_lines

from .findings import Told, besides, decisive
from .known import note

_LONGEST = 4000
_LONGEST_FIX = 400
#: Names an annotation that has no cause.
_WITHOUT = "verdict"


class Level(IntEnum):
    """The levels, the gravest first."""

    ERROR = 0
    WARNING = 1
    NOTE = 2


@dataclass(frozen=True, slots=True)
class Annotation:
    """One remark about one target.

    Attributes:
        level: its level.
        code: of its cause; of a remark without a cause, ``verdict.`` and the verdict.
        verdict: the verdict of the target.
        target: the target.
        first: True for the cause that decides the verdict, False for a further one.
        told: the cause; None without one.
        detail: the evidence, on one line.
        known: the state of the known failure; empty if none is known.
        waived: the known failure is not counted.
        agents: in an estate view, the agents that met the cause.
    """

    level: Level
    code: str
    verdict: Verdict
    target: Target
    first: bool
    told: Told | None
    detail: str
    known: str = ""
    waived: bool = False
    agents: tuple[str, ...] = ()

    @property
    def owner(self) -> Owner | None:
        """The first owner of the cause; None without a cause."""
        return self.told.owner if self.told else None

    def sentence(self) -> str:
        """Return the target, its verdict and the evidence, on one line."""
        name = visible_name(self.target)
        if not self.first:
            return f"{name}: also found: {self.detail}{_met_by(self.agents)}"
        return f"{name} is {self.verdict}: {self.detail}{_met_by(self.agents)}"

    def also(self) -> Iterator[str]:
        """Yield the cause, its evidence, and what each owner changes, for the remark about another cause."""
        yield f"Also found: {self.code} ({self.owner}): {self.detail}{_met_by(self.agents)}"
        yield from self._changes()

    def lines(self) -> Iterator[str]:
        """Yield the sentence, the state of the known failure, and what each owner changes."""
        yield self.sentence()
        if self.known:
            yield self.known[:1].upper() + self.known[1:]
        yield from self._changes()

    def _changes(self) -> Iterator[str]:
        for part in self.told.parts if self.told and not self.waived else ():
            yield f"Remedy ({part.owner}): {visible(part.remedy, _LONGEST)}"
            if part.fix:
                yield f"Fix ({part.owner}):"
                yield from (f"  {line}" for line in visible_lines(part.fix, _LONGEST_FIX))


def level_of(verdict: Verdict, standing: Standing | None, require: str | None) -> Level | None:
    """Return the level of a target; None if there is nothing to remark."""
    if standing is Standing.WAIVED:
        return Level.NOTE
    if standing is Standing.OVER or verdict not in HOLDS[require]:
        return Level.ERROR
    if verdict is Verdict.LIMITED:
        return Level.WARNING
    return Level.NOTE if standing is Standing.NO_LONGER_NEEDED else None


def annotations_of(report: Report, require: str | None) -> list[Annotation]:
    """Return the remarks about a result: that of the decisive cause, then those of the others."""
    level, others = level_of(report.verdict, report.standing, require), besides(report)
    known = note(report)
    waived = report.standing is Standing.WAIVED
    found = []
    if level is not None:
        told = decisive(report)
        detail = visible(told.detail) if told else known or "below the required level"
        first = Annotation(
            level, code_of(told, report.verdict), report.verdict, report.target, True, told, detail,
            known if told else "", waived,
        )  # fmt: skip
        found.append(first)
    found += further(report.target, report.verdict, ((one, ()) for one in others), level, waived)
    return found


def further(
    target: Target,
    verdict: Verdict,
    causes: Iterable[tuple[Told, tuple[str, ...]]],
    level: Level | None,
    waived: bool,
) -> Iterator[Annotation]:
    """Yield the remarks about the causes besides the decisive one, each with the agents that met it.

    None is graver than the target: a second cause does not fail a build by itself.

    Args:
        level: of the target; None if there is nothing to remark about its verdict.
    """
    least = Level.NOTE if level is None else level
    for told, agents in causes:
        own = Level.WARNING if told.verdict is Verdict.LIMITED else Level.ERROR
        yield Annotation(
            max(own, least), told.cause.code, verdict, target, False, told, visible(told.detail), "", waived, agents
        )


def code_of(told: Told | None, verdict: Verdict) -> str:
    """Return the code of a cause; without a cause, ``verdict.ready`` and the like."""
    return told.cause.code if told else f"{_WITHOUT}.{verdict}"


def _met_by(agents: tuple[str, ...]) -> str:
    from .estate.words import agent_names  # an estate view has them only

    return f" (met by {agent_names(agents)})" if agents else ""


class Annotated:
    """Sort the remarks of a run; those of a host without a type wait for its other types.

    A type that does not hold is no remark if another type of its host holds.

    Args:
        tried: ``id(target)`` to the host that was given without a type.
    """

    def __init__(self, tried: Mapping[int, str], require: str | None) -> None:
        self._tried, self._require = tried, require
        self._held: dict[str, list[list[Annotation]]] = {}
        self._fine: set[str] = set()

    def add(self, report: Report) -> list[Annotation]:
        """Return the remarks that can be written now."""
        found = annotations_of(report, self._require)
        host = self._tried.get(id(report.target))
        if host is None:
            return found
        if not found or found[0].level is not Level.ERROR:
            self._fine.add(host)
        else:
            self._held.setdefault(host, []).append(found)
            found = []
        return found

    def end(self) -> list[list[Annotation]]:
        """Return the remarks about the hosts of which no type holds, by target."""
        return [one for host, found in self._held.items() if host not in self._fine for one in found]
