"""How much memory a login may take, and how that is held.

Two bounds, for each misses something. The parent looks at the resident size every 50 ms and kills: that holds for any
library, and misses a burst between two looks. The kernel refuses more than RLIMIT_DATA: that holds at once, and a
library may report the refusal in words of its own. So the kernel's bound lies above the parent's.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

#: Bytes above what the process has when its libraries are loaded.
MOST = 64 << 20
#: Bytes that a login may have, however many the others take; one at a healthy server takes less than 1 MB (measured).
LEAST = 8 << 20
#: The kernel's bound, above the same. It counts what is mapped, not what is used (a thread's stack is 8 MB), and the
#: looks of the parent catch whatever fills it slowly.
MOST_MAPPED = 92 << 20
#: The same for a library with a runtime of its own, which ends where it is refused a mapping: Go's maps 64 MB at once
#: for its heap and 8 MB for each of its threads, 119 MB for a login on two cores (measured).
MOST_OF_RUNTIME = 1 << 30
#: Seconds between two looks.
INTERVAL = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

#: True where the parent can look at another process; elsewhere the process looks at itself.
VISIBLE = sys.platform == "linux"


def resident(pid: int) -> int | None:
    """Return the bytes of a process that no file backs; None once it is gone.

    Pages that it shares with the process it was forked from count, so what it adds is the difference of two looks.
    """
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
            _, all_of_it, of_files, *_ = file.read(256).split()
    except (OSError, ValueError):
        return None
    return (int(all_of_it) - int(of_files)) * _PAGE


class Together:
    """The logins of one run: beyond :data:`MOST` in all, the largest is ended, down to :data:`LEAST` each."""

    def __init__(self) -> None:
        self._grown: dict[object, tuple[int, Callable[[], object]]] = {}

    def note(self, login: object, grown: int, end: Callable[[], object]) -> None:
        """Note by how many bytes a login has grown; ``end`` is called at once, or later, if it is too many."""
        self._grown[login] = grown, end
        total = sum(size for size, _ in self._grown.values())
        while total > MOST:
            largest = max(self._grown, key=lambda one: self._grown[one][0])
            size, end_it = self._grown[largest]
            if size <= LEAST:
                return
            del self._grown[largest]
            total -= size
            end_it()

    def forget(self, login: object) -> None:
        """It has ended."""
        self._grown.pop(login, None)


def limit_mapped(most: int = MOST_MAPPED) -> None:
    """Have the kernel refuse this process more than ``most`` bytes from now on, where it can (Linux)."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        mapped = next(int(line.split()[1]) << 10 for line in file if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (mapped + most, mapped + most))


def watch_here(end: Callable[[], object]) -> None:
    """Look at this process itself, from a thread, and call ``end`` when it has taken too much."""
    base = _own_peak()

    def look() -> None:
        while _own_peak() - base <= MOST:
            time.sleep(INTERVAL)
        end()

    threading.Thread(target=look, daemon=True).start()


def _own_peak() -> int:
    """The largest resident size so far, in bytes."""
    if sys.platform == "win32":
        import ctypes
        from ctypes import wintypes

        class Counters(ctypes.Structure):
            _fields_ = [
                ("cb", wintypes.DWORD),
                ("PageFaultCount", wintypes.DWORD),
                ("PeakWorkingSetSize", ctypes.c_size_t),
                ("WorkingSetSize", ctypes.c_size_t),
                ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
                ("QuotaPagedPoolUsage", ctypes.c_size_t),
                ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
                ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
                ("PagefileUsage", ctypes.c_size_t),
                ("PeakPagefileUsage", ctypes.c_size_t),
            ]

        counters = Counters(cb=ctypes.sizeof(Counters))
        process = ctypes.c_void_p(ctypes.windll.kernel32.GetCurrentProcess())
        ctypes.windll.psapi.GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb)
        return int(counters.PeakWorkingSetSize)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10
