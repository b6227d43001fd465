"""Run one login in this process, which is made for it and ends with it."""

from __future__ import annotations

import base64
import contextlib
import faulthandler
import os
import sys
from typing import NoReturn

from scanready.climb.login_trace import send_marks_with
from scanready.redaction import redacting

from . import job, memory, outcomes
from .child_network import Network
from .messages import Channel
from .parent import Answers
from .surroundings import adopt

#: A module has this, and true, if what its libraries load does not survive a fork (a runtime with threads of its own).
LOAD_AFTER_FORK = "LOAD_AFTER_FORK"
#: Seconds after its time that a login ends by itself. The parent kills it before; this is for one whose parent is gone,
#: and whose library holds Python's lock while it waits, so that no thread of ours sees that.
BY_ITSELF = 5.0


def run(channel: Channel) -> NoReturn:
    """Receive a job, do it, report its outcome, and end this process."""
    channel.send({"pid": os.getpid()})
    received = channel.receive()
    if received is None:
        os._exit(1)
    message, _ = received
    network = Network(channel, Answers(channel))
    adopt(message["surroundings"])
    function, arguments, redactor = job.unpack(base64.b64decode(message["job"]), network.take)
    seconds = float(message["seconds"])
    load(function.__module__, after_fork=True)
    has_runtime = getattr(sys.modules[function.__module__], LOAD_AFTER_FORK, False)
    faulthandler.dump_traceback_later(seconds + BY_ITSELF, exit=True, file=2)  # which is the null device
    _limit(seconds, channel, memory.MOST_OF_RUNTIME if has_runtime else memory.MOST_MAPPED)
    network.install()
    send_marks_with(network.note)
    channel.send({"ready": True})
    with redacting(redactor):
        outcome = outcomes.of_call(function, (*arguments, seconds))
    channel.send(outcome)
    os._exit(0)  # with all threads that the library has left


def load(module: str, *, after_fork: bool) -> None:
    """Load the libraries of a module; the function that needs a missing one reports it."""
    loaded = sys.modules.get(module) or __import__(module, fromlist=["*"])
    function = getattr(loaded, job.LOAD, None)
    if function is None or bool(getattr(loaded, LOAD_AFTER_FORK, False)) is not after_fork:
        return
    with contextlib.suppress(Exception):  # a library may raise anything while it is loaded
        function()


def _limit(seconds: float, channel: Channel, most_mapped: int) -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would have the password in it
        most = int(seconds) + 2 + int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))  # should the parent be gone
    memory.limit_mapped(most_mapped)
    if not memory.VISIBLE:
        memory.watch_here(lambda: _end_for_memory(channel))


def _end_for_memory(channel: Channel) -> None:
    channel.send(outcomes.OUT_OF_MEMORY)
    os._exit(1)
