"""A signature of another package: it costs the event loop a quarter of a second once, and claims nothing wrongly.

Recognisers are called where bytes are judged, in the thread of the event loop: one that sleeps there would take the
time of all targets. So it runs on a thread of its own, and is not asked again once it took too long.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from scanready.climb.signature import MOST_SHOWN
from scanready.wire.printable import visible

#: Seconds for one look at the first bytes. It takes microseconds; a busy machine takes its time to begin a thread.
LONGEST = 0.25
#: Added to the ranks of other packages: their signatures are asked after all of scanready's.
AFTER_OURS = 1_000_000
#: Bytes that no two protocols have in common. A recogniser that claims two of them recognises nothing.
_NOBODY_SENDS = (bytes(64), b"\xff" * 64, bytes(range(7, 250, 3)), b"qzx jvk 7193\r\n", b"\x5a\x01\xfe\x33" * 16)


class BoundedRecogniser:
    """Calls a recogniser, whatever it does.

    Args:
        recognise: another package's function.
        note: takes the phrase that says what is wrong with it, once.
    """

    def __init__(self, recognise: Callable[[bytes], Any], note: Callable[[str], object]) -> None:
        self._recognise, self._note = recognise, note
        self._tried = self._off = False

    def __call__(self, data: bytes) -> str | None:
        """Return its phrase as printable text; None where it has none, or fails."""
        if not self._tried:
            self._tried = True
            if sum(self._ask(sample) is not None for sample in _NOBODY_SENDS) > 1:
                self._give_up("it claims bytes that no protocol sends")
        return self._ask(data)

    def _ask(self, data: bytes) -> str | None:
        if self._off:
            return None
        answers: queue.SimpleQueue[tuple[Any, str]] = queue.SimpleQueue()
        thread = threading.Thread(target=self._answer, args=(data, answers), name="signature", daemon=True)
        thread.start()
        try:
            found, error = answers.get(timeout=LONGEST)
        except queue.Empty:
            self._give_up(f"it took longer than {LONGEST} s")
            _interrupt(thread)
            return None
        if error or not (found is None or isinstance(found, str)):
            self._give_up(error or f"it returned a {type(found).__name__}, neither a phrase nor None")
            return None
        return None if found is None else visible(str(found), 2 * MOST_SHOWN)

    def _answer(self, data: bytes, answers: queue.SimpleQueue[tuple[Any, str]]) -> None:
        try:
            answers.put((self._recognise(data), ""))
        except BaseException as error:  # noqa: BLE001  # a thread of its own: nothing else can end by that
            answers.put((None, type(error).__name__))

    def _give_up(self, fault: str) -> None:
        self._off = True
        self._note(f"a signature of it is left out: {fault}")


def _interrupt(thread: threading.Thread) -> None:
    """Ask a thread to end: an endless loop in Python does, and would take half of the processor; a sleep does not."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
