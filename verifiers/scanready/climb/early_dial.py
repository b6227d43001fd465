"""Dial a target before its climb is set up: while a host is silent, only a socket waits for it.

A climb that waits is a chain of coroutines with all that it records, 12 KB (measured). Thousands of targets may be
silent at once, and there is nothing to climb before a host answers. A name with several addresses is left to the climb.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

from scanready.model import Target
from scanready.net.dial import attempt, connected, explained, opened_socket
from scanready.net.passage import Passage
from scanready.net.sockets import Address, KeepingSocket
from scanready.net.stream import ConnectError, ReadTimeout, Stream, Tap

from .dial_all import PATIENCE, Dialled, dialled_before, failed_before

if TYPE_CHECKING:
    from .run_context import RunContext


class Early(NamedTuple):
    """The result of dialling a target before its climb.

    Attributes:
        began: the loop's time at which the target's time began.
        passage: where its connection has waited for its turn.
        looked_up: seconds that the look-up of the name took, whatever its result.
        address: the one that was dialled, None if there is none, or several.
        sock: the open connection, None without one.
        seconds: of the target's time that the connection took.
        failed: the result without a connection, None with one.
        cut_short: the task was cancelled as the connection came into being: it is only to be ended politely.
    """

    began: float
    passage: Passage
    looked_up: float = 0.0
    address: Address | None = None
    sock: KeepingSocket | None = None
    seconds: float = 0.0
    failed: Dialled | None = None
    cut_short: bool = False

    def dialled(self, deadline: float, tap: Tap | None) -> Dialled | None:
        """Return the result of dialling, with the stream of an open connection; None without any."""
        if self.sock is None or self.address is None:
            return self.failed
        return dialled_before(Stream(self.sock, str(self.address[1][0]), deadline, tap), self.address, self.seconds)


async def dial_early(target: Target, shared: RunContext, began: float, seconds: float) -> Early:
    """Resolve and dial as :func:`.dial_all.dial_all` does, for a target whose time began at ``began`` (the loop's).

    Args:
        seconds: the target's time; the look-up and the connection take no more.

    Raises:
        NotBegun: the run was stopped before the connection was begun.
    """
    passage, deadline = Passage(shared.gate), began + seconds
    address, looked_up = await _look_up(target, shared, deadline)
    if address is None:
        return Early(began, passage, looked_up)
    shared.under_way.set()
    clock = time.perf_counter()
    try:
        sock, loop = opened_socket(address[0]), asyncio.get_running_loop()
        patience = min(deadline, loop.time() + PATIENCE)
        since = loop.time() - passage.waited
        try:
            failed = await attempt(sock, address, patience, passage)
        except BaseException as stopped:
            if isinstance(stopped, asyncio.CancelledError) and connected(sock):
                return Early(began, passage, looked_up, address, sock, cut_short=True)
            sock.close()
            raise
        if failed is not None:
            raise explained(failed, sock, loop.time() - passage.waited - since)
    except (ConnectError, ReadTimeout) as error:
        result = failed_before(error, address, time.perf_counter() - passage.waited - clock)
        return Early(began, passage, looked_up, failed=result)
    return Early(began, passage, looked_up, address, sock, time.perf_counter() - passage.waited - clock)


async def _look_up(target: Target, shared: RunContext, deadline: float) -> tuple[Address | None, float]:
    """Return the only address of the target's name, None if it has several or none, and the seconds that it took."""
    clock, addresses = time.perf_counter(), list[Address]()
    with contextlib.suppress(OSError):  # the climb asks again, and has the same answer
        addresses = await shared.resolver.addresses(target.host, target.port, deadline)
    return addresses[0] if len(addresses) == 1 else None, time.perf_counter() - clock
