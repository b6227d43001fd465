"""Run blocking functions in threads that do not keep the process.

At exit, Python waits for each thread of a :class:`concurrent.futures.ThreadPoolExecutor`, even if the thread hangs in
a client library for ever. Daemon threads end with the process.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Work = tuple["Future[Any]", Callable[[], Any]]


class DaemonThreads(Executor):
    """Up to ``most`` daemon threads, started as they are needed. ``shutdown`` lets go of them.

    Args:
        most: threads at once; further work waits for one of them.
        name: of the threads.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._lock = threading.Lock()
        self._waiting: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads = set[threading.Thread]()
        self._free = 0
        self._closed = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have a thread call ``fn``.

        Raises:
            RuntimeError: after ``shutdown``.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("no new work after shutdown")
            self._waiting.put((future, lambda: fn(*args, **kwargs)))
            if self._free:
                self._free -= 1
            elif len(self._threads) < self._most:
                name = f"{self._name}_{len(self._threads) + 1}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._threads.add(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no new work, and have the threads end after what they do. It returns at once, whatever ``wait`` is.

        Args:
            cancel_futures: cancel the work that no thread has begun.
        """
        with self._lock:
            self._closed = True
            if cancel_futures:
                with contextlib.suppress(Empty):
                    while True:
                        if (work := self._waiting.get_nowait()) is not None:
                            work[0].cancel()
            for _ in self._threads:
                self._waiting.put(None)

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            future, call = work
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: BLE001  # raised again, where the result is awaited
                    future.set_exception(error)
            del work, future, call  # or the result is kept until there is other work
            with self._lock:
                self._free += 1
