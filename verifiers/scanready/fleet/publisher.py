"""Send the messages of an agent until the broker has them, whatever happens to the connection meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import amqp

from .broker_login import RefusedError
from .connection import FULL, LOST, Broker, drop, is_blocked, publish
from .faults import BlockedError, cause_of, explained
from .names import RESULTS
from .once import Once

_PAUSE = 2.0
#: Seconds before the next attempt without a permission: the broker logs each.
_LONG_PAUSE = 30.0
#: Seconds between two looks whether this process is to end while the broker blocks.
_LOOK = 0.5
#: The faults of sending, as :class:`Once` knows them.
AWAY, _BLOCKED, _FULL, _REFUSED = "away", "blocked", "full", "refused"
#: The line of a broker that is back.
BACK = "results are sent again"


class Unsent(Exception):
    """Raised if the broker does not take a message, and this process ends; the text says why."""


class Publisher:
    """Send messages to the exchange of results, again and again until the broker confirms each one.

    Several threads may send at once. One that waits because the queue of its run is full does not hold up the others.

    Args:
        name: of the agent: its user at the broker.
        once: gets the lines for people.
        ending: set when this process is to end; then a message is tried once.
    """

    def __init__(self, broker: Broker, name: str, once: Once, ending: threading.Event) -> None:
        self._broker, self._name, self._once, self._ending = broker, name, once, ending
        self._lock = threading.Lock()
        self._channel: Any = None
        self._pause = _PAUSE
        self._part = f"publisher {id(self)}"

    def send(self, key: str, text: str, unless: Callable[[], bool] = lambda: False) -> None:
        """Return when the broker has the message.

        Args:
            unless: asked while the queue is full; if true, the message is not wanted any more, and is dropped.

        Raises:
            Unsent: the broker has refused the password; or this process is to end, and the broker is away, blocked,
                or its queue is full.
        """
        failed = 0
        while not self._tried(key, text, failed):
            failed += 1
            if failed == 1:
                continue  # the connection was idle, and has ended unnoticed
            if self._ending.is_set():
                raise Unsent("the broker does not take them now")
            if unless():
                return
            self._ending.wait(self._pause)
        self._once.end(f"{_FULL} {key}")

    def _tried(self, key: str, text: str, failed: int) -> bool:
        """Return True if the broker has the message, or will never take it."""
        with self._lock:
            try:
                if self._channel is None:
                    self._channel = self._broker.connection().channel()
                publish(self._channel, RESULTS, key, text, self._name)
            except amqp.exceptions.PreconditionFailed as error:  # too large, for example: it would be so again
                self._disconnect()
                self._once.say(f"dropped {key}", f"{explained(self._broker, error)}; a message was dropped")
            except FULL:
                self._once.say(
                    f"{_FULL} {key}",
                    f"the broker's queue of the run {key} is full: its coordinator is away or slow. "
                    "The results are kept here, and sent again; `scanready fleet cancel` drops them",
                )
                return False
            except BlockedError as error:
                self._once.say(_BLOCKED, f"{explained(self._broker, error)}; results wait here", self._part)
                self._wait_for_end_of_alarm()
                self._disconnect()  # the confirm of this message may come yet: it must not count for the next one
                return False
            except RefusedError as error:  # the password is not presented again, and the agent ends with the reason
                self._disconnect()
                raise Unsent("the broker refuses the password") from error
            except Exception as error:  # noqa: BLE001  # after any error: a result that is not sent is lost
                self._disconnect()
                is_refused = isinstance(cause_of(error), amqp.exceptions.AccessRefused)
                self._pause = _LONG_PAUSE if is_refused else _PAUSE
                if failed:
                    known = isinstance(error, LOST)
                    words = explained(self._broker, error) if known else f"sending failed: {_named(error)}"
                    self._once.say(_REFUSED if is_refused else AWAY, f"{words}; trying again", self._part)
                return False
            self._pause = _PAUSE
            self._once.end(AWAY, _REFUSED, line=BACK, part=self._part)
            self._once.end(_BLOCKED, line="the broker takes messages again", part=self._part)
            return True

    def _wait_for_end_of_alarm(self) -> None:
        with contextlib.suppress(Exception):  # the message is sent again, through another connection
            while is_blocked(self._channel) and not self._ending.is_set():
                with contextlib.suppress(TimeoutError):
                    self._channel.connection.drain_events(timeout=_LOOK)

    def _disconnect(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            drop(channel.connection)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
