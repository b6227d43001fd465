"""Install an agent's own handlers of signals; none of Celery's.

Celery restarts a worker at SIGHUP, with its command line printed, which may have the broker's password. At SIGUSR1 it
prints the local variables of all threads. At Ctrl-C it says that it terminates all tasks, and here nothing is lost.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from celery.apps.worker import Worker as CeleryWorker
from celery.worker import state

#: Each of them ends the agent, and so does SIGHUP, which a terminal that is closed sends.
ENDING = (signal.SIGINT, signal.SIGTERM)


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
        for number in ENDING:
            signal.signal(number, self._end)
        hangup = getattr(signal, "SIGHUP", None)
        if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:  # nohup ignores it
            signal.signal(hangup, self._end)

    def _end(self, *_: object) -> None:
        self._signalled()
        end_worker()


def end_worker() -> None:
    """Let the loop of this process's worker end: it looks at this between two messages. Any thread may call it."""
    state.should_stop = 0
