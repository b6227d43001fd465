"""The processes that logins are forked from, seen from this one: one a module.

Where there is no fork, each login gets an interpreter of its own; all else is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from . import interpreter, messages
from .surroundings import environment, surroundings

#: True where a process can be forked.
FORKS = hasattr(os, "fork")
#: The name of the thread that waits for the end of the first process, which rests after a run.
REAPER = "reaper"


class ProcessEnded(Exception):
    """A process of ours has ended before it was asked to."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that waits for its job.

    Attributes:
        pid: its number, which stays its own until ``end``.
        channel: our end of the channel to it.
        stop: kills it; the channel then ends.
        end: kills it, and lets go of it.
    """

    pid: int
    channel: socket.socket
    stop: Callable[[], None]
    end: Callable[[], None]


class Template:
    """One process that forks."""

    def __init__(self, control: socket.socket) -> None:
        control.setblocking(False)
        self._control = control

    async def fork(self, message: messages.Message) -> Process:
        """Have it fork a process for ``message``, and wait until that is there.

        Raises:
            ProcessEnded: one of the two has ended.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            await self._send(message, theirs)
        pid = await first_number(ours)

        def stop() -> None:
            with contextlib.suppress(OSError):
                if sys.platform != "win32":
                    os.kill(pid, signal.SIGKILL)

        def end() -> None:
            stop()
            ours.close()
            with contextlib.suppress(OSError):  # its number stays in use until it was reaped, so that none else is hit
                self.tell({"reap": pid})

        return Process(pid, ours, stop, end)

    def tell(self, message: messages.Message) -> None:
        """Send a message that has no answer.

        Raises:
            OSError: it has ended.
        """
        messages.send_now(self._control, message)

    def close(self) -> None:
        """Let go of it; it ends by itself."""
        self._control.close()

    async def _send(self, message: messages.Message, theirs: socket.socket) -> None:
        while True:
            try:
                # A few bytes, and whole or not at all: the kernel's buffer has room for thousands.
                messages.send_now(self._control, message, [theirs])
                return
            except BlockingIOError:
                await asyncio.sleep(0.01)
            except OSError as error:
                raise ProcessEnded(str(error)) from error


class Templates:
    """The first process, which forks one for each module, which forks a login at a time.

    Starts the first process, which takes some tenths of a second to be ready itself.
    """

    def __init__(self) -> None:
        #: It serves as long as they are the same here.
        self.surroundings = surroundings()
        self.environment = environment()
        self._first, control = interpreter.start("template")
        self._reaping = threading.Lock()
        threading.Thread(target=self._reap, name=REAPER, daemon=True).start()
        self._root = Template(control)
        self._of_modules: dict[str, Template] = {}
        self._making: dict[str, asyncio.Task[Template]] = {}

    @property
    def gone(self) -> bool:
        """True once the first process has ended."""
        with self._reaping:
            return self._first.poll() is not None

    async def of(self, module: str) -> Template:
        """Return the process that has the libraries of ``module``; the first time it loads them.

        Raises:
            ProcessEnded: it ended while it loaded them.
        """
        self.begin(module)
        if module in self._of_modules:
            return self._of_modules[module]
        return await asyncio.shield(self._making[module])

    def begin(self, module: str) -> None:
        """Begin to make the process of a module, unless it is there or under way."""
        if module not in self._of_modules and module not in self._making:
            # Made without `create_task`: it serves other climbs too, and must not end with this one.
            self._making[module] = asyncio.Task(self._made(module))
            self._making[module].add_done_callback(lambda made: self._keep(module, made))

    async def ended(self, module: str) -> bool:
        """Forget the process of a module, which has ended; return whether the first one has ended, too."""
        self._of_modules.pop(module, None)
        for _ in range(20):  # its connections end a moment before it does
            if self.gone:
                return True
            await asyncio.sleep(0.01)
        return False

    def rest(self, *, resting: bool) -> None:
        """Have the processes end by themselves in a few seconds, unless they are wanted again."""
        for making in self._making.values():
            making.cancel()
        self._making.clear()
        with contextlib.suppress(OSError):
            self._root.tell({"rest": resting})

    def close(self) -> None:
        """Kill all of them, and every login with them."""
        self.rest(resting=True)
        with self._reaping:  # until it was reaped its number is no other process's
            if self._first.returncode is None:
                if sys.platform != "win32":
                    with contextlib.suppress(OSError):
                        os.killpg(self._first.pid, signal.SIGKILL)
                self._first.wait()
        for template in (self._root, *self._of_modules.values()):
            template.close()

    def _reap(self) -> None:
        """Wait for the end of the first process, which ends by itself after a rest: it must not stay as a zombie."""
        if sys.platform != "win32" and hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):  # reaped by `gone` or `close`, or by a handler of the program
                os.waitid(os.P_PID, self._first.pid, os.WEXITED | os.WNOWAIT)
            with self._reaping:
                self._first.poll()

    async def _made(self, module: str) -> Template:
        made = await self._root.fork({"fork": "template", "module": module})
        return Template(made.channel)

    def _keep(self, module: str, made: asyncio.Task[Template]) -> None:
        self._making.pop(module, None)
        if not made.cancelled() and made.exception() is None:
            self._of_modules[module] = made.result()


async def spawned() -> Process:
    """Start an interpreter of its own for a login, where there is no fork.

    Raises:
        ProcessEnded: it ended before it was ready.
    """
    try:
        process, channel = interpreter.start("login")
    except BrokenPipeError as error:
        raise ProcessEnded(str(error)) from error
    channel.setblocking(False)

    def end() -> None:
        channel.close()
        interpreter.let_go(process)

    try:
        return Process(await first_number(channel), channel, process.kill, end)
    except BaseException:
        end()
        raise


async def first_number(channel: socket.socket) -> int:
    """Return the number that a process sends when it is ready.

    Raises:
        ProcessEnded: it ended before.
    """
    unpacker = messages.Unpacker()
    while (message := unpacker.next()) is None:
        try:
            data = await asyncio.get_running_loop().sock_recv(channel, 4096)
        except ConnectionError:  # how a channel over TCP ends, as Windows has it
            data = b""
        if not data:
            channel.close()
            raise ProcessEnded("a process of the logins ended before it was ready")
        unpacker.feed(data)
    return int(message["pid"])
