"""The context of a report: a title, an earlier run to compare with, and the runs before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scanready.model import Verdict

from .glimpse import Glimpse, Key


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier run to compare with, by the few words that are kept of each result.

    Attributes:
        name: of the run, or of its file.
        started: UTC, ISO 8601; empty if unknown.
        agent: the name of its agent.
        whole: all targets of both runs are compared, so one that is missing is no longer checked.
    """

    name: str
    started: str
    agent: str
    glimpses: Mapping[Key, Glimpse]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Moment:
    """The result of one run: when it started (UTC, ISO 8601), and how many targets had each verdict."""

    started: str
    verdicts: Mapping[Verdict, int]


@dataclass(frozen=True, slots=True)
class Background:
    """A report's additions to its run.

    Attributes:
        title: a title of the user's own, empty for none.
        since: an earlier run; the report says what changed since.
        trend: earlier runs of the same targets, the oldest first.
    """

    title: str = ""
    since: Earlier | None = None
    trend: Sequence[Moment] = ()


#: Nothing besides the run.
NOTHING = Background()
