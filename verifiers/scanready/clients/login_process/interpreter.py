"""Start an interpreter of our own that finds what this one finds, with a socket to it and nothing else of ours."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
from pathlib import Path

from scanready.net.sockets import of_descriptor

from .surroundings import environment

#: Its arguments are no secrets: what it is to be, what cannot be imported, and where modules are.
_START = (
    "import sys; sys.path[:] = sys.argv[3].split('\\n'); sys.modules.update(dict.fromkeys(sys.argv[2].split())); "
    "from scanready.clients.login_process.template import main; main()"
)


def start(role: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Return the process and our end of the socket; ``role`` is "template" or "login".

    Modules that cannot be imported here cannot be there, either: None stands for them in :data:`sys.modules`.
    """
    ours, theirs = socket.socketpair()
    barred = " ".join(name for name, module in list(sys.modules.items()) if module is None)
    command = [sys.executable, "-c", _START, role, barred, "\n".join(str(Path(path).absolute()) for path in sys.path)]
    with theirs:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if sys.platform == "win32" else theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=os.name == "posix",  # Ctrl-C is the parent's to handle
        )
        if sys.platform == "win32":
            assert process.stdin is not None
            process.stdin.write(base64.b64encode(theirs.share(process.pid)) + b"\n")
            process.stdin.flush()  # and left open: the process reads no more of it
    return process, ours


def inherited() -> socket.socket:
    """Return the other end, in the process that was started; libraries find standard input empty from now on."""
    if sys.platform == "win32":
        return socket.fromshare(base64.b64decode(sys.stdin.buffer.readline()))
    sock = of_descriptor(os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return sock
