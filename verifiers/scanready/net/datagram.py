"""Send one UDP request; repeat it until an answer arrives or the time is over.

Silence proves nothing: a packet filter, a lost packet and a service that ignores unknown clients look the same. An ICMP
error is as definite as over TCP, and the kernel reports it in the same way.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import TypeVar

from scanready.wire import WireError

from . import icmp, sockets
from .allowed import demand_allowed
from .passage import ALWAYS_OPEN, Passage
from .poller import poller_of
from .sockets import Address
from .stream import HEARD, ConnectError, Tap, UdpTimeout

T = TypeVar("T")

#: Seconds between two sendings of the same question. Slower than any answer, twice within the usual patience.
INTERVAL = 1.0
#: A datagram is never larger (RFC 768).
_LARGEST = 65_535
#: Datagrams that answer another request; more of them are treated as a flood.
_MOST_IGNORED = 64


async def ask(
    address: Address,
    question: bytes,
    reader: Callable[[bytes], T | None],
    deadline: float,
    tap: Tap | None = None,
    privileged: bool = False,
    passage: Passage = ALWAYS_OPEN,
) -> T:
    """Return what ``reader`` makes of the answer; it returns None for a datagram that answers another question.

    Args:
        address: the server; datagrams from other senders are not received.
        question: sent every :data:`INTERVAL` seconds until answered, always the same bytes.
        reader: the whole datagram in, the answer out.
        deadline: absolute, in the event loop's time.
        privileged: ask from a source port below 1024, where this process may have one.
        passage: where the question waits for its turn, and the deadline with it.

    Raises:
        UdpTimeout: nothing until the deadline.
        ConnectError: an ICMP message rejected the request, it is not allowed, or a limit of this host.
        WireError: the answer breaks its protocol, or a flood of datagrams that answer nothing.
        NotBegun: the run was stopped before the first contact of the climb.
    """
    demand_allowed(address)
    deadline += await passage.enter(address)
    try:
        return await _asked(address, question, reader, deadline, tap, privileged)
    finally:
        passage.leave(address)


async def _asked(
    address: Address,
    question: bytes,
    reader: Callable[[bytes], T | None],
    deadline: float,
    tap: Tap | None,
    privileged: bool,
) -> T:
    loop = asyncio.get_running_loop()
    family, where = address
    since = loop.time()
    try:
        sock = sockets.udp(family, privileged)
    except OSError as error:
        raise ConnectError(error) from error
    try:
        await poller_of(loop).connect(sock, address, deadline)
        ignored = 0
        while (now := loop.time()) < deadline:
            sock.send(question)
            if tap:
                tap("sent", question)
            again = min(deadline, now + INTERVAL)
            while (data := await _datagram(sock, again)) is not None:
                if tap:
                    tap("received", data)
                if (answer := _read(reader, data)) is not None:
                    return answer
                ignored += 1
                if ignored > _MOST_IGNORED:
                    raise WireError(f"more than {_MOST_IGNORED} datagrams arrived, and none answers the request")
    except BlockingIOError as error:
        raise ConnectError(error) from error  # our own queue is full: errno EAGAIN says whose limit it is
    except OSError as error:
        told, offender = icmp.of(sock)
        raise ConnectError(error, told, offender, datagram_to=str(where[0])) from error
    finally:
        sock.close()
    raise UdpTimeout("no answer over UDP", b"", loop.time() - since)


def _read(reader: Callable[[bytes], T | None], data: bytes) -> T | None:
    """Return what ``reader`` makes of a datagram; its error quotes it."""
    try:
        return reader(data)
    except WireError as error:
        error.heard = error.heard or data[:HEARD]
        raise


async def _datagram(sock: sockets.KeepingSocket, until: float) -> bytes | None:
    """The next datagram, None if there is none ``until`` then; always gives way to other tasks."""
    await asyncio.sleep(0)  # a flood is read without waiting, and would keep the loop to itself
    try:
        return _bytes_of(await poller_of(asyncio.get_running_loop()).receive(sock, _LARGEST, until))
    except TimeoutError as error:
        if error.errno:  # the system's, at once: asked again within our time, it would be a flood
            raise
        try:  # the loop may have been busy past the time, and may have read it in the very turn that ended the wait
            return _bytes_of(sock.taken(_LARGEST))
        except BlockingIOError:
            return None
    finally:
        sock.kept = b""


def _bytes_of(received: object) -> bytes:
    """Return a datagram; some Pythons on Windows report "port unreachable" as ``(b"", None)``."""
    if not isinstance(received, bytes):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    return received
