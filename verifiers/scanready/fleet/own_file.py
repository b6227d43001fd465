"""Let one process use an agent's file: two of one name on a host would both write it, and share its batches."""

from __future__ import annotations

import re
from pathlib import Path

from scanready.store import RunLock, StoreError

from .journal import JournalError


def held_alone(path: Path, name: str) -> RunLock:
    """Return the lock of an agent's file; it is held until the process ends.

    Raises:
        JournalError: another process has it, or its folder cannot be made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return RunLock(path, 0, name)
    except OSError as error:
        raise JournalError(f"{path}: {error}: name another file with --store") from error
    except StoreError as error:
        holder = re.search(r" \(process \d+\)", str(error))
        other = f"another process{holder[0] if holder else ''} is the agent {name} with this file"
        raise JournalError(f"{path}: {other}: stop it, or run only one") from error
