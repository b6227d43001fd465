"""A third party's target types: one as a whole row, one as a bare coroutine."""

from __future__ import annotations

from typing import Any

from scanready.catalogue import Called, Cost, Nmap, Option, TargetType
from scanready.catalogue.option import DATABASE, switch
from scanready.catalogue.wrong import Wrong
from scanready.climb.probe import Probe
from scanready.model import Cause, Owner, Step


def _size(name: str, value: Any) -> int:
    if not str(value).isdigit():
        raise Wrong(f"`{name}` is a number of bytes")
    return int(value)


def _no_size_in_clear(_: str, options: Any) -> None:
    if options.get("tls") is False and "size" in options:
        raise Wrong("`size` needs TLS")


async def verify(probe: Probe) -> None:
    """Contact no host."""


QUEUE = TargetType(
    "queue",
    "Message queue",
    5671,
    Cost(1, 1),
    speaks="queue",
    verifier=verify,
    path="topic",
    options=(
        Option("topic", tree=True),
        Option("size", _size, {"type": "integer"}, aliases=("bytes",)),
        switch("tls"),
        DATABASE,
    ),
    check=_no_size_in_clear,
    nmap=Nmap(services=("amqps",), parts={"amqp-admin": "a part of the queue"}),
    called=Called(names=("rabbit", "message queue")),
)

#: A cause that only the queue has.
FULL = Cause("queue.full", Owner.SERVER, Step.ACCESS, "The queue is full.", "Empty it.", "Count its messages.")
