"""Limit paramiko: a socket with a limit of time and of size, no log, and a DISCONNECT at the end.

paramiko waits without limit for most answers and buffers everything it receives (measured with a banner of 50 MB
without a line end). All its waits end when its transport ends, and its transport ends when the socket ends. So the
limits are in the socket. paramiko's own limits of time are lifted: they go by the wall clock, which may be set
meanwhile, and one of them is 2 s for each line of text before the server's identification.
"""

from __future__ import annotations

import logging
import math
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.login_trace import LoginTrace
from scanready.wire import ssh as wire
from scanready.wire.printable import collapsed, printable

if TYPE_CHECKING:
    import paramiko

#: The most bytes that a server may send in one visit: far more than a login, one command and one directory entry need.
MOST_RECEIVED = 4 << 20
#: The same until keys are exchanged: a greeting and KEXINIT, at most 35,000 bytes by the RFC (4253, 6.1), and a reply.
MOST_BEFORE_KEYS = 64 << 10
#: A login asks for a few prompts at most.
MOST_PROMPTS = 16
#: Seconds to wait after our DISCONNECT for the server to close first. It does so in one round trip.
LINGER = 0.25

#: The exceptions of paramiko's reading thread at a message that it does not validate, such as an unknown number. The
#: waiting call raises them.
UNCHECKED = (
    struct.error,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
)

#: The number of the server's first bytes that are kept.
_FIRST = 200

FAREWELL = "scanready login check ended"
_LOG = "scanready.paramiko"
_DISCONNECT, _USERAUTH_REQUEST, _USERAUTH_FAILURE, _INFO_REQUEST, _INFO_RESPONSE = 1, 50, 51, 60, 61
#: The methods whose USERAUTH_REQUEST carries a secret, or is signed with one (RFC 4252, 7 and 8).
_WITH_SECRET = ("password", "publickey")


@dataclass(slots=True)
class Trace(LoginTrace):
    """Record whether a secret was sent, or the account was accepted without one, however the login ended."""

    tried: bool = False

    @property
    def secret_left(self) -> bool:
        """Return whether the server may have received a secret."""
        return self.tried


class Leash:
    """Wrap the socket for paramiko: end it after ``seconds`` or ``most`` bytes, and keep what paramiko discards.

    Attributes:
        disconnect_reason: the reason of the server's DISCONNECT (RFC 4253, 11.1); None before one.
        disconnect_text: the text of the server's DISCONNECT.
        methods: the methods listed in the server's last refusal, at most 20; None before the first refusal.
        hung_up: whether the server ended the connection.
        trace: the login's trace; it is set right before a secret is sent.
    """

    def __init__(self, sock: socket.socket, seconds: float, trace: Trace) -> None:
        self._sock = sock
        self.trace = trace
        self._ends = time.monotonic() + seconds
        self._received = 0
        self._closed = False  # paramiko reads this private attribute of a socket
        self.most = MOST_BEFORE_KEYS
        self.flooded = False
        self.hung_up = False
        self.disconnect_reason: int | None = None
        self.disconnect_text = ""
        self.methods: tuple[str, ...] | None = None
        self._first = b""

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def expired(self) -> bool:
        """Return whether the time is over."""
        return self.remaining == 0.0

    def verdict(self, otherwise: str) -> Failure:
        """Return why the connection ended: a limit of this object, the server without a word, or ``otherwise``."""
        if self.flooded:
            return Failure(common.LIMIT, f"the server sent more than {self.most >> 10} KiB, the limit of this check")
        if self.expired:
            return Failure(common.OUT_OF_TIME, "the server did not answer within the time")
        if refusal := self._turned_away():
            return refusal
        if self.hung_up and not self._first:
            detail = "the server closed the connection for the login before it identified itself; no secret was sent"
            return Failure(common.LOGIN_NOT_JUDGED, detail)
        words = f"; the server's message: {printable(self.disconnect_text)}" if self.disconnect_text else ""
        return Failure(common.LIMIT, f"{printable(otherwise, 300)}{words}")

    def _turned_away(self) -> Failure | None:
        """Return why sshd refused the connection, if it sent a refusal in place of its identification string."""
        for kind in (wire.RefusalKind.PENALTY, wire.RefusalKind.MAX_STARTUPS):
            if self._first.startswith(kind.value.encode()):
                line = printable(self._first.split(b"\n", 1)[0].decode("latin-1"))
                return Failure(
                    common.THROTTLED, f"the server refused the connection for the login: {line!r}; no secret was sent"
                )
        return None

    # the socket, as paramiko uses it

    def recv(self, size: int) -> bytes:
        """Receive up to ``size`` bytes; return none at the end of the connection or at a limit of time or size."""
        if self.expired or self.flooded:
            return b""
        try:
            data = self._sock.recv(min(size, 1 << 16))
        except ConnectionError:
            self.hung_up = True
            raise
        self.hung_up = not data
        self._received += len(data)
        if len(self._first) < _FIRST:
            self._first += data[: _FIRST - len(self._first)]
        self.flooded = self._received > self.most
        return data

    def send(self, data: bytes) -> int:
        """Send as much as the peer accepts; raise at the end of the time, because paramiko would retry without end."""
        if self.expired:
            raise BrokenPipeError("the time is over")
        return self._sock.send(data)

    def settimeout(self, seconds: float | None) -> None:
        """As a socket's."""
        self._sock.settimeout(seconds)

    def close(self) -> None:
        """As a socket's."""
        self._closed = True
        self._sock.close()


def words_of(error: BaseException) -> str:
    """Return a library's text for an error, printable; if it is empty, that the server closed the connection."""
    if isinstance(error, UNCHECKED):
        return f"it does not understand the server's answer: {type(error).__name__}: {printable(str(error), 200)}"
    return printable(str(error), 200) or "the server closed the connection without a message"


def open_transport(leash: Leash) -> paramiko.Transport:
    """Create a transport over ``leash`` that logs nothing; nothing is sent yet."""
    import paramiko

    log = logging.getLogger(_LOG)
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    # The class accepts any object with recv, send, settimeout and close (its documentation).
    transport: paramiko.Transport = _transport(paramiko)(leash, packetizer_class=_packetizer(paramiko, leash))
    transport.set_log_channel(_LOG)
    transport.handshake_timeout = leash.remaining  # a timer, which takes no infinity
    transport.auth_timeout = transport.channel_timeout = transport.clear_to_send_timeout = math.inf
    return transport


def _transport(paramiko: Any) -> Any:
    """Return paramiko's transport class, changed to convert unexpected exceptions of its thread to SSHException."""

    class Transport(paramiko.Transport):  # type: ignore[misc]
        def get_exception(self) -> BaseException | None:
            error: BaseException | None = super().get_exception()
            if error is None or isinstance(error, (paramiko.SSHException, EOFError, OSError, *UNCHECKED)):
                return error
            return paramiko.SSHException(f"{type(error).__name__} {error}".strip())  # type: ignore[no-any-return]

    return Transport


def _packetizer(paramiko: Any, leash: Leash) -> type:
    """Return paramiko's packetizer class, changed to wait without a limit of its own and to inspect messages."""

    class Packetizer(paramiko.packet.Packetizer):  # type: ignore[misc]
        def readline(self, timeout: float) -> str:
            return super().readline(math.inf)  # type: ignore[no-any-return]

        def send_message(self, data: Any) -> None:
            if _has_secret(paramiko, data.asbytes()):
                leash.trace.tried = True
            super().send_message(data)

        def read_message(self) -> tuple[int, Any]:
            kind, message = super().read_message()
            if kind == _DISCONNECT:
                leash.disconnect_reason = message.get_int()
                leash.disconnect_text = collapsed(message.get_text(), 300)
                message.rewind()
            elif kind == _USERAUTH_FAILURE:
                leash.methods = tuple(collapsed(str(method), 60) for method in message.get_list()[:20] if method)
                message.rewind()
            elif kind == _INFO_REQUEST:
                _demand_few_prompts(paramiko, message)
            return kind, message

    return Packetizer


def _has_secret(paramiko: Any, payload: bytes) -> bool:
    """Return whether an outgoing message contains a secret: a password, a signature, the answer to a prompt."""
    message = paramiko.Message(payload[1:])
    if payload[0] == _INFO_RESPONSE:
        return bool(message.get_int())
    if payload[0] != _USERAUTH_REQUEST:
        return False
    _user, _service, method = (message.get_text() for _ in range(3))
    return method in _WITH_SECRET


def _demand_few_prompts(paramiko: Any, message: Any) -> None:
    """Refuse a message with too many prompts (RFC 4256, 3.2): four billion would exhaust paramiko's memory."""
    for _ in ("name", "instruction", "language"):
        message.get_string()
    prompts = message.get_int()
    message.rewind()
    if prompts > MOST_PROMPTS:
        raise paramiko.SSHException(f"the server sends {prompts} prompts at once")


def take_leave(transport: paramiko.Transport, leash: Leash) -> None:
    """Disconnect and let the server close first, because a reset looks like an attack in its log."""
    if transport.is_active() and disconnect(transport):
        transport.join(LINGER)
    transport.close()
    leash.close()


def disconnect(transport: paramiko.Transport) -> bool:
    """Send DISCONNECT with our text, which paramiko itself never sends; return whether it was sent."""
    import paramiko

    message = paramiko.Message()
    message.add_byte(b"\x01")
    message.add_int(11)  # SSH_DISCONNECT_BY_APPLICATION (RFC 4253, 11.1)
    message.add_string(FAREWELL)
    message.add_string("en")
    try:
        transport._send_message(message)  # type: ignore[attr-defined]  # paramiko has no public method for it
    except (paramiko.SSHException, EOFError, OSError):
        return False
    return True
