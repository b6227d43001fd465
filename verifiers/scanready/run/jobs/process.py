"""Start a further process of this run: a new interpreter, which finds what this one finds and inherits nothing else.

A fork of this process would have its threads' locks, and does not exist on Windows. The process gets two channels: one
for all messages, and one for the last question before a secret leaves, to which the asker waits for the answer.
"""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scanready.clients.login_process.interpreter import inherited
from scanready.clients.login_process.messages import Channel, send_now

#: Its arguments are no secrets: what cannot be imported, and where modules are.
_START = (
    "import sys; sys.path[:] = sys.argv[2].split('\\n'); sys.modules.update(dict.fromkeys(sys.argv[1].split())); "
    "from scanready.run.jobs.worker import main; main()"
)


@dataclass(frozen=True, slots=True)
class Started:
    """A process, and our ends of its channels."""

    process: subprocess.Popen[bytes]
    talk: socket.socket
    permits: socket.socket

    def end(self, patience: float) -> int:
        """Kill the process unless it ends within ``patience`` seconds; return its exit code, negative for a signal."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def start() -> Started:
    """Start a process.

    Raises:
        OSError: this host does not permit it.
    """
    talk, theirs = socket.socketpair()
    permits, their_permits = socket.socketpair()
    barred = " ".join(name for name, module in list(sys.modules.items()) if module is None)
    command = [sys.executable, "-c", _START, barred, "\n".join(str(Path(path).absolute()) for path in sys.path)]
    with theirs, their_permits:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if sys.platform == "win32" else theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=os.name == "posix",  # Ctrl-C is ours to handle
            )
            if sys.platform == "win32":
                assert process.stdin is not None
                process.stdin.write(base64.b64encode(theirs.share(process.pid)) + b"\n")
                process.stdin.flush()  # and left open: the process reads no more of it
            send_now(talk, {"permits": True}, [their_permits], process.pid)
        except BaseException:
            talk.close()
            permits.close()
            raise
    return Started(process, talk, permits)


def channels() -> tuple[socket.socket, socket.socket]:
    """Return the other ends, in the process that was started.

    Raises:
        EOFError: the first process is gone.
    """
    talk = inherited()
    received = Channel(talk).receive()  # nothing follows it before we answer
    if received is None:
        raise EOFError
    _, (permits,) = received
    return talk, permits
