"""Decide when a line of a scanner's requirements applies to a Windows host."""

from __future__ import annotations

import re

from scanready.catalogue.requirement import Condition, Seen, by_name
from scanready.model import Target


def _major(known: Seen) -> int | None:
    found = re.match(r"(\d+)\.\d", str(known.facts.get("version") or ""))
    return int(found[1]) if found else None


def _new(target: Target, known: Seen) -> bool | None:
    """Return True unless the host reports an older version; those have been out of support since 2015."""
    major = _major(known)
    return major is None or major >= 6


def _old(target: Target, known: Seen) -> bool | None:
    major = _major(known)
    return None if major is None else major < 6


CONDITIONS = by_name(
    Condition("Windows Server 2008 and newer", _new, "server-2008"),
    Condition("Windows Server 2003R2 and older", _old, "server-2003"),
)
