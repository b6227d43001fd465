"""Warn of a certificate that ends soon, before it is the cause of a failed scan.

A number of days by itself would warn of every certificate that lives for a week and is renewed in time. So less than a
quarter of its own lifetime must be left, too.
"""

from __future__ import annotations

import datetime
from typing import NamedTuple

#: A certificate is mentioned, without a warning, if it ends within so many days.
MENTIONED = 30.0
#: The part of its lifetime after which a renewal is late: the usual clients renew when a third is left.
_LATE = 0.25
_DAY, _HOUR = datetime.timedelta(days=1), datetime.timedelta(hours=1)


class Ending(NamedTuple):
    """Hold the lifetime of the certificate of a chain that ends first; ``subject`` is empty for the server's own."""

    since: datetime.datetime
    until: datetime.datetime
    subject: str = ""


def first(endings: list[Ending]) -> Ending | None:
    """Return the one that ends first."""
    return min(endings, key=lambda one: one.until, default=None)


def soon(ending: Ending | None, days: float) -> str:
    """Return the words for an end within ``days`` and within the last quarter of the lifetime; otherwise empty."""
    late = ending is not None and _left(ending) < _LATE * (ending.until - ending.since)
    return within(ending, days) if late else ""


def within(ending: Ending | None, days: float) -> str:
    """Return the words for an end within ``days``; otherwise empty."""
    if ending is None or (left := _left(ending)) >= days * _DAY:
        return ""
    number, unit = (left // _DAY, "day") if left >= 2 * _DAY else (left // _HOUR, "hour")
    which = f"the CA certificate {ending.subject}" if ending.subject else "the certificate"
    return f"{which} ends in {number} {unit}{'' if number == 1 else 's'}, on {ending.until:%Y-%m-%d %H:%M} UTC"


def _left(ending: Ending) -> datetime.timedelta:
    return ending.until - datetime.datetime.now(datetime.UTC)
