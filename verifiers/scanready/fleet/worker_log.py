"""Turn what Celery's worker logs into lines for people: one for each fault, without a traceback or a message's body."""

from __future__ import annotations

import logging

from .connection import LOST, Broker
from .faults import explained
from .once import Once
from .publisher import AWAY, BACK

#: How Celery begins its last line before its worker ends by itself, and those about a message that it does not read.
_LAST = "Unrecoverable error"
_REFUSED = ("Can't decode message body", "Received unregistered task", "Received invalid task", "Received and deleted")
#: Its words for a batch that goes back to the broker; the agent reports that, too.
_GOES_BACK = " reject requeue="
#: Its words for a batch whose acknowledgement did not reach the broker, which delivers it again.
_LATE = "Couldn't "
_PART = "worker"
_LONGEST = 300


class WorkerLog(logging.Handler):
    """The handler of all log records of an agent.

    Args:
        once: gets the lines; a broker that is away is reported once, here or by the publisher of results.

    Attributes:
        last: why the worker ended by itself; empty if it did not.
    """

    def __init__(self, broker: Broker, once: Once) -> None:
        super().__init__(logging.WARNING)
        self._broker, self._once = broker, once
        self.last = ""

    def begin(self, **_: object) -> None:
        """Take the place of Celery's own handlers; for its signal ``setup_logging``."""
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Say a record in one line, unless its fault was said. Warnings of Python are for those who write programs.

        An error here would end the worker in the middle of its work.
        """
        try:
            self._say(record)
        except Exception:  # noqa: BLE001  # as the standard library's handlers do
            self.handleError(record)

    def connected(self) -> None:
        """Hear that the worker takes batches, at the beginning and after each loss of its connection."""
        self._once.end(AWAY, line=BACK, part=_PART)

    def _say(self, record: logging.LogRecord) -> None:
        text, error = record.getMessage(), _error_in(record)
        if record.name == "py.warnings" or _GOES_BACK in text:
            return
        line = text.strip().partition("\n")[0][:_LONGEST]
        if text.startswith(_LAST):
            self.last = explained(self._broker, error) if isinstance(error, LOST) else line
        elif text.startswith(_REFUSED):
            line = f"a message was refused: {str(error or line)[:_LONGEST]}"
            self._once.say(line, line)
        elif isinstance(error, LOST):
            if not text.startswith(_LATE):
                self._once.say(AWAY, f"{explained(self._broker, error)}; trying again", part=_PART)
        else:
            self._once.say(line, line)


def _error_in(record: logging.LogRecord) -> BaseException | None:
    if record.exc_info and record.exc_info[1] is not None:
        return record.exc_info[1]
    arguments = record.args if isinstance(record.args, tuple) else ()
    return next((one for one in arguments if isinstance(one, BaseException)), None)
