"""Say how long the refusal of a login binds: for a time, at most twice in a row, and then until a user acts. No I/O."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from . import timestamps

#: The most refused logins in a row, the automatic tries included. After these, only an option or a change ends it.
MOST_REFUSALS = 3


@dataclass(frozen=True, slots=True)
class Bound:
    """Say that a login binds. ``until`` is UTC, ISO 8601; None if time does not end it."""

    until: str | None


def bound(when: str, refusals: int, retry_after: float, now: str) -> Bound | None:
    """Return how long a login binds that was refused, or had no answer; None if it does not bind any more.

    Args:
        when: the moment of the last one, UTC, ISO 8601.
        refusals: how many there were in a row.
        retry_after: the seconds after which one try is made.
        now: this moment, UTC, ISO 8601.
    """
    if refusals >= MOST_REFUSALS:
        return Bound(None)
    until = _later(when, retry_after)
    return Bound(until) if until is None or now < until or now < when else None


def _later(moment: str, seconds: float) -> str | None:
    """Return a moment that is ``seconds`` later; None for text of another origin, after which time ends nothing."""
    try:
        return timestamps.written(datetime.datetime.fromisoformat(moment) + datetime.timedelta(seconds=seconds))
    except (ValueError, OverflowError, TypeError):
        return None
