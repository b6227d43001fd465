"""Take POSIX away from the modules of the product, in this process and in those that it starts.

A module of the product that imports ``os`` gets a view of it, without what Windows lacks and with what only Windows
has; its libraries and its tests keep the real one. So that a mistake is an AttributeError here as it is there.
"""

from __future__ import annotations

import builtins
import ctypes
import importlib
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import time
from types import ModuleType
from typing import Any

from . import files, processes, sockets


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


#: Modules that Windows' Python does not have.
MODULES = _names("crypt curses fcntl grp nis posix pty pwd readline resource spwd syslog termios tty")
#: The names in other modules that Python's library reference marks "Availability: Unix", or Linux.
NAMES: dict[ModuleType, frozenset[str]] = {
    os: _names(
        "CLD_EXITED EX_OK EX_USAGE F_LOCK O_CLOEXEC O_DIRECTORY O_NOCTTY O_NOFOLLOW O_NONBLOCK O_PATH P_PID WEXITED "
        "WEXITSTATUS WIFEXITED WIFSIGNALED WNOHANG WNOWAIT chown confstr ctermid eventfd fchmod fchown fdatasync fork "
        "forkpty fstatvfs getegid geteuid getgid getgroups getloadavg getpgid getpgrp getpriority getresuid getsid "
        "getuid getxattr killpg lchown listxattr lockf major memfd_create mkfifo mknod nice openpty pipe2 "
        "posix_fadvise posix_spawn pread pwrite register_at_fork sched_getaffinity sched_setaffinity sendfile "
        "setgid setpgid setsid "
        "setuid setxattr statvfs sync sysconf tcgetpgrp ttyname uname wait wait3 waitid"
    ),
    socket: _names(
        "AF_NETLINK AF_PACKET AF_UNIX AF_VSOCK AI_IDN CMSG_LEN CMSG_SPACE EAI_ADDRFAMILY EAI_SYSTEM "
        "IP_MTU_DISCOVER IP_RECVERR IP_TRANSPARENT IPV6_RECVERR MSG_DONTWAIT MSG_ERRQUEUE MSG_NOSIGNAL SCM_RIGHTS "
        "SOCK_CLOEXEC SOCK_NONBLOCK SO_BINDTODEVICE SO_MARK SO_PEERCRED SO_REUSEPORT TCP_CORK TCP_INFO TCP_QUICKACK "
        "TCP_USER_TIMEOUT recv_fds send_fds sethostname"
    ),
    signal: _names(
        "ITIMER_REAL SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 SIGWINCH "
        "alarm pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigwait"
    ),
    time: frozenset({"CLOCK_BOOTTIME", "CLOCK_MONOTONIC", "clock_gettime", "tzset"}),
    select: frozenset({"EPOLLIN", "epoll", "kqueue", "poll"}),
    sys: frozenset({"getdlopenflags", "setdlopenflags", "abiflags"}),
    subprocess: frozenset(),
    platform: frozenset(),
}


class View(ModuleType):
    """A module as Windows has it; what a test puts into the real one is there, too."""

    def __init__(self, real: ModuleType, gone: frozenset[str], told: dict[str, Any]) -> None:
        super().__init__(real.__name__)
        own = {name: getattr(real, name, None) for name in told}
        object.__setattr__(self, "_parts", (real, gone, told, own))

    def __getattribute__(self, name: str) -> Any:
        real, gone, told, own = object.__getattribute__(self, "_parts")
        if name in told and getattr(real, name, None) is own[name]:
            return told[name]
        if name in gone:
            raise AttributeError(f"Windows' {real.__name__} has no {name!r}")
        return getattr(real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_parts")[0], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(object.__getattribute__(self, "_parts")[0], name)


#: Milliseconds of a tick of Windows' clocks.
TICK = 0.015625


def _ticking(clock: Any) -> Any:
    return lambda: clock() // TICK * TICK


def _no_release() -> Any:
    raise OSError("Windows has no os-release")


_VIEWS = {
    real.__name__: View(real, gone, told)
    for real, gone, told in (
        (
            os,
            NAMES[os],
            {"name": "nt", "kill": processes.kill, "O_BINARY": 0, "O_NOINHERIT": os.O_CLOEXEC} | files.TOLD,
        ),
        (socket, NAMES[socket], {"socketpair": sockets.pair, "fromshare": sockets.from_share}),
        (signal, NAMES[signal], {"CTRL_BREAK_EVENT": 1, "CTRL_C_EVENT": 0, "SIGBREAK": signal.SIGUSR1}),
        (time, NAMES[time], {"time": _ticking(time.time), "monotonic": _ticking(time.monotonic)}),
        (select, NAMES[select], {}),
        (sys, NAMES[sys], {"platform": "win32", "getwindowsversion": lambda: (10, 0, 20348, 2, "")}),
        (subprocess, NAMES[subprocess], processes.TOLD),
        (ctypes, frozenset(), {"windll": processes.LIBRARIES}),
        (
            platform,
            NAMES[platform],
            {
                "system": lambda: "Windows",
                "release": lambda: "2022Server",
                "machine": lambda: "AMD64",
                "platform": lambda *_, **__: "Windows-2022Server-10.0.20348-SP0",
                "freedesktop_os_release": _no_release,
            },
        ),
    )
}


def is_ours(name: object) -> bool:
    """Return True for the name of a module of the product."""
    return isinstance(name, str) and (name == "scanready" or name.startswith("scanready."))


def install() -> None:
    """Take it away, once; before a module of the product is imported."""
    if getattr(builtins.__import__, "as_if_windows", False):
        return
    early = sorted(name for name in sys.modules if is_ours(name))
    assert not early, f"already imported: {early[:3]}"
    real_import = builtins.__import__
    winreg, msvcrt = files.winreg(), files.msvcrt()

    def imported(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if level or not is_ours((globals or {}).get("__name__")):
            return real_import(name, globals, locals, fromlist, level)
        if name.partition(".")[0] in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r} on Windows", name=name)
        if name in ("winreg", "msvcrt"):
            return winreg if name == "winreg" else msvcrt
        found = real_import(name, globals, locals, fromlist, level)
        return _VIEWS.get(name, found)

    setattr(imported, "as_if_windows", True)  # noqa: B010  # an attribute of a function
    builtins.__import__ = imported
    files.install(lambda: is_ours(_caller()))
    sockets.install(is_ours)
    importlib.import_module("scanready")


def _caller() -> object:
    return sys._getframe(3).f_globals.get("__name__")
