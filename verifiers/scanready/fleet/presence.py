"""Hear which agents are there, and tell agents to drop a run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .agent import BEAT
from .connection import FULL, LOST, Broker, BrokerError, heard, opened, publish
from .faults import explained
from .flood import Flood
from .messages import Cancel, Heartbeat, MessageError, decode, encode
from .names import HEARTBEAT, RESULTS, TASKS, cancel_key, cancels_of, heartbeats_of

if TYPE_CHECKING:
    import kombu

#: Seconds to listen: each agent sends one heartbeat at least.
LISTEN = BEAT + 2.0
#: Further seconds during a flood: the broker drops heartbeats of other agents when its queue is full.
_LONGER = 2 * BEAT
#: Messages that the broker sends ahead.
_PREFETCH = 200


def heartbeats(broker: Broker, seconds: float, tell: Callable[[str], None]) -> dict[str, Heartbeat]:
    """Return the last heartbeat of each agent, by name, after listening for so long; longer during a flood.

    Args:
        tell: called with a line for people about each agent that sends too many.

    Raises:
        BrokerError: the broker cannot be used.
    """
    found: dict[str, Heartbeat] = {}
    flood = Flood(None)

    def take(message: Any) -> None:
        message.channel.basic_ack(message.delivery_tag)  # the broker sends the next one
        if not flood.takes_heartbeat(message.properties.get("user_id"), time.monotonic()):
            return
        try:
            beat = decode(message.body)
        except MessageError:
            return
        if isinstance(beat, Heartbeat) and beat.agent == message.properties.get("user_id"):
            found[beat.agent] = beat

    try:
        with opened(broker) as connection:
            channel = connection.channel()
            listener = heartbeats_of(secrets.token_hex(8))
            channel.queue_declare(listener, exclusive=True, auto_delete=True, durable=False)
            channel.queue_bind(listener, RESULTS, HEARTBEAT)
            heard(connection, listener, take, _PREFETCH)
            _listen(connection, seconds)
            if flood.flooding:
                _listen(connection, _LONGER)
    except LOST as error:
        raise BrokerError(explained(broker, error)) from error
    for agent in flood.flooding:
        tell(f"{agent} sends too many heartbeats, so other agents may be missing here. See who uses its password")
    return found


def _listen(connection: kombu.Connection, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            connection.drain_events(timeout=left)
        except TimeoutError:
            return


def cancel(broker: Broker, run: str, agents: Iterable[str]) -> None:
    """Tell agents to drop the targets of a run; those that are away hear it when they are back.

    Args:
        run: its key.

    Raises:
        BrokerError: the broker cannot be used.
    """
    try:
        with opened(broker) as connection:
            for agent in agents:
                connection.channel().queue_declare(cancels_of(agent), passive=True)
                publish(connection.channel(), TASKS, cancel_key(agent), encode(Cancel(run)), broker.user)
    except (*LOST, FULL) as error:
        raise BrokerError(explained(broker, error)) from error
