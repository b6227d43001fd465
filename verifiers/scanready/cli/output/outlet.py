"""Where output goes: standard output or a file, and what happens when it cannot be written."""

from __future__ import annotations

import contextlib
import errno
import io
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import BinaryIO

from scanready.files.atomic_file import AtomicFile

from .standard_output import data_stream

#: Called when an outlet has failed, maybe from its own thread.
OnFailure = Callable[["Outlet"], None]
_GONE = {errno.EPIPE, errno.ESHUTDOWN} | ({errno.EINVAL} if sys.platform == "win32" else set())


class Outlet:
    """Takes text, writes it at once and unbuffered. A failure is kept, never raised.

    Args:
        raw: the binary stream.
        name: for messages.
        threaded: write in a thread of its own. A pipe whose reader rests (``| less``) would
            otherwise stop the event loop, and with it the clocks of all connections in flight.
        owned: ``raw`` is a file of ours, to be closed in the end.
        fallback: takes what could not be written, and all that comes after it.
    """

    def __init__(
        self,
        raw: BinaryIO | io.RawIOBase,
        name: str,
        *,
        encoding: str = "utf-8",
        threaded: bool = False,
        owned: bool = False,
        fallback: Outlet | None = None,
        on_failure: OnFailure | None = None,
    ) -> None:
        self.name = name
        self.error: OSError | None = None
        self.on_failure = on_failure
        self.raw = raw
        self._owned = owned
        self._encoding = encoding
        self._fallback = fallback
        self._queue: queue.SimpleQueue[bytes | None] | None = queue.SimpleQueue() if threaded else None
        self._thread: threading.Thread | None = None

    @property
    def backlog(self) -> int:
        """How many texts wait to be written."""
        return self._queue.qsize() if self._queue is not None else 0

    @property
    def reader_gone(self) -> bool:
        """True if it failed because nobody reads any more, which is the reader's right."""
        return self.error is not None and self.error.errno in _GONE

    @property
    def alive(self) -> bool:
        """True while what is written arrives somewhere."""
        return self.error is None or (self._fallback is not None and self._fallback.alive)

    def write(self, text: str) -> None:
        """Write ``text``; it is on its way when this returns, or has failed."""
        if not text:
            return
        data = text.encode(self._encoding, "backslashreplace")
        if self._queue is None:
            self._put(data)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, args=(self._queue,), name="output", daemon=True)
            self._thread.start()
        self._queue.put(data)

    def close(self, patience: float | None = None, *, complete: bool = True) -> None:
        """Wait until everything is written, ``patience`` seconds at most; close a file. The fallback goes with it.

        A file that is replaced in one step is so only if it is ``complete``.
        """
        if self._queue is not None and self._thread is not None:
            self._queue.put(None)
            self._thread.join(patience)
        if self._fallback is not None:
            self._fallback.close(patience)
        if complete and self.error is None and isinstance(self.raw, AtomicFile):
            try:
                self.raw.commit()
            except OSError as error:
                self.fail(error)
        if self._owned:
            with contextlib.suppress(OSError):
                self.raw.close()

    def fail(self, error: OSError) -> None:
        """Note that nothing can be written any more, and tell whoever watches."""
        self.error = error
        if self.on_failure:
            self.on_failure(self)

    def _serve(self, waiting: queue.SimpleQueue[bytes | None]) -> None:
        while (data := waiting.get()) is not None:
            self._put(data)

    def _put(self, data: bytes) -> None:
        if self.error is None:
            try:
                self._push(data)
                return
            except OSError as error:
                self.fail(error)
        if self._fallback is not None:
            self._fallback.write(data.decode(self._encoding))

    def _push(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            taken = self.raw.write(rest)
            if taken is None:  # somebody made the descriptor non-blocking, and its reader is slow
                time.sleep(0.01)
                continue
            rest = rest[taken:]
        self.raw.flush()


def standard_output(*, threaded: bool = False) -> Outlet:
    """Return an outlet on standard output, past Python's buffers: what failed is not tried again at exit."""
    stream = data_stream()
    stream.flush()
    binary = stream.buffer
    raw = getattr(binary, "raw", binary)
    return Outlet(raw, "<stdout>", encoding=stream.encoding or "utf-8", threaded=threaded)


def show(text: str) -> None:
    """Write the whole answer of a command that has only one.

    Raises:
        SystemExit: it could not be written (2), or nobody reads it (141).
    """
    from scanready.cli.exit import READER_GONE

    outlet = standard_output()
    outlet.write(text)
    if outlet.reader_gone:
        raise SystemExit(READER_GONE)
    if outlet.error is not None:
        sys.stderr.write(f"scanready: cannot write to standard output: {outlet.error.strerror}\n")
        raise SystemExit(2)
