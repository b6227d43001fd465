"""Run a scripted server on a free port of the loopback interface, to test a verifier without the real server.

    with FakeTarget() as fake:
        fake.expect(b"scanready\\r\\n").send(b"scanready\\r\\n")
        report = asyncio.run(scanready.verify(fake.target("echo")))
    fake.assert_followed()

Each connection plays the script from its beginning; after :meth:`FakeTarget.then` the next one plays another. The
fake stores the bytes that the verifier sent, and the end of each connection. Everything is bounded, and leaving the
context ends all connections. The fake only listens; it never opens a connection.
"""

from __future__ import annotations

import contextlib
import math
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from scanready.model import Credential, Target
from scanready.run.plugins.remarks import listeners

#: Seconds to wait for expected bytes, which come over loopback.
PATIENCE = 5.0
#: The most bytes that one connection may send.
_MOST = 4 * 1024 * 1024
#: Steps end this soon after the fake is left.
_TICK = 0.05
_SHOWN = 60


@dataclass(slots=True)
class FakeConnection:
    """One connection: what it sent (``received``), how far the script went, and what went against it (``fault``)."""

    received: bytes = b""
    done: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)
    fault: str = ""
    peer_closed: bool = False
    over: bool = False

    @property
    def followed(self) -> bool:
        """True if the script was played to its end."""
        return self.over and not self.fault and not self.to_do

    def __str__(self) -> str:
        lines = [f"  ✓ {step}" for step in self.done]
        lines += [f"  {'✗' if self.fault and not place else '–'} {step}" for place, step in enumerate(self.to_do)]
        return "\n".join(
            [*lines, f"  {self.fault or 'the other side has not finished'}" if self.to_do else ""]
        ).rstrip()


class _Fault(Exception):
    """The other side does not keep to the script."""


def _require_bytes(step: str, value: object) -> None:
    """Refuse anything else in the line that writes the script: its thread would end without a word to the test."""
    if not isinstance(value, bytes | bytearray):
        what = "text" if isinstance(value, str | re.Pattern) else type(value).__name__
        pattern = " or a pattern of bytes" if step == "expect" else ""
        raise TypeError(f"FakeTarget.{step} takes bytes{pattern}, such as b'hello', not {what}")


def _require_seconds(step: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"FakeTarget.{step} takes a number of seconds, not {type(value).__name__}")
    if not 0 <= value < math.inf:
        raise ValueError(f"FakeTarget.{step} takes 0 seconds or more, not {value}")


_Step = tuple[str, Callable[["_Playing"], None]]


class FakeTarget:
    """A scripted server. The script's methods return the fake itself, so that a script can be written as one chain.

    Args:
        host: the address to listen on.
        patience: seconds to wait for expected bytes.
    """

    def __init__(self, host: str = "127.0.0.1", *, patience: float = PATIENCE) -> None:
        self.host = host
        self.connections: list[FakeConnection] = []
        self._patience = patience
        self._scripts: list[list[_Step]] = [[]]
        self._changed = threading.Condition()
        self._remarks: list[str] = []
        self._leaving = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._listener.settimeout(_TICK)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name="fake target", daemon=True)

    def __enter__(self) -> FakeTarget:
        listeners.append(self._note)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening and end all connections."""
        listeners.remove(self._note)
        self._leaving.set()
        self._accepting.join()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    # Its address.

    def url(self, type_: str, path: str = "") -> str:
        """Return it as a TARGET of this type."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{type_}://{host}:{self.port}{path}"

    def target(self, type_: str, credential: Credential | None = None, **options: object) -> Target:
        """Return it as a :class:`scanready.Target` of this type."""
        return Target(self.host, type_, self.port, options, credential)

    # The script.

    def expect(self, what: bytes | re.Pattern[bytes]) -> FakeTarget:
        """Wait for exactly these bytes, or for a match of a pattern that includes the end of the message."""
        if not isinstance(what, re.Pattern) or not isinstance(what.pattern, bytes):
            _require_bytes("expect", what)
        return self._add(f"expect {_shown(what)}", lambda playing: playing.expect(what))

    def send(self, data: bytes) -> FakeTarget:
        """Send bytes."""
        _require_bytes("send", data)
        return self._add(f"send {_shown(data)}", lambda playing: playing.send(data))

    def drip(self, data: bytes, seconds: float = 0.01) -> FakeTarget:
        """Send bytes one at a time, so many seconds apart."""
        _require_bytes("drip", data)
        _require_seconds("drip", seconds)
        return self._add(f"drip {_shown(data)}", lambda playing: playing.drip(data, seconds))

    def wait(self, seconds: float | None = None) -> FakeTarget:
        """Send nothing for so many seconds; without a number, until the other side closes."""
        if seconds is not None:
            _require_seconds("wait", seconds)
        words = "wait until the other side leaves" if seconds is None else f"wait {seconds:g} s"
        return self._add(words, lambda playing: playing.wait(seconds))

    def close(self) -> FakeTarget:
        """Close the connection."""
        return self._add("close", lambda playing: playing.close())

    def reset(self) -> FakeTarget:
        """Cut the connection off, as a crashed server or an access list does."""
        return self._add("reset", lambda playing: playing.close(abort=True))

    def then(self) -> FakeTarget:
        """Begin the script of the next connection; the last script is also played to all later ones."""
        self._scripts.append([])
        return self

    # The outcome.

    @property
    def received(self) -> bytes:
        """All received bytes, of every connection."""
        return b"".join(connection.received for connection in self.connections)

    def assert_followed(self, connections: int = 1, within: float = PATIENCE) -> None:
        """Assert the number of connections, and that each followed its script to the end; wait for their end.

        The checks of this target must be free of remarks, too: each fact is declared, and has its declared type.

        Raises:
            AssertionError: with the script, and where it was left; or with the remarks.
        """
        __tracebackhide__ = True
        with self._changed:
            self._changed.wait_for(lambda: self._ended() >= connections or self._leaving.is_set(), within)
            came = list(self.connections)
        if len(came) != connections:
            raise AssertionError(f"{len(came)} connections came, not {connections}")
        for number, connection in enumerate(came, 1):
            if not connection.followed:
                raise AssertionError(f"connection {number} did not keep to the script:\n{connection}")
        if self._remarks:
            raise AssertionError("the verifier's checks have remarks:\n" + "\n".join(self._remarks))

    def _note(self, target: Target, remarks: str) -> None:
        if target.endpoint == (self.host, self.port):
            self._remarks.append(remarks)

    def _ended(self) -> int:
        return sum(connection.over for connection in self.connections)

    # Playing.

    def _add(self, words: str, play: Callable[[_Playing], None]) -> FakeTarget:
        self._scripts[-1].append((words, play))
        return self

    def _accept(self) -> None:
        while not self._leaving.is_set():
            with contextlib.suppress(TimeoutError, ConnectionError):
                peer, _ = self._listener.accept()
                script = self._scripts[min(len(self.connections), len(self._scripts) - 1)]
                connection = FakeConnection(to_do=[words for words, _ in script])
                self.connections.append(connection)
                arguments = (_Playing(peer, connection, self._leaving, self._patience), list(script))
                thread = threading.Thread(target=self._play, args=arguments, name="fake connection", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _play(self, playing: _Playing, script: list[_Step]) -> None:
        connection = playing.connection
        try:
            for words, play in script:
                play(playing)
                connection.done.append(words)
                connection.to_do.pop(0)
            playing.hear_out()
        except _Fault as fault:
            connection.fault = str(fault)
        except OSError as error:
            connection.fault = f"the connection broke: {error.strerror or error}"
        finally:
            playing.close(abort=bool(connection.fault))
            with self._changed:
                connection.over = True
                self._changed.notify_all()


class _Playing:
    """One connection in play."""

    def __init__(
        self, peer: socket.socket, connection: FakeConnection, leaving: threading.Event, patience: float
    ) -> None:
        self.connection = connection
        self._peer, self._leaving, self._patience = peer, leaving, patience
        self._read = 0  # the number of received bytes that the script has consumed
        self._closed = False
        peer.settimeout(_TICK)

    def expect(self, what: bytes | re.Pattern[bytes]) -> None:
        """Wait for the expected bytes; leave further bytes for the next step."""
        until = time.monotonic() + self._patience
        while True:
            there = self.connection.received[self._read :]
            if isinstance(what, bytes):
                if there.startswith(what):
                    self._read += len(what)
                    return
                if not what.startswith(there):
                    raise _Fault(f"{_shown(there)} came instead")
            elif (found := what.match(there)) is not None:
                self._read += found.end()
                return
            if self.connection.peer_closed:
                raise _Fault(f"the other side left; so far came {_shown(there)}")
            if time.monotonic() > until:
                raise _Fault(f"only {_shown(there)} came in {self._patience:g} s")
            self._hear()

    def send(self, data: bytes) -> None:
        """Send all of it, unless the fake is left."""
        rest = memoryview(data)
        while rest and not self._leaving.is_set():
            with contextlib.suppress(TimeoutError):
                rest = rest[self._peer.send(rest) :]
        if rest:
            raise _Fault("the fake was left in the middle of it")

    def drip(self, data: bytes, seconds: float) -> None:
        """Send it byte by byte."""
        for byte in data:
            self.send(bytes((byte,)))
            self._leaving.wait(seconds)

    def wait(self, seconds: float | None) -> None:
        """Send nothing, and receive."""
        until = None if seconds is None else time.monotonic() + seconds
        while not self.connection.peer_closed and not self._leaving.is_set():
            if until is not None and time.monotonic() > until:
                return
            self._hear()

    def hear_out(self) -> None:
        """After the script: receive the farewell, and let the other side close first."""
        if not self._closed:
            self.wait(self._patience)

    def close(self, *, abort: bool = False) -> None:
        """Close the connection; with ``abort`` TCP sends a reset (socket(7), SO_LINGER)."""
        if not self._closed:
            self._closed = True
            if abort:
                with contextlib.suppress(OSError):
                    self._peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._peer.close()

    def _hear(self) -> None:
        if self._leaving.is_set():
            raise _Fault("the fake was left before")
        with contextlib.suppress(TimeoutError):
            data = self._peer.recv(65536)
            self.connection.peer_closed = not data
            self.connection.received += data
            if len(self.connection.received) > _MOST:
                raise _Fault("the other side does not stop sending")


def _shown(what: bytes | re.Pattern[bytes]) -> str:
    text = f"/{what.pattern!r}/" if isinstance(what, re.Pattern) else repr(what)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
