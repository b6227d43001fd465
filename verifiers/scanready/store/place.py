"""Find the store where no file is named."""

from __future__ import annotations

from pathlib import Path

from .errors import StoreError


def default_path() -> Path:
    """Return where this platform keeps a user's data.

    Raises:
        StoreError: this user has no such place.
    """
    from platformdirs import user_data_path

    path = user_data_path("scanready", appauthor=False) / "runs.db"
    if not path.is_absolute():  # no home directory: it would be made under a directory called "~"
        raise StoreError("this user has no home directory for the run store; name a file with --store")
    return path
