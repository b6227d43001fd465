"""Describe earlier runs in a report: one to compare with, and the results of the last ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scanready.model import Verdict

from .glimpse import Glimpse, Key


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier run to compare with.

    Attributes:
        name: the name of the run, or of its file.
        started: UTC, ISO 8601; empty if unknown.
        agent: the name of its agent.
        glimpses: the summary of each result.
        whole: True if all targets of both runs are compared; a missing one is then no longer checked.
    """

    name: str
    started: str
    agent: str
    glimpses: Mapping[Key, Glimpse]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Moment:
    """The result of one run: its start (UTC, ISO 8601) and the number of targets with each verdict."""

    started: str
    verdicts: Mapping[Verdict, int]
