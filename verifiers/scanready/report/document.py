"""Define the interface of a format: text for the beginning of a run, for each report, and for the end."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from scanready.model import Agent, Report, Standing, Step, Target, Verdict

from .background import NOTHING, Background


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The properties of a run that are known when it begins.

    Attributes:
        started: UTC, ISO 8601.
        timeout: seconds for one target.
        tried: for hosts without a type, where every type is tried: ``id(target)`` to the host as the user named it.
        require: the level of ``--require``.
        asked: the number of targets that the user named, if a stored run has fewer results; otherwise 0.
        background: the parts of the report that are not from the run.
        assumed: the assumptions of ``report --assume``: the results are then no measurement.
    """

    version: str
    agent: Agent
    started: str
    timeout: float
    depth: Step
    targets: Sequence[Target]
    tried: Mapping[int, str] = field(default_factory=dict)
    require: str | None = None
    asked: int = 0
    background: Background = NOTHING
    assumed: tuple[str, ...] = ()


@dataclass(slots=True)
class Totals:
    """The counts of a run.

    ``seconds`` is wall time. ``unchecked`` counts the targets that an interruption left out. ``known`` counts the
    standings of known failures; ``verdicts`` counts these targets, too.
    """

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    seconds: float = 0.0
    interrupted: bool = False
    unchecked: int = 0
    known: Counter[Standing] = field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """Count a report."""
        self.verdicts[report.verdict] += 1
        if report.standing is not None:
            self.known[report.standing] += 1

    @property
    def targets(self) -> int:
        """The number of reports."""
        return sum(self.verdicts.values())


class Places:
    """Number the reports in the order of the run's targets; a report of another target is after them."""

    def __init__(self, run: RunInfo) -> None:
        self._known = {id(target): place for place, target in enumerate(run.targets)}
        self._next = itertools.count(len(self._known))

    def of(self, target: Target) -> int:
        """Return the place of a target, from 0."""
        place = self._known.get(id(target))
        return next(self._next) if place is None else place


#: The exit code "unknown" of a format whose reader defines its exit codes.
UNKNOWN = 3


@runtime_checkable
class OwnExitCode(Protocol):
    """A format whose reader defines its exit codes."""

    exit_code: int


class Document(Protocol):
    """One format. Each method returns the text to write now; a streaming format keeps no report."""

    def begin(self, run: RunInfo) -> str:
        """Return the text before the first report."""

    def add(self, report: Report) -> str:
        """Return the text to write for this report."""

    def end(self, totals: Totals) -> str:
        """Return the text after the last report."""
