"""Describe the context of a report: its title, an earlier run to compare with, and the trend of the last runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .earlier import Earlier, Moment


class Background(NamedTuple):
    """The parts of a report that are not from its run.

    Attributes:
        title: the user's title, empty for none.
        since: an earlier run; the report lists the changes since.
        trend: earlier runs of the same targets, the oldest first.
    """

    title: str = ""
    since: Earlier | None = None
    trend: Sequence[Moment] = ()


#: A report of the run only.
NOTHING = Background()
