"""Refuse a store that other users can change, and warn of one that they can read."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from pathlib import Path

from scanready.files import places
from scanready.files.system_files import is_of_system
from scanready.files.trust import is_trusted, others_can_write, this_user, user_name

from .errors import StoreError

#: True where the mode of a file says which users can use it; on Windows it does not.
_MODES = os.name != "nt"
_MAGIC = b"SQLite format 3\0"


def trusted_path(path: Path) -> Path:
    """Return the path without links.

    Raises:
        StoreError: a link on the way may be another user's, or its directory is not there.
    """
    try:
        places.find(str(path)).close()
        return path.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        words = error.strerror if isinstance(error, OSError) else "not a file name"
        raise StoreError(f"{path}: {words}") from error


def check_place(path: Path, *, writing: bool) -> None:
    """Refuse a store that another user can change, or that is no regular file.

    SQLite makes further files beside the store (its log and index) and believes what it finds there. So the directory
    matters as much as the file, and the sticky bit of a shared one does not help.

    Raises:
        StoreError: it says what to do.
    """
    found = _look(path)
    if found is not None:
        if stat.S_ISDIR(found.st_mode):
            raise StoreError(f"{path} is a directory: name a file")
        if not stat.S_ISREG(found.st_mode) or is_of_system(found):  # before SQLite waits for it
            raise StoreError(f"{path}: {_kind(found)}; name a regular file, or a new one, with --store")
    if not _MODES:
        return
    directory = _look(path.parent)
    owners = set() if found is None or writing else {found.st_uid}
    if found is not None:
        _check_file(path, found, owners)
    if directory is not None and _others_write(directory, owners):
        raise StoreError(
            f"{path}: {_who(directory)} can change its directory ({_mode(directory)}), and so the runs in it; "
            f"{_cure(directory, 'chmod go-w', path.parent)}"
        )


def _kind(found: os.stat_result) -> str:
    if stat.S_ISREG(found.st_mode):
        return "a file of the kernel's"
    return "a pipe" if stat.S_ISFIFO(found.st_mode) else "no regular file"


def remarks(path: Path) -> list[str]:
    """Return what to warn of: a store that others can read. Its results name hosts, accounts and weaknesses."""
    found = _look(path)
    if (
        found is None
        or not _MODES
        or not found.st_mode & (stat.S_IRGRP | stat.S_IROTH)
        or not _is_database(path, found)
    ):
        return []
    return [f"{path}: other users can read the stored runs ({_mode(found)}): chmod 600 {_quoted(path)}"]


def _is_database(path: Path, found: os.stat_result) -> bool:
    """Return True for a file of SQLite's; of another one, opening the store says what is wrong."""
    if not stat.S_ISREG(found.st_mode) or is_of_system(found):
        return False
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
    return False


def _check_file(path: Path, found: os.stat_result, owners: set[int]) -> None:
    if not is_trusted(found.st_uid) and found.st_uid not in owners:
        raise StoreError(f"{path}: it belongs to {user_name(found.st_uid)}; name a file of your own with --store")
    if _others_write(found, owners):
        cure = _cure(found, "chmod 600", path)
        raise StoreError(f"{path}: other users can change it ({_mode(found)}), and so the runs in it; {cure}")


def _others_write(found: os.stat_result, owners: set[int]) -> bool:
    """Whether others can write, apart from the owner of a store that is only read."""
    if found.st_uid in owners and not is_trusted(found.st_uid):
        return bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    return others_can_write(found)


def _who(found: os.stat_result) -> str:
    return "other users" if is_trusted(found.st_uid) else user_name(found.st_uid)


def _cure(found: os.stat_result, command: str, path: Path) -> str:
    elsewhere = "name a file in a directory of your own with --store"
    if found.st_uid != this_user() or found.st_mode & stat.S_ISVTX:
        return elsewhere
    return f"{command} {_quoted(path)}, or {elsewhere}"


def _mode(found: os.stat_result) -> str:
    return f"mode {stat.S_IMODE(found.st_mode):04o}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else "not a file name"
        raise StoreError(f"{path}: {words}") from error
