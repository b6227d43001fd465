"""Whether a condition of the catalogue holds for a target: True, False, or None where that cannot be told."""

from __future__ import annotations

import re
from collections.abc import Callable

from scanready.catalogue import When
from scanready.model import Target

from .endpoints import Seen


def holds(when: When, target: Target, known: Seen) -> bool | None:
    """Decide from the target's options and what a result found."""
    return CONDITIONS[when](target, known)


def _nfs_3(target: Target, known: Seen) -> bool | None:
    version = str(target.options.get("nfs_version") or "")
    if version:
        return version.startswith(("2", "3"))
    asked = any(port == 111 for _, port, _ in known.endpoints)
    return True if asked and len(known.endpoints) > 3 else None


def _windows_major(known: Seen) -> int | None:
    found = re.match(r"(\d+)\.\d", str(known.facts.get("version") or ""))
    return int(found[1]) if found else None


def _new_windows(target: Target, known: Seen) -> bool | None:
    """Taken for granted unless the host says otherwise: the older ones are out of support since 2015."""
    major = _windows_major(known)
    return major is None or major >= 6


def _old_windows(target: Target, known: Seen) -> bool | None:
    major = _windows_major(known)
    return None if major is None else major < 6


def _oldest_windows(target: Target, known: Seen) -> bool | None:
    dialect = str(known.facts.get("dialect") or "")
    return False if "2." in dialect or "3." in dialect else None


CONDITIONS: dict[When, Callable[[Target, Seen], bool | None]] = {
    When.ALWAYS: lambda target, known: True,
    When.NFS_3: _nfs_3,
    When.WINDOWS_2008: _new_windows,
    When.WINDOWS_2003: _old_windows,
    When.WINDOWS_2000: _oldest_windows,
    When.MASTER_UPDATES: lambda target, known: None,
}
