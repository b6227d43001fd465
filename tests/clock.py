"""A clock for tests that only wait: when no socket and no thread has anything to do, it jumps to the next timer.

Only waits count: computing takes no time, so a busy machine changes no result. Client and server must run on the same
loop, so that an idle loop means that both of them wait. Bounds on the loop's time (a report's ``seconds``) keep their
meaning, and the test takes milliseconds.
"""

from __future__ import annotations

import asyncio
import heapq
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

#: Real seconds without any event after which the loop counts as idle: loopback delivers while the sender still sends.
_IDLE = 0.005


class _Selector(selectors.DefaultSelector):
    """Wait for events as usual, but skip a wait in which nothing happens."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        began = time.monotonic()
        events = super().select(timeout if self.threads else min(timeout, _IDLE))
        if not events:
            self.now += timeout
        elif self.threads:
            self.now += min(timeout, time.monotonic() - began)
        return events


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is the sum of its waits. Work in threads takes real time."""

    def __init__(self) -> None:
        self._jumps = _Selector()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.now

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # a coroutine in the stubs
        running: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        if not isinstance(executor, VirtualPool):
            self._jumps.threads += 1
            running.add_done_callback(self._thread_done)
        return running

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self._jumps.threads -= 1


class WatchesNoDescriptor(asyncio.SelectorEventLoop):
    """An event loop without ``add_reader``, as Windows' own: its sockets wait with the loop's socket calls."""

    def add_reader(self, *_: object) -> None:
        raise NotImplementedError


class PortableLoop(WatchesNoDescriptor, JumpingLoop):
    """The same on a clock that jumps."""


class VirtualPool(ThreadPoolExecutor):
    """A pool in which each call lasts ``seconds`` on the running loop's clock, as many at once as it has threads."""

    seconds = 0.0

    def __init__(self, max_workers: int, thread_name_prefix: str = "") -> None:
        super().__init__(max_workers, thread_name_prefix)
        self._free_at = [0.0] * max_workers

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        loop = asyncio.get_running_loop()
        ends = max(self._free_at[0], loop.time()) + self.seconds
        heapq.heapreplace(self._free_at, ends)
        loop.call_at(ends, self._end, future, fn(*args, **kwargs))
        return future

    @staticmethod
    def _end(future: Future[T], result: T) -> None:
        if future.set_running_or_notify_cancel():
            future.set_result(result)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, as :func:`asyncio.run` does, on a loop whose clock jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)
