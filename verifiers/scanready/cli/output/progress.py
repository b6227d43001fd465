"""Show progress on standard error: a line that is redrawn, or, without a terminal, a new line every 30 s."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from scanready.model import Verdict

from .terminal import columns, cut, erasure, folded

# Seconds between two updates: frequent enough to look alive, and cheap at 2,000 results a second.
_EVERY = 0.2
# Seconds between two lines without a terminal: CI systems end a job that prints nothing for long.
_HEARTBEAT = 30.0
_WORTH_SAYING = (Verdict.BLOCKED, Verdict.UNDECIDED, Verdict.LIMITED)


class Progress:
    """Show ``[####......] 120/500  3 blocked  12 s``; ``quiet`` shows nothing.

    Args:
        what: the things that are counted, in a log.
        note: returns more words for the end of a line.
    """

    def __init__(
        self,
        total: int,
        quiet: bool = False,
        what: str = "targets checked",
        note: Callable[[], str] = lambda: "",
    ) -> None:
        self._quiet, self._what, self._note = quiet, what, note
        self._lock = threading.RLock()
        self._live = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._total = total
        self._done = 0
        self._counts: Counter[Verdict] = Counter()
        self._began = time.monotonic()
        self._shown = False

    def count(self, verdict: Verdict) -> None:
        """Count one finished target."""
        self._done += 1
        self._counts[verdict] += 1

    def say(self, message: str) -> None:
        """Write a message on a line of its own."""
        if not self._quiet:
            with self.cleared():
                self._write(folded(f"scanready: {message}", sys.stderr) + "\n")

    def hint(self, message: str) -> None:
        """Write a message that is useful only to a user at a terminal."""
        if self._live:
            self.say(message)

    def clear(self) -> None:
        """Remove the progress line before other text is written."""
        with self._lock:
            if self._shown:
                self._shown = False
                self._write(f"\r{erasure(columns(sys.stderr) - 1)}")

    @contextlib.contextmanager
    def cleared(self) -> Iterator[None]:
        """Remove the progress line, and draw none meanwhile."""
        with self._lock:
            self.clear()
            yield

    async def keep_drawing(self) -> None:
        """Redraw until cancelled."""
        while self._live:
            await asyncio.sleep(_EVERY)
            self._draw()
        while not self._quiet:
            await asyncio.sleep(_HEARTBEAT)
            self.beat()

    @contextlib.contextmanager
    def drawn(self) -> Iterator[None]:
        """Redraw in a thread meanwhile, for a caller without an event loop."""
        ended = threading.Event()

        def draw() -> None:
            while not ended.wait(_EVERY if self._live else _HEARTBEAT):
                self._draw() if self._live else self.beat()

        thread = threading.Thread(target=draw, name="progress", daemon=True)
        if not self._quiet:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            if not self._quiet:
                thread.join()
            self.clear()

    def beat(self) -> None:
        """Write one progress line to a log, without a terminal."""
        words = "".join(f", {self._counts[verdict]} {verdict}" for verdict in _WORTH_SAYING if self._counts[verdict])
        seconds = time.monotonic() - self._began
        self.say(f"{self._done} of {self._total} {self._what} after {seconds:.0f} s{words}{self._noted('; ')}")

    def _draw(self) -> None:
        filled = 20 * self._done // max(1, self._total)
        words = "".join(f"  {self._counts[verdict]} {verdict}" for verdict in _WORTH_SAYING if self._counts[verdict])
        line = f"[{'#' * filled}{'.' * (20 - filled)}] {self._done}/{self._total}{words}"
        line += f"  {time.monotonic() - self._began:.0f} s{self._noted('  ')}"
        with self._lock:
            self._shown = True
            width = columns(sys.stderr) - 1
            line = cut(line, width)
            self._write(f"\r{line}{erasure(width - len(line))}")

    def _noted(self, gap: str) -> str:
        note = self._note()
        return f"{gap}{note}" if note else ""

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()
