"""Start an interpreter of our own that finds what this one finds, with a socket to it and nothing else of ours."""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from scanready.clients.child_process import close, feed, own_group, take_standard_input
from scanready.net.sockets import of_descriptor

from .surroundings import environment

#: Its arguments are no secrets: what it is to be, what cannot be imported, and where modules are.
_START = (
    "import sys; sys.path[:] = sys.argv[3].split('\\n'); sys.modules.update(dict.fromkeys(sys.argv[2].split())); "
    "from scanready.clients.login_process.template import main; main()"
)


def start(role: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Return the process and our end of the socket; ``role`` is "template" or "login".

    Raises:
        OSError: see :func:`begin`.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            return begin(_START, role, theirs, environment()), ours
        except BaseException:
            ours.close()
            raise


def begin(code: str, role: str, theirs: socket.socket, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start an interpreter that runs ``code`` and has ``theirs`` as its only channel to us.

    ``code`` finds ``role``, the barred modules and the paths of modules in ``sys.argv``. Modules that cannot be
    imported here cannot be there, either: None stands for them in :data:`sys.modules`.

    Raises:
        BrokenPipeError: it ended before it had its channel.
        OSError: this host does not permit it.
    """
    barred = " ".join(name for name, module in sys.modules.copy().items() if module is None)
    process = subprocess.Popen(
        [sys.executable, "-c", code, role, barred, "\n".join(str(Path(path).absolute()) for path in sys.path)],
        stdin=subprocess.PIPE if sys.platform == "win32" else theirs.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env,
        **own_group(),
    )
    if sys.platform == "win32":
        assert process.stdin is not None
        there = False
        with contextlib.suppress(OSError):  # Winsock refuses a process that is gone
            there = feed(process.stdin, base64.b64encode(theirs.share(process.pid)) + b"\n")
        if not there:
            let_go(process)
            raise BrokenPipeError(errno.EPIPE, "the process ended before it had its channel")
    return process


def let_go(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, wait until it is gone, and close its standard input."""
    process.kill()
    process.wait()
    if process.stdin is not None:
        close(process.stdin)


def inherited() -> socket.socket:
    """Return the other end, in the process that was started; libraries find standard input empty from now on."""
    if sys.platform == "win32":
        sock = socket.fromshare(base64.b64decode(sys.stdin.buffer.readline()))
        take_standard_input().close()
        return sock
    with take_standard_input() as taken:
        return of_descriptor(os.dup(taken.fileno()))
