"""The process that logins are forked from: it has their libraries loaded, one thread, and no secret.

It forks templates for single modules, too, so that one library's long import keeps no other login waiting, and so that
what all have in common is in memory once.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from typing import NoReturn

from .child import load
from .child import run as run_login
from .interpreter import inherited
from .messages import Channel, Message

#: Seconds after which processes end that no run wants.
REST = 10.0


def main() -> NoReturn:
    """Serve the control channel that is this interpreter's standard input, or run the one login that comes there."""
    if len(sys.argv) > 1 and sys.argv[1] == "login":
        run_login(Channel(inherited()))
    _serve(Channel(inherited()), root=True)


def _serve(control: Channel, *, root: bool) -> NoReturn:
    if sys.platform == "win32":  # without fork
        os._exit(1)
    gc.collect()
    gc.freeze()  # the collector of a fork would copy every page of ours
    while (received := control.receive()) is not None:
        message, sockets = received
        if root:
            _reap_templates()
        if "reap" in message:
            _reap(message["reap"])
        elif "rest" in message:
            control.settimeout(REST if message["rest"] else None)
        elif os.fork() == 0:
            control.close()
            _become(message, Channel(*sockets))
        for sock in sockets:
            sock.close()
    if root:  # the parent is gone, and its logins with it
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _become(message: Message, channel: Channel) -> NoReturn:
    """Be what is asked for, in a process that was just forked."""
    try:
        if message["fork"] == "login":
            run_login(channel)
        gc.unfreeze()
        load(message["module"], after_fork=False)
        channel.send({"pid": os.getpid()})
        _serve(channel, root=False)
    finally:
        os._exit(1)  # an exception must not run into what the process was before


def _reap_templates() -> None:
    """Reap the templates of modules that have ended; nothing else is a child of the first process."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
