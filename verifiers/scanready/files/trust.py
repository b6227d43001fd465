"""Tell from owner, mode and sticky bit which other users can write a file or a directory (POSIX)."""

from __future__ import annotations

import os
import stat
import sys

_ROOT = 0


class Refused(OSError):
    """Raise for a place that is not safe to use; ``strerror`` is a sentence that says what to do."""


def is_trusted(owner: int) -> bool:
    """Return True for the user identifier of this process, and for root's."""
    return owner in (this_user(), _ROOT)


def this_user() -> int:
    """Return the user identifier of this process, as ``st_uid`` has it: on Windows that is 0 for every file."""
    if sys.platform == "win32":
        return 0
    return os.geteuid()


def others_can_write(info: os.stat_result) -> bool:
    """Return True if a user other than this one and root can write: as owner, by the mode's bits, or as group member.

    A POSIX ACL that lets others write shows as the group's write bit, so it counts, too.
    """
    if not is_trusted(info.st_uid) or info.st_mode & stat.S_IWOTH:
        return True
    return bool(info.st_mode & stat.S_IWGRP) and not _is_private(info.st_gid)


def others_can_read_secret(info: os.stat_result) -> bool:
    """Return True if users can read a secret's file who should not: all, or the group of a file that is not root's.

    Root gives a file to a group on purpose, so that a service can read it. A file of another user has the group that
    its owner happened to have.
    """
    return bool(info.st_mode & stat.S_IROTH) or (bool(info.st_mode & stat.S_IRGRP) and info.st_uid != _ROOT)


def open_to_all(directory: os.stat_result) -> bool:
    """Return True if strangers can put files into a directory: every user can write it, or it is shared and sticky."""
    return bool(directory.st_mode & stat.S_IWOTH) or (others_can_write(directory) and is_sticky(directory))


def is_sticky(directory: os.stat_result) -> bool:
    """Return True if users can remove only their own files from a directory."""
    return bool(directory.st_mode & stat.S_ISVTX)


def user_name(owner: int) -> str:
    """Return a user's name for a message, the number where it has none."""
    if sys.platform == "win32":
        return str(owner)
    import pwd

    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return str(owner)


def _is_private(group: int) -> bool:
    """Return True for a group of only this user: many systems give each user one of the same name, and umask 002."""
    if sys.platform == "win32":
        return False
    import grp
    import pwd

    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and found.gr_name == user.pw_name and set(found.gr_mem) <= {user.pw_name}
