"""Show progress on standard error: a line that is redrawn, or, without a terminal, a new line every 30 s."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections import Counter

from scanready.model import Verdict

from .terminal import columns

# Seconds between two updates: frequent enough to look alive, and cheap at 2,000 results a second.
_EVERY = 0.2
# Seconds between two lines without a terminal: CI systems end a job that prints nothing for long.
_HEARTBEAT = 30.0
_WORTH_SAYING = (Verdict.BLOCKED, Verdict.UNDECIDED, Verdict.LIMITED)


class Progress:
    """Show ``[####......] 120/500  3 blocked  12 s``; ``quiet`` shows nothing."""

    def __init__(self, total: int, quiet: bool = False) -> None:
        self._quiet = quiet
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
            self.clear()
            self._write(f"scanready: {message}\n")

    def hint(self, message: str) -> None:
        """Write a message that is useful only to a user at a terminal."""
        if self._live:
            self.say(message)

    def clear(self) -> None:
        """Remove the progress line before other text is written."""
        if self._shown:
            self._shown = False
            self._write("\r\x1b[K")

    async def keep_drawing(self) -> None:
        """Redraw until cancelled."""
        while self._live:
            await asyncio.sleep(_EVERY)
            self._draw()
        while not self._quiet:
            await asyncio.sleep(_HEARTBEAT)
            self.beat()

    def beat(self) -> None:
        """Write one progress line to a log, without a terminal."""
        words = "".join(f", {self._counts[verdict]} {verdict}" for verdict in _WORTH_SAYING if self._counts[verdict])
        seconds = time.monotonic() - self._began
        self.say(f"{self._done} of {self._total} targets checked after {seconds:.0f} s{words}")

    def _draw(self) -> None:
        filled = 20 * self._done // max(1, self._total)
        words = "".join(f"  {self._counts[verdict]} {verdict}" for verdict in _WORTH_SAYING if self._counts[verdict])
        line = f"[{'#' * filled}{'.' * (20 - filled)}] {self._done}/{self._total}{words}"
        line += f"  {time.monotonic() - self._began:.0f} s"
        self._shown = True
        self._write(f"\r{line[: columns() - 1]}\x1b[K")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()
