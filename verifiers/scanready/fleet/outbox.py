"""Give batches to the broker, through a connection that is used for nothing else.

RabbitMQ reads nothing more from a connection that publishes while its memory or disk is short: on the connection that
takes results, these could then not be acknowledged either.
"""

from __future__ import annotations

import contextlib
import enum
from typing import Any

import kombu

from .celery_app import celery_app, task_queue
from .connection import FULL, LOST, Broker, drop, is_blocked, opened, publish
from .faults import PATIENCE, BlockedError, cause_of
from .messages import Batch, encode
from .names import CHECK, NOWHERE, TASKS


class Sent(enum.Enum):
    """The fate of a batch."""

    KEPT = "the broker has it"
    FULL = "the queue of its agent is full"
    BLOCKED = "the broker takes no messages"
    DOUBTFUL = "the broker takes no messages, and may take this one yet"


class Outbox:
    """The connection to a broker for batches. It is opened when it is needed.

    Each method raises what ends a connection, or BrokerError if none can be opened; then :meth:`close` it.
    """

    def __init__(self, broker: Broker, kept: float) -> None:
        """Args: ``kept``: seconds after which the broker drops a batch that was not taken."""
        self._broker, self._kept = broker, kept
        self._app = celery_app(broker)
        self._connection: kombu.Connection | None = None
        self._channel: Any = None

    def send(self, batch: Batch) -> Sent:
        """Give a batch to the broker, and wait until it has it."""
        if self.is_blocked():
            return Sent.BLOCKED
        channel = self._opened()
        queue = task_queue(batch.agent)
        try:
            self._app.send_task(
                CHECK,
                args=(encode(batch),),
                task_id=f"{batch.run}/{batch.batch}",
                queue=queue,
                exchange=queue.exchange.name,
                routing_key=queue.routing_key,
                producer=kombu.Producer(channel),
                retry=False,
                expiration=batch.kept(self._kept),
                ignore_result=True,
                confirm_timeout=PATIENCE,
            )
        except (*LOST, FULL) as error:  # Celery wraps each in an error of its own
            cause = cause_of(error)
            if isinstance(cause, FULL):
                return Sent.FULL
            if isinstance(cause, TimeoutError) and is_blocked(channel):
                return Sent.DOUBTFUL
            raise
        return Sent.KEPT

    def probe(self) -> bool:
        """Return True if the broker takes messages: it tells only those that send one."""
        if self.is_blocked():
            return False
        try:
            publish(self._opened(), TASKS, NOWHERE, "{}", self._broker.user)
        except BlockedError:
            return False
        return True

    def is_blocked(self) -> bool:
        """Return True while the broker blocks this connection. When it ends that, the connection is closed."""
        if self._channel is None or not is_blocked(self._channel):
            return False
        with contextlib.suppress(TimeoutError):
            self._channel.connection.drain_events(timeout=0.01)
        if is_blocked(self._channel):
            return True
        self.close()  # the confirm of an earlier message may come yet: it must not count for the next one
        return False

    def close(self) -> None:
        """End the connection, without a farewell, which would wait for the broker."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            drop(connection)

    def _opened(self) -> Any:
        if self._channel is None:
            self._connection = opened(self._broker)
            self._channel = self._connection.channel()
        return self._channel
