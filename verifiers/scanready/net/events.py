"""Record what this side does while a rung is climbed: the story of a check is made of these events.

An event is one word that the story of the target type has a text for, such as "head" for a HEAD request. It is recorded
where the bytes are sent, on the rung that is being climbed there; outside of any rung it is dropped.
"""

from __future__ import annotations

from contextvars import ContextVar

_EVENTS: ContextVar[list[str] | None] = ContextVar("events", default=None)


def record(event: str) -> None:
    """Note an event on the rung that is being climbed; one that happens again is noted once."""
    events = _EVENTS.get()
    if events is not None and event not in events:
        events.append(event)


def swap(events: list[str] | None) -> list[str] | None:
    """Record in ``events`` from now on, and return the list of the rung before."""
    before = _EVENTS.get()
    _EVENTS.set(events)
    return before
