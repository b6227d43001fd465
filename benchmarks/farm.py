"""Run the benchmark's ten thousand servers in one small process (Linux).

    python -m benchmarks.farm [--delay SECONDS] [--silent] [--workers N] [--core N]

Each protocol has one port on every address of 127/8 and answers the first exchange with the bytes of a real server. The
servers share two cores with the measured program. So they are a bare epoll loop without streams or TLS, with one small
object for each connection. The process prints its ports as one line of JSON and runs until its standard input ends.
Then it prints the number of finished and broken-off exchanges of each protocol as another line.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import mmap
import os
import resource
import select
import socket
import struct
import sys
import time
from collections import deque

from benchmarks.exchanges import EXCHANGES, Exchange

#: Octets read at once; no first flight of a client is longer.
READ = 16 * 1024
#: Connections waiting to be accepted; the kernel cuts it down to net.core.somaxconn.
BACKLOG = 65535
#: Stands in the queue of answers for the end of the connection.
CLOSE = b""
#: Per worker: finished and broken off exchanges of each protocol.
COUNTERS = struct.Struct(f"{2 * len(EXCHANGES)}Q")


class Connection:
    """One accepted connection and how far its exchange has come."""

    __slots__ = ("asked", "exchange", "finished", "kind", "sock", "step")

    def __init__(self, sock: socket.socket, kind: int, exchange: Exchange) -> None:
        self.sock, self.kind, self.exchange = sock, kind, exchange
        self.asked, self.step, self.finished = b"", 0, False


class Worker:
    """One epoll loop over the shared listeners."""

    def __init__(self, listeners: list[socket.socket], lifeline: int, delay: float, silent: bool) -> None:
        self._listeners = {listener.fileno(): (listener, kind) for kind, listener in enumerate(listeners)}
        self._exchanges = list(EXCHANGES.values())
        self._lifeline, self._delay, self._silent = lifeline, delay, silent
        self._connections: dict[int, Connection] = {}
        #: Answers held back, the next one first: all are held back equally long.
        self._held: deque[tuple[float, Connection, bytes]] = deque()
        self.counters = [0] * (2 * len(EXCHANGES))
        self._epoll = select.epoll()
        for number in self._listeners:
            self._epoll.register(number, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        self._epoll.register(lifeline, select.EPOLLIN)

    def run(self) -> None:
        """Serve until the other end of the lifeline is closed."""
        while True:
            patience = max(0.0, self._held[0][0] - time.monotonic()) if self._held else None
            for number, _ in self._epoll.poll(patience):
                if connection := self._connections.get(number):
                    self._hear(connection)
                elif number in self._listeners:
                    self._accept(*self._listeners[number])
                else:
                    return
            self._release()

    def _accept(self, listener: socket.socket, kind: int) -> None:
        exchange = self._exchanges[kind]
        for _ in range(64):  # then the others have their turn
            try:
                sock, _ = listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            connection = Connection(sock, kind, exchange)
            self._connections[sock.fileno()] = connection
            self._epoll.register(sock.fileno(), select.EPOLLIN)
            if exchange.greeting and not self._silent:
                self._say(connection, exchange.greeting)

    def _hear(self, connection: Connection) -> None:
        try:
            heard = connection.sock.recv(READ)
        except BlockingIOError:
            return
        except ConnectionError:
            heard = b""
        if not heard:
            self._close(connection)
            return
        connection.asked += heard
        if self._silent:
            connection.asked = b""
            return
        while answer := connection.exchange.answer(connection):
            self._say(connection, answer)
        if connection.finished and connection.exchange.closes:
            self._say(connection, CLOSE)

    def _say(self, connection: Connection, answer: bytes) -> None:
        if self._delay:
            self._held.append((time.monotonic() + self._delay, connection, answer))
        else:
            self._send(connection, answer)

    def _send(self, connection: Connection, answer: bytes) -> None:
        if answer is CLOSE:
            self._close(connection)
        elif connection.sock.fileno() >= 0:
            with contextlib.suppress(OSError):  # it has left: its end is read next
                connection.sock.send(answer)

    def _release(self) -> None:
        """Send the held answers whose time has come."""
        now = time.monotonic()
        while self._held and self._held[0][0] <= now:
            _, connection, answer = self._held.popleft()
            self._send(connection, answer)

    def _close(self, connection: Connection) -> None:
        number = connection.sock.fileno()
        if number < 0:
            return
        del self._connections[number]
        connection.sock.close()
        self.counters[2 * connection.kind + (not connection.finished)] += 1


def listen() -> list[socket.socket]:
    """Return one listener per protocol: every address of the loopback device, and of no other."""
    listeners = []
    for _ in EXCHANGES:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        listener.bind(("0.0.0.0", 0))
        listener.listen(BACKLOG)
        listener.setblocking(False)
        listeners.append(listener)
    return listeners


def main() -> None:
    """Listen, fork the workers, wait, count."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.farm", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="hold every answer back so long")
    parser.add_argument("--silent", action="store_true", help="accept and never answer")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that serve (default: 1)")
    parser.add_argument("--core", type=int, metavar="N", help="run on this core only")
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    listeners = listen()
    reading_end, writing_end = os.pipe()
    shared = mmap.mmap(-1, COUNTERS.size * options.workers)
    children = []
    for number in range(options.workers):
        if child := os.fork():
            children.append(child)
            continue
        os.close(writing_end)
        worker = Worker(listeners, reading_end, options.delay, options.silent)
        worker.run()
        COUNTERS.pack_into(shared, number * COUNTERS.size, *worker.counters)
        os._exit(0)
    ports = {name: listener.getsockname()[1] for name, listener in zip(EXCHANGES, listeners, strict=True)}
    print(json.dumps(ports), flush=True)
    while sys.stdin.buffer.read(4096):
        pass
    os.close(writing_end)
    for child in children:
        os.waitpid(child, 0)
    totals = [sum(column) for column in zip(*COUNTERS.iter_unpack(shared), strict=True)]
    print(json.dumps({name: totals[2 * i : 2 * i + 2] for i, name in enumerate(EXCHANGES)}), flush=True)


if __name__ == "__main__":
    main()
