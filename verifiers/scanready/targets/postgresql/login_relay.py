"""Relay libpq's session over the connection that the check opened, with TLS if the server offers it.

libpq does TLS itself, in C. scanready could not look at the certificate before libpq sends the password, and libpq
cannot be limited to one certificate or a list of them. Therefore the check connects, does TLS and judges the
certificate. libpq connects to a loopback address, and the relay forwards its session over that connection.

libpq also answers every request for a password, each with a salt of the server's choice, without a limit (measured
with libpq 17). The relay passes only one answer.
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

#: The address for libpq to connect to; the port is :attr:`Relay.port`.
ADDRESS = "127.0.0.1"
_CHUNK = 1 << 16
#: The type of a client's answer to an authentication request; no earlier message of a client has it.
_ANSWER = b"p"
#: Seconds to send libpq's last message after it has closed its connection.
_LINGER = 0.5


class Relay:
    """Relay one session in a thread of its own; use it as a context manager around libpq's connection.

    Attributes:
        port: the local port for libpq.
        asked: the server asked for the password.
        answered: an answer was sent, even if only SCRAM's first message, which proves nothing.
        asked_again: the server asked for the password again after the answer, so the relay ended the session.
        ended: the server closed the connection before libpq did.
        sqlstate: the code of the server's error in place of a session, which libpq does not tell; empty without one.

    Args:
        there: the blocking connection to the server; the relay closes it at the end.
        trace: records when an answer with the password or a proof of it is sent.
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
        self.sqlstate = ""

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
        """Record whether libpq is about to send an answer to the request for the password."""
        if self._judged or data[:1] != _ANSWER:
            return
        self.answered = True
        if not self._proves_nothing and not self._trace.sent:
            self._trace.sent = True

    def _received(self, ready: socket.socket) -> bytes:
        """Return the next bytes from one side; record the end of the server's side."""
        try:
            data = ready.recv(_CHUNK)
        except OSError:
            self.ended = self.ended or ready is self._there
            raise
        self.ended = self.ended or (ready is self._there and not data)
        return data

    def _shown(self, data: bytes) -> bytes:
        """Return the server's bytes for libpq without the offer of channel binding, since libpq's side has no TLS.

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
            self._judged, self.sqlstate = step.ends, step.sqlstate
            shown += step.shown
        return bytes(shown) + (self._answer.take(len(self._answer)) if self._judged else b"")
