"""Hear on the agent which runs are cancelled, and hold the agent's name at the broker.

The queue of cancellations takes one consumer only, so a second process with this name is noticed, on whichever host.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import amqp

from .connection import DENIED, LOST, Broker, BrokerError, drop, heard, opened
from .faults import explained
from .messages import Cancel, MessageError, decode
from .names import cancels_of
from .once import Once

if TYPE_CHECKING:
    import kombu

#: Seconds of the heartbeat of this connection. The broker gives the name back 30 s after a host was cut off (measured).
_HEARTBEAT = 10
#: Seconds that a new process waits for the name: longer than the broker keeps it for a host that is gone.
HOLD = 45.0
_PAUSE = 2.0
#: Cancellations that the broker sends ahead.
_AHEAD = 10
_TAKEN = "name"
_DEAF = "deaf"


class NameTakenError(BrokerError):
    """Raised if another process is connected with the name of this agent."""


class NoQueueError(BrokerError):
    """Raised if the agent has no queue of cancellations, or may not read it."""


class Cancels:
    """The queue of cancellations of an agent.

    Args:
        cancel: gets the name of each run that is cancelled; if it raises, the broker delivers the message again.
        once: gets the lines for people.
    """

    def __init__(self, broker: Broker, agent: str, cancel: Callable[[str], None], once: Once) -> None:
        self._broker, self._agent, self._cancel, self._once = broker, agent, cancel, once
        self._connection: kombu.Connection | None = None

    def hold(self, seconds: float = HOLD) -> None:
        """Connect; return when this process is the only one with its name. It tries twice at least.

        Raises:
            NameTakenError: another process had the name for so long.
            BrokerError: the broker cannot be used.
        """
        until, waited = time.monotonic() + seconds, False
        while True:
            try:
                self._connect()
            except NameTakenError as error:
                if waited and time.monotonic() > until:
                    raise
                waited = True
                self._once.say(_TAKEN, f"{error}; waiting up to {seconds:.0f} s for its end")
                time.sleep(_PAUSE)
            else:
                self._once.end(_TAKEN)
                return

    def hear(self, ended: threading.Event) -> None:
        """Take cancellations until ``ended`` is set or the connection is lost; then call it again."""
        try:
            if self._connection is None:
                self._connect()
            assert self._connection is not None, "it is connected"
            self._once.end(_TAKEN)
            self._once.end(_DEAF, line="cancelled runs are heard of again")
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    self._connection.drain_events(timeout=1.0)
                self._connection.heartbeat_check()
        except NameTakenError as error:
            self._once.say(_TAKEN, f"{error}; both take batches of this agent")
            ended.wait(_PAUSE)
        except NoQueueError as error:
            self._once.say(_DEAF, f"{error}; until then, this agent hears of no cancelled run")
            ended.wait(_PAUSE)
        except (*LOST, BrokerError):  # of a broker that is away, the results complain
            ended.wait(_PAUSE)
        finally:
            self._disconnect()

    def _connect(self) -> None:
        connection = opened(self._broker, _HEARTBEAT)
        try:
            heard(connection, cancels_of(self._agent), self._take, _AHEAD, exclusive=True)
        except LOST as error:
            drop(connection)
            if isinstance(error, amqp.exceptions.AccessRefused) and "exclusive" in str(error):
                raise NameTakenError(
                    f"another process is {self._agent} at {self._broker.netloc}: stop it, or give each its own --name"
                ) from error
            kind = NoQueueError if isinstance(error, DENIED) else BrokerError
            raise kind(explained(self._broker, error)) from error
        self._connection = connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            drop(connection)

    def _take(self, message: Any) -> None:
        run = self._named(message)
        if run is not None:
            self._cancel(run)
        message.channel.basic_ack(message.delivery_tag)

    def _named(self, message: Any) -> str | None:
        """Return the run in a message; None if it has none: it would have none at the next delivery, too."""
        try:
            cancel = decode(message.body)
            if isinstance(cancel, Cancel):
                return cancel.run
            why = "it is no cancellation"
        except MessageError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001  # a hostile message must not come again and again
            why = type(error).__name__
        self._once.say(f"refused {why}"[:100], f"a message was refused: {why}")
        return None
