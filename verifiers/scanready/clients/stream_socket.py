"""Let a client library talk over a stream of ours: its socket is a thread's view of what the event loop does.

So one connection serves the handshake and the login, TLS is ours whatever the library can do, and every wait ends at
the stream's own deadline: a library's time-outs, or the lack of them, do not matter.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.net.stream import Stream
from scanready.wire import Reader

T = TypeVar("T")

_OVER = "the time given to this target is over"
#: Seconds after which a wait that should have ended with the stream's deadline means that the loop has stopped.
_LOOP_GONE = 2.0


class Bridge:
    """One stream, used by one thread while the climb waits for that thread.

    Make it on the event loop; :meth:`send` and :meth:`receive` are for the thread; :meth:`end` is the farewell.
    """

    def __init__(self) -> None:
        self._stream: Stream | None = None
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._over = False
        self._at_work: asyncio.Task[Any] | None = None

    def begin(self, stream: Stream) -> None:
        """Lead to this stream."""
        self._stream = stream

    @property
    def encrypted(self) -> bool:
        """True if what is sent goes inside TLS."""
        return self._stream is not None and self._stream.encrypted

    def send(self, data: bytes) -> None:
        """Send all of ``data``; raises as :meth:`Stream.send`, and Failure once the climb is over."""
        stream = self._begun()
        self._do(stream, stream.send(data))

    def receive(self, reader: Reader[T]) -> T:
        """Return the next message; raises as :meth:`Stream.receive`, and Failure once the climb is over."""
        stream = self._begun()
        return self._do(stream, stream.receive(reader))

    async def end(self, stream: Stream) -> None:
        """Take the stream back so that it can be closed: what the thread still waits for is given up."""
        if stream is not self._stream:
            return
        with self._lock:
            self._over, self._stream = True, None  # libraries are cycles, and would keep it until they are collected
        if self._at_work is not None:
            self._at_work.cancel()
            await asyncio.wait([self._at_work])

    def _begun(self) -> Stream:
        with self._lock:
            if self._stream is None:
                raise Failure(common.OUT_OF_TIME, _OVER)
            return self._stream

    def _do(self, stream: Stream, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:  # nothing is begun once the stream has been taken back
            if self._over or self._loop.is_closed():
                work.close()
                raise Failure(common.OUT_OF_TIME, _OVER)
            waiting = asyncio.run_coroutine_threadsafe(self._noted(work), self._loop)
        try:
            return waiting.result(max(0.0, stream.deadline - self._loop.time()) + _LOOP_GONE)
        except (concurrent.futures.CancelledError, TimeoutError) as error:
            waiting.cancel()
            raise Failure(common.OUT_OF_TIME, _OVER) from error
        finally:
            del waiting  # an error in it holds this frame, and that the error: a cycle

    async def _noted(self, work: Coroutine[Any, Any, T]) -> T:
        if self._over:
            work.close()
            raise Failure(common.OUT_OF_TIME, _OVER)
        self._at_work = asyncio.current_task()
        try:
            return await work
        finally:
            self._at_work = None
