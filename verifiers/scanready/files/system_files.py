"""Recognise the files that the kernel makes up: they look ordinary, and none can be made, replaced or locked.

SQLite waits again and again for a database that such a file never becomes; opening ``/proc/kmsg`` for that takes lines
away from the kernel's log. To read one within bounds is another matter; see :mod:`scanready.files.reading`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: Directories where Linux mounts such file systems (filesystems(5)); each has a device number of its own.
_MOUNTED = ("/proc", "/sys", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/security", "/sys/fs/cgroup")


def is_of_system(found: os.stat_result) -> bool:
    """Return True if a file lies in one of the kernel's own file systems, however it is reached."""
    if sys.platform == "win32":
        return False
    return any(_device(directory) == found.st_dev for directory in _MOUNTED if Path(directory).is_mount())


def _device(directory: str) -> int | None:
    try:
        return os.stat(directory).st_dev
    except OSError:
        return None
