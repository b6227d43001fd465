"""Moments as every result, run and transcript has them: UTC, ISO 8601, to the millisecond, with a ``Z``."""

from __future__ import annotations

import datetime


def now() -> str:
    """Return this moment."""
    return written(datetime.datetime.now(datetime.UTC))


#: The years that are read: arithmetic with a few hours or minutes stays within the calendar.
_FIRST, _LAST = 1000, 9000


def read(text: str) -> datetime.datetime:
    """Return a moment (ISO 8601) in UTC, of a text that others may have written. Without a zone, it is of UTC.

    Raises:
        ValueError: it is no such text, or its year is not one of 1000 to 9000.
    """
    moment = datetime.datetime.fromisoformat(text)
    if not _FIRST <= moment.year <= _LAST:
        raise ValueError(f"the year {moment.year} is not one of {_FIRST} to {_LAST}")
    return moment.astimezone(datetime.UTC) if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def written(moment: datetime.datetime) -> str:
    """Return a moment of UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
