"""Install an agent's own handlers of signals; none of Celery's.

Celery restarts a worker at SIGHUP, with its command line printed. At SIGUSR1 it
prints the local variables of all threads. At Ctrl-C it says that it terminates all tasks, and here nothing is lost.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

from celery.apps.worker import Worker as CeleryWorker
from celery.worker import state

from .once import Once
from .stopping import ending

_IGNORED = "{} is ignored: it has no meaning for an agent. SIGTERM ends it; nothing needs to be read again"


class QuietWorker(CeleryWorker):  # type: ignore[misc]  # Celery has no types
    """A worker that ends at a signal without a word of its own.

    Args:
        signalled: called in the handler; an argument of the worker.
        connected: called when the worker takes batches; an argument, too.
    """

    def on_after_init(
        self, signalled: Callable[[], object], connected: Callable[[], object] = lambda: None, **options: Any
    ) -> None:
        """Take the arguments; Celery calls this."""
        self._signalled, self.connected = signalled, connected
        super().on_after_init(**options)

    def install_platform_tweaks(self, worker: Any) -> None:
        """Take the place of Celery's handlers; Celery calls this as the worker starts."""
        for number in ending():
            signal.signal(number, self._end)
        hangup = getattr(signal, "SIGHUP", None)
        if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:  # nohup ignores it
            signal.signal(hangup, self._end)

    def _end(self, *_: object) -> None:
        self._signalled()
        end_worker()


def ignore_others(once: Once) -> None:
    """Ignore SIGUSR1 and SIGUSR2, with a line: tools that rotate logs send them, and they would end the process."""

    def hear(number: int, _: object) -> None:
        name = signal.Signals(number).name
        line = _IGNORED.format(name)
        # In a thread: the signal may have come in the middle of another line.
        threading.Thread(target=once.say, args=(name, line), name="signal", daemon=True).start()

    for name in ("SIGUSR1", "SIGUSR2"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), hear)


def end_worker() -> None:
    """Let the loop of this process's worker end: it looks at this between two messages. Any thread may call it."""
    state.should_stop = 0
