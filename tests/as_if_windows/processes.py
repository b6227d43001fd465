"""Processes as Windows has them: no signal but the end, no fork, and its own options of a start."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_REFUSED = ("preexec_fn", "pass_fds", "user", "group", "extra_groups", "umask", "process_group")
NEW_GROUP, NO_WINDOW = 0x200, 0x08000000


def kill(pid: int, number: int) -> None:
    """End a process at once, whatever the number, as ``TerminateProcess`` does; 0 ends it, too.

    Raises:
        OSError: there is none.
    """
    os.kill(pid, signal.SIGKILL)


class Popen(subprocess.Popen[bytes]):
    """Start a process with the options that Windows has."""

    def __init__(self, *arguments: Any, creationflags: int = 0, **options: Any) -> None:
        for name in (*_REFUSED, "start_new_session"):
            if options.get(name):
                raise ValueError(f"{name} is not supported on Windows platforms")
        if creationflags & NEW_GROUP:
            options["start_new_session"] = True
        super().__init__(*arguments, **options)


def _run(*arguments: Any, creationflags: int = 0, **options: Any) -> Any:
    if creationflags & NEW_GROUP:
        options["start_new_session"] = True
    return subprocess.run(*arguments, **options)


TOLD: dict[str, Any] = {
    "Popen": Popen,
    "run": _run,
    "CREATE_NEW_PROCESS_GROUP": NEW_GROUP,
    "CREATE_NO_WINDOW": NO_WINDOW,
}


def _memory_info(_: Any, counters: Any, __: int) -> int:
    """Fill in the peak of this process, as ``GetProcessMemoryInfo`` does."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    (peak,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    counters._obj.PeakWorkingSetSize = int(peak) << 10
    return 1


#: Stands for ``ctypes.windll``.
LIBRARIES = SimpleNamespace(
    kernel32=SimpleNamespace(GetCurrentProcess=lambda: -1), psapi=SimpleNamespace(GetProcessMemoryInfo=_memory_info)
)
