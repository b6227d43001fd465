"""Carry libpq's session over a connection that the climb has made, and that is in TLS already where the server has it.

libpq does TLS by itself, in C: nothing of ours can look at the certificate before it sends the password, and its own
verification has no option for one certificate, or a list of them. So the climb connects, does TLS, and judges; and
libpq gets an address of this host, where its session comes out of that connection.

libpq also answers each request for a password, however many a server makes of them, each with a salt of its choice
(measured with libpq 17). The relay lets one through.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from types import TracebackType

from scanready.climb.login_trace import SecretTrace
from scanready.net.sockets import loopback_listener
from scanready.wire import Buffer, WireError
from scanready.wire.postgresql import read_login_step

#: Where libpq finds the session, at :attr:`Relay.port`.
ADDRESS = "127.0.0.1"
_CHUNK = 1 << 16
#: The type of a client's answer to an authentication request; nothing else that a client sends before begins so.
_ANSWER = b"p"
#: Seconds for libpq's last word to go out, when it has closed.
_LINGER = 0.5


class Relay:
    """One session, carried in a thread of its own; a context manager around libpq's connection.

    Attributes:
        port: where libpq connects.
        asked: the server asked for the password.
        answered: an answer to that has left, be it only SCRAM's first, which proves nothing.
        asked_again: the server asked for the password once more after it had it, and the session was ended.
        ended: the server ended the connection, before libpq did.

    Args:
        there: the connection to the server, blocking; it is closed at the end.
        trace: notes when an answer leaves that has the password or a proof of it.
    """

    def __init__(self, there: socket.socket, trace: SecretTrace) -> None:
        self._there = there
        self._trace = trace
        self._listener = loopback_listener()
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._carry, name="relay", daemon=True)
        self._answer, self._judged = Buffer(), False
        self._proves_nothing = False
        self.asked, self.answered, self.asked_again, self.ended = False, False, False, False

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._thread.join(_LINGER)

    def _carry(self) -> None:
        with contextlib.suppress(OSError, WireError), self._there:
            with self._listener:
                ours, _ = self._listener.accept()
            with ours:
                open_ = [ours, self._there]
                while ours in open_:
                    for ready in select.select(open_, [], [])[0]:
                        data = self._received(ready)
                        if not data:
                            open_.remove(ready)
                        if ready is ours:
                            self._see(data)
                            self._there.sendall(data)
                        elif data:
                            ours.sendall(self._shown(data))
                        else:
                            ours.shutdown(socket.SHUT_WR)

    def _see(self, data: bytes) -> None:
        """Note the answer that libpq is about to send, if that is one."""
        if self._judged or data[:1] != _ANSWER:
            return
        self.answered = True
        if not self._proves_nothing and not self._trace.sent:
            self._trace.sent = True

    def _received(self, ready: socket.socket) -> bytes:
        """Return the next bytes of one end; the end of the server's is noted."""
        try:
            data = ready.recv(_CHUNK)
        except OSError:
            self.ended = self.ended or ready is self._there
            raise
        self.ended = self.ended or (ready is self._there and not data)
        return data

    def _shown(self, data: bytes) -> bytes:
        """Return the server's bytes for libpq, whose own end is in clear: without the offer to bind to TLS.

        Raises:
            WireError: the server asks for the password again, or breaks the protocol of the login.
        """
        if self._judged:
            return data
        self._answer.feed(data)
        shown = bytearray()
        while not self._judged and (step := read_login_step(self._answer)) is not None:
            self.asked_again = self.asked and step.wants_secret
            if self.asked_again:
                raise WireError("the server asks for the password again")
            self.asked, self._proves_nothing = self.asked or step.wants_secret, step.opens_scram
            self._judged = step.ends
            shown += step.shown
        return bytes(shown) + (self._answer.take(len(self._answer)) if self._judged else b"")
