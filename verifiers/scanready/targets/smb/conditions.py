"""Decide when a line of a scanner's requirements applies to a CIFS or SMB file share."""

from __future__ import annotations

from scanready.catalogue.requirement import Condition, Seen, by_name
from scanready.model import Target


def _windows_2000(target: Target, known: Seen) -> bool | None:
    dialect = str(known.facts.get("dialect") or "")
    return False if "2." in dialect or "3." in dialect else None


CONDITIONS = by_name(Condition("Windows 2000 and older", _windows_2000, "windows-2000"))
