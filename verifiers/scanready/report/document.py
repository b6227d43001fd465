"""What every format is: text for the beginning of a run, for each report as it comes, and for the end."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from scanready.model import Agent, Report, Standing, Step, Target, Verdict

from .background import NOTHING, Background


@dataclass(frozen=True, slots=True)
class Look:
    """How a human output is drawn: ``width`` in columns, ``verbosity`` -1 (quiet), 0 or 1 and more."""

    width: int = 100
    color: bool = False
    unicode: bool = True
    verbosity: int = 0


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What is known of a run when it begins. ``started`` is UTC, ISO 8601; ``timeout`` seconds per target.

    ``tried`` is for hosts whose type was not given, where every type is tried and the answer
    is what they can be scanned as: ``id(target)`` to the host as it was asked for. ``asked`` is how many targets there
    were, where that is more than is known of (a stored run that was cut short); 0 where it is not. ``require``
    is what ``--require`` asked for; ``background`` is what a report says besides the run.
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


@dataclass(slots=True)
class Totals:
    """What became of a run.

    ``seconds`` is wall time; ``unchecked`` counts targets an interruption left out; ``known`` counts what became of
    known failures, whose verdicts are counted like all others.
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
        """How many reports there are."""
        return sum(self.verdicts.values())


class Places:
    """Where each report belongs: in the order of the run's targets, and after them if its target is none of those."""

    def __init__(self, run: RunInfo) -> None:
        self._known = {id(target): place for place, target in enumerate(run.targets)}
        self._next = itertools.count(len(self._known))

    def of(self, target: Target) -> int:
        """Return the place of a target, from 0."""
        place = self._known.get(id(target))
        return next(self._next) if place is None else place


#: The exit code of a format whose reader has codes of its own, where nothing is known.
UNKNOWN = 3


@runtime_checkable
class OwnExitCode(Protocol):
    """A format whose reader has exit codes of its own."""

    exit_code: int


class Document(Protocol):
    """One format. Each method returns the text to write now; a streaming format keeps no report."""

    def begin(self, run: RunInfo) -> str:
        """Return what comes before the first report."""

    def add(self, report: Report) -> str:
        """Return what is written as this report comes."""

    def end(self, totals: Totals) -> str:
        """Return what comes after the last report."""
