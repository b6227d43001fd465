"""Say each thing once while it lasts: a fault that repeats every second must not fill the log of months."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

#: Faults that are remembered; the oldest is forgotten first.
_MOST = 100


class Once:
    """Pass a line on unless the same fault was said already. Its methods may be called in any thread.

    Args:
        warn: gets each line for people.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._lock = threading.Lock()
        self._said: OrderedDict[str, None] = OrderedDict()

    def say(self, fault: str, line: str) -> None:
        """Say a line, unless this fault was said and has not ended."""
        with self._lock:
            if fault in self._said:
                return
            self._said[fault] = None
            if len(self._said) > _MOST:
                self._said.popitem(last=False)
        self._warn(line)

    def end(self, *faults: str, line: str = "") -> None:
        """Note that faults have ended; say a line if one of them was said."""
        with self._lock:
            ended = [fault for fault in faults if fault in self._said]
            for fault in ended:
                del self._said[fault]
        if ended and line:
            self._warn(line)


class Limited:
    """Pass on the first lines of each kind; a kind is the text before the first colon.

    Messages of others may cause any number of lines; a terminal and a log take only so many.
    """

    def __init__(self, tell: Callable[[str], None], most: int = 20, kinds: int = 1000) -> None:
        self._tell, self._most, self._kinds = tell, most, kinds
        self._counts: dict[str, int] = {}

    def __call__(self, line: str) -> None:
        """Pass a line on, or drop it; the last one of a kind says that there are more."""
        kind = line.partition(":")[0]
        if kind not in self._counts and len(self._counts) >= self._kinds:
            return
        self._counts[kind] = count = self._counts.get(kind, 0) + 1
        if count == self._most:
            self._tell(f"{line} (further lines of this kind are not shown)")
        elif count < self._most:
            self._tell(line)
