"""Tell the logins that a process is making at this moment from those that a killed process has left open."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace

from .journal import AccountRecord, Event


def agent_number(agent: str) -> int:
    """Return the number of the lock that an agent of a fleet holds in the run store; those of runs are positive."""
    return -1 - zlib.crc32(agent.encode())


def settled(records: Iterable[AccountRecord], is_held: Callable[[int], bool]) -> list[AccountRecord]:
    """Return the journal without the logins that another process is making.

    Args:
        is_held: whether another process holds the lock of a number.
    """
    held: dict[int, bool] = {}

    def is_going(event: Event) -> bool:
        number = event.run if event.run is not None and event.run > 0 else agent_number(event.agent)
        if number not in held:
            held[number] = is_held(number)
        return held[number]

    return [
        replace(record, logins=tuple(one for one in record.logins if not (one.killed and is_going(one.event))))
        if any(one.killed for one in record.logins)
        else record
        for record in records
    ]
