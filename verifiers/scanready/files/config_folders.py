"""Find the configuration folders of this user and of the system, and check who can write a file in them."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from .trust import is_trusted, others_can_write, user_name

SYSTEM = Path("/etc/scanready")


def folders() -> list[Path]:
    """Return the folders: this user's, which comes first, and the system's."""
    if sys.platform not in ("win32", "darwin"):  # the same as platformdirs, without its import at each start
        home = os.environ.get("XDG_CONFIG_HOME", "").strip() or os.path.expanduser("~/.config")
        own = Path(home) / "scanready"
        return [own, SYSTEM] if own.is_absolute() else [SYSTEM]  # without a home directory it begins with "~"
    from platformdirs import site_config_path, user_config_path

    system = site_config_path("scanready", appauthor=False) if sys.platform == "win32" else SYSTEM
    own = user_config_path("scanready", appauthor=False, roaming=True)
    return [own, system] if own.is_absolute() else [system]


def is_protected(folder: Path) -> bool:
    """Return True if the system lets only this user or an administrator make files in a configuration folder.

    Windows lets every user make folders in ``%PROGRAMDATA%``, and Python does not read its access lists. So only the
    user's own folder counts there.
    """
    return os.name != "nt" or folder in folders()[:-1]


def written_by_others(file: Path) -> str:
    """Return why other users can change a file, or exchange it in its folder; empty if they cannot.

    Windows has no such modes: :func:`is_protected` is what counts there.

    Raises:
        OSError: the file or its folder cannot be looked at.
    """
    if os.name == "nt":
        return ""
    for place in (file, file.parent):
        found = place.stat()
        what = "it" if place == file else "its folder"
        if not is_trusted(found.st_uid):
            return f"{what} belongs to {user_name(found.st_uid)}: chown it to this user or to root"
        if others_can_write(found):
            return f"other users can write {what} (mode {stat.S_IMODE(found.st_mode):04o}): chmod go-w {place}"
    return ""
