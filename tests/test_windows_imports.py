"""Every module of the package is imported in an interpreter that has nothing of POSIX, as on Windows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fixtures.limits import HANG

ROOT = Path(__file__).parent.parent / "verifiers"
#: Python's library reference marks these "Availability: Unix".
CODE = """
import asyncio, concurrent.futures.process, os, pkgutil, select, signal, socket, ssl, subprocess, sys, tempfile, time
import importlib, multiprocessing, shutil, logging.handlers, getpass, uuid, platform, ctypes
import sysconfig, {libraries}
sysconfig.get_config_vars()
for name in "fcntl pwd grp resource termios tty pty syslog curses readline".split():
    sys.modules[name] = None
gone = {{
    os: "fork forkpty killpg geteuid getuid getegid getgid getgroups getpgid setsid uname chown fchown fchmod pread "
    "pwrite sysconf statvfs waitid WNOHANG P_PID WEXITED O_NONBLOCK O_NOFOLLOW O_DIRECTORY O_CLOEXEC O_NOCTTY O_PATH "
    "sched_getaffinity mkfifo mknod register_at_fork getxattr setxattr pipe2",
    socket: "AF_UNIX AF_NETLINK AF_PACKET MSG_ERRQUEUE MSG_DONTWAIT SO_REUSEPORT SCM_RIGHTS EAI_NODATA "
    "send_fds recv_fds",
    signal: "SIGHUP SIGKILL SIGUSR1 SIGUSR2 SIGPIPE SIGCHLD SIGALRM SIGQUIT setitimer alarm pthread_sigmask",
    select: "poll epoll",
    time: "tzset clock_gettime",
}}
for module, names in gone.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
sys.platform = "win32"
sys.modules["msvcrt"] = type(sys)("msvcrt")  # which only Windows has
import scanready
failed = []
for found in pkgutil.walk_packages(scanready.__path__, "scanready."):
    if found.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(found.name)
    except Exception as error:
        failed.append(f"{{found.name}}: {{type(error).__name__}}: {{error}}")
print("\\n".join(failed) or "all")
"""
#: Libraries that bring their own care for Windows, and take POSIX's way here: loaded before it is gone.
LIBRARIES = (
    "click, rich.console, ruamel.yaml, pytest, psutil, cryptography.x509, OpenSSL.crypto, xml.sax, jinja2, "
    "celery.apps.worker, kombu.transport.pyamqp"
)


def test_no_module_needs_posix_to_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(libraries=LIBRARIES)],
        capture_output=True,
        text=True,
        timeout=HANG,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": "/"},
    )
    assert done.stdout.strip() == "all", done.stdout + done.stderr
