"""Start a further process of this run: a new interpreter, which finds what this one finds and inherits nothing else.

A fork of this process would have its threads' locks, and does not exist on Windows. The process gets two channels: one
for all messages, and one for the last question before a secret leaves, to which the asker waits for the answer.
"""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass

from scanready.clients.login_process.interpreter import begin, inherited
from scanready.clients.login_process.messages import Channel, send_now

#: Its arguments are no secrets: what it is, what cannot be imported, and where modules are.
_START = (
    "import sys; sys.path[:] = sys.argv[3].split('\\n'); sys.modules.update(dict.fromkeys(sys.argv[2].split())); "
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
    with theirs, their_permits:
        try:
            process = begin(_START, "worker", theirs, os.environ)
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
