"""Start a further process of this run: a new interpreter, which finds what this one finds and inherits nothing else.

A fork of this process would have its threads' locks, and does not exist on Windows. The process gets three channels:
one for all messages, one for the last question before a secret leaves, to which the asker waits for the answer, and one
that carries nothing and ends with the first process.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from dataclasses import dataclass

from scanready.clients.login_process.interpreter import begin, inherited
from scanready.clients.login_process.messages import Channel, send_now

#: Its arguments are no secrets: what it is, what cannot be imported, and where modules are.
_START = (
    "import sys; sys.path[:] = sys.argv[3].split('\\n'); sys.modules.update(dict.fromkeys(sys.argv[2].split())); "
    "from scanready.run.jobs.worker import main; main()"
)

#: Seconds after the first process in which a further one ends the open talks, as far as it can.
LONGEST_END = 4.0


@dataclass(frozen=True, slots=True)
class Started:
    """A process, and our ends of its channels."""

    process: subprocess.Popen[bytes]
    talk: socket.socket
    permits: socket.socket
    life: socket.socket

    def end(self, patience: float) -> int:
        """Kill the process unless it ends within ``patience`` seconds; return its exit code, negative for a signal."""
        self.life.close()
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
    with contextlib.ExitStack() as on_error, contextlib.ExitStack() as given:
        talk, permits, life = (_pair(on_error, given) for _ in range(3))
        process = begin(_START, "worker", talk[1], os.environ)
        send_now(talk[0], {"channels": True}, [permits[1], life[1]], process.pid)
        on_error.pop_all()
        return Started(process, talk[0], permits[0], life[0])


def _pair(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    one, other = socket.socketpair()
    return ours.enter_context(one), theirs.enter_context(other)


def channels() -> tuple[socket.socket, socket.socket]:
    """Return the other ends of the two that talk, in the process that was started; it ends with the third.

    Raises:
        EOFError: the first process is gone.
    """
    talk = inherited()
    received = Channel(talk).receive()  # nothing follows it before we answer
    if received is None:
        raise EOFError
    _, (permits, life) = received
    threading.Thread(target=_end_with, args=(life,), name="life", daemon=True).start()
    return talk, permits


def _end_with(life: socket.socket) -> None:
    """End this process some seconds after the first one, whatever keeps the event loop from doing so."""
    with contextlib.suppress(OSError):  # a killed process resets it on Windows
        life.recv(1)
    time.sleep(LONGEST_END)
    os._exit(1)
