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
        self._said: OrderedDict[str, set[str]] = OrderedDict()

    def say(self, fault: str, line: str, part: str = "") -> None:
        """Say a line, unless this fault was said and has not ended.

        Args:
            part: who met the fault. It has ended when it has for each part: several connections of one process are
                lost at the end of a broker, and come back one after the other.
        """
        with self._lock:
            if (parts := self._said.get(fault)) is not None:
                parts.add(part)
                return
            self._said[fault] = {part}
            if len(self._said) > _MOST:
                self._said.popitem(last=False)
        self._warn(line)

    def end(self, *faults: str, line: str = "", part: str = "") -> None:
        """Note that faults have ended for a part; say a line if one of them was said, and has ended for all."""
        with self._lock:
            for parts in filter(None, map(self._said.get, faults)):
                parts.discard(part)
            ended = [fault for fault in faults if self._said.get(fault) == set()]
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
