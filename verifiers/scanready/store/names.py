"""Names of runs: short enough to type, and in the order of time. ``20261127-0912-ab3`` began at 09:12 UTC."""

from __future__ import annotations

import datetime
import re
import secrets

# Without those that are taken for each other: 0 and o, 1, i and l; and without vowels no name is a word.
_LETTERS = "bcdfghjkmnpqrstvwxz23456789"
_NAME = re.compile(r"\d{8}-\d{4}-[a-z0-9]{3}")
_LAST = re.compile(r"last(?:~(\d{1,6}))?")


def new_name(now: datetime.datetime) -> str:
    """Return a name for a run that begins now (UTC); two in a minute differ, but for one in 20,000."""
    return f"{now:%Y%m%d-%H%M}-{''.join(secrets.choice(_LETTERS) for _ in range(3))}"


def looks_like_a_run(text: str) -> bool:
    """Return whether ``text`` is a run's name, or ``last`` or ``last~2``."""
    return bool(_NAME.fullmatch(text) or _LAST.fullmatch(text))


def runs_back(text: str) -> int | None:
    """Return how many runs before the last one ``last~2`` means; None if it is nothing of the kind."""
    found = _LAST.fullmatch(text)
    return int(found[1] or 0) if found else None
