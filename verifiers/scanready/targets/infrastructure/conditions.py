"""Decide when a line of a scanner's requirements applies to a connection to its own servers."""

from __future__ import annotations

from scanready.catalogue.requirement import Condition, Seen, by_name
from scanready.model import Target


def _unknown(target: Target, known: Seen) -> bool | None:
    """Return None: a check cannot find out how the Master Server gets its updates."""
    return None


def _no_443(target: Target, known: Seen) -> bool | None:
    """Return False once 443 answered: the console redirects browsers from 80 to it, so 80 may be closed."""
    return False if any(port == 443 for _, port, _ in known.endpoints) else None


CONDITIONS = by_name(
    Condition("browsers that begin with http://; it may be closed if 443 works", _no_443, "without-443"),
    Condition("the Master Server, and only if updates are not copied manually", _unknown, "automatic-updates"),
)
