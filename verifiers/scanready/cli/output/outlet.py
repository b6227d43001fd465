"""Write text to standard output or a file, and handle failed writes."""

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

#: Called when an outlet has failed, possibly from its own thread.
OnFailure = Callable[["Outlet"], None]
_GONE = {errno.EPIPE, errno.ESHUTDOWN} | ({errno.EINVAL} if sys.platform == "win32" else set())


class Outlet:
    """Write text immediately and unbuffered; store a failure instead of raising it.

    Args:
        raw: the binary stream.
        name: the name for messages.
        threaded: write in a separate thread. Otherwise a pipe whose reader pauses (``| less``)
            would block the event loop, and with it the clocks of all open connections.
        owned: close ``raw`` at the end.
        fallback: receives the text that could not be written, and all later text.
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
        """The number of texts that wait to be written."""
        return self._queue.qsize() if self._queue is not None else 0

    @property
    def reader_gone(self) -> bool:
        """True if it failed because the reader closed the pipe, which is not an error."""
        return self.error is not None and self.error.errno in _GONE

    @property
    def alive(self) -> bool:
        """True while text can still be written, here or to the fallback."""
        return self.error is None or (self._fallback is not None and self._fallback.alive)

    def write(self, text: str) -> None:
        """Write ``text``, or queue it for the thread; a failure is stored."""
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
        """Wait at most ``patience`` seconds until everything is written; close the file and the fallback.

        A file that is replaced in one step is replaced only if the text is ``complete``.
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
        """Store the error, and call ``on_failure``."""
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
            if taken is None:  # another process made the descriptor non-blocking, and its reader is slow
                time.sleep(0.01)
                continue
            rest = rest[taken:]
        self.raw.flush()


def standard_output(*, threaded: bool = False, people: bool = False) -> Outlet:
    """Return an unbuffered outlet on standard output, so that Python does not retry a failed write at exit.

    A program or a file gets UTF-8, whatever the code page of the console is. Text for ``people`` is in the encoding of
    the console also in a pipe, which leads to a pager.
    """
    stream = data_stream()
    stream.flush()
    binary = stream.buffer
    raw = getattr(binary, "raw", binary)
    encoding = stream.encoding if people or stream.isatty() else None
    return Outlet(raw, "<stdout>", encoding=encoding or "utf-8", threaded=threaded)


def show(text: str, *, people: bool = False) -> None:
    """Write the whole answer of a command that has only one; see :func:`standard_output`.

    Raises:
        SystemExit: it could not be written (2), or the reader has gone (141).
    """
    from scanready.cli.exit import READER_GONE

    outlet = standard_output(people=people)
    outlet.write(text)
    if outlet.reader_gone:
        raise SystemExit(READER_GONE)
    if outlet.error is not None:
        sys.stderr.write(f"scanready: cannot write to standard output: {outlet.error.strerror}\n")
        raise SystemExit(2)
