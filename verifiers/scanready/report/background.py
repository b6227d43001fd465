"""The context of a report: a title, an earlier run to compare with, and the runs before it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Background:
    """A report's additions to its run.

    Attributes:
        title: a title of the user's own, empty for none.
    """

    title: str = ""


#: Nothing besides the run.
NOTHING = Background()
