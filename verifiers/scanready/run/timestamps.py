"""Moments as every result, run and transcript has them: UTC, ISO 8601, to the millisecond, with a ``Z``."""

from __future__ import annotations

import datetime


def now() -> str:
    """Return this moment."""
    return written(datetime.datetime.now(datetime.UTC))


def written(moment: datetime.datetime) -> str:
    """Return a moment of UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
