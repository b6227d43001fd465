"""paramiko on a leash: a socket that ends in time and in size, a quiet log, and a polite end.

paramiko waits without limit for most answers and buffers whatever comes (a banner
of 50 MB without a line end: measured). All its waits end when its transport dies,
and its transport dies when the socket ends. So the socket ends.
"""

from __future__ import annotations

import logging
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

#: All that a server may send in one visit: far more than a login, one command and one directory entry ever are.
MOST_RECEIVED = 4 << 20
#: The same until keys are exchanged: a greeting and KEXINIT, at most 35,000 bytes by the RFC (4253, 6.1), and a reply.
MOST_BEFORE_KEYS = 64 << 10
#: OpenSSH's own client asks for a handful of prompts at the most.
MOST_PROMPTS = 16
#: How long the server is given to close first after our DISCONNECT, in seconds. It does so in one round trip.
LINGER = 0.25

#: The exceptions of paramiko's reading thread at a message that it does not check (a number that it has no name for);
#: the waiting call raises them.
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

#: The bytes of the server's first words that are kept.
_FIRST = 200

FAREWELL = "scanready login check ended"
_LOG = "scanready.paramiko"
_DISCONNECT, _USERAUTH_REQUEST, _USERAUTH_FAILURE, _INFO_REQUEST, _INFO_RESPONSE = 1, 50, 51, 60, 61
#: The methods whose USERAUTH_REQUEST carries a secret, or is signed with one (RFC 4252, 7 and 8).
_WITH_SECRET = ("password", "publickey")


@dataclass(slots=True)
class Trace(LoginTrace):
    """How far a login came, however it ended: a secret was sent, or the account was let in without one."""

    tried: bool = False

    @property
    def secret_left(self) -> bool:
        """Whether the server may have a secret."""
        return self.tried


class Leash:
    """The socket paramiko gets: ends after ``seconds`` or ``most`` bytes, and notes what paramiko forgets.

    Attributes:
        disconnect_reason: the reason of the server's DISCONNECT (RFC 4253, 11.1); None before one.
        disconnect_text: its text.
        methods: those that the server's last refusal lists, at most 20; None before one.
        trace: the login's, which notes that a secret leaves right before it does.
    """

    def __init__(self, sock: socket.socket, seconds: float, trace: Trace) -> None:
        self._sock = sock
        self.trace = trace
        self._ends = time.monotonic() + seconds
        self._received = 0
        self._closed = False  # paramiko looks at this one of a socket's own attributes
        self.most = MOST_BEFORE_KEYS
        self.flooded = False
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
        """True once the time is over."""
        return self.remaining == 0.0

    def verdict(self, otherwise: str) -> Failure:
        """Why the connection ended: by this leash, or ``otherwise``."""
        if self.flooded:
            return Failure(common.LIMIT, f"the server sent more than {self.most >> 10} KiB, which are all that is read")
        if self.expired:
            return Failure(common.OUT_OF_TIME, "the server did not answer within the time")
        if refusal := self._turned_away():
            return refusal
        words = f"; the server's words: {printable(self.disconnect_text)}" if self.disconnect_text else ""
        return Failure(common.LIMIT, f"{printable(otherwise, 300)}{words}")

    def _turned_away(self) -> Failure | None:
        """Return why sshd took no further connection of this agent; it says so in the place of its identification."""
        for kind in (wire.RefusalKind.PENALTY, wire.RefusalKind.MAX_STARTUPS):
            if self._first.startswith(kind.value.encode()):
                line = printable(self._first.split(b"\n", 1)[0].decode("latin-1"))
                return Failure(common.THROTTLED, f"the connection of the login: {line!r}; no secret was sent")
        return None

    # the socket, as paramiko uses it

    def recv(self, size: int) -> bytes:
        """Receive, or report the end: of the connection, of the time, of our patience with its size."""
        if self.expired or self.flooded:
            return b""
        data = self._sock.recv(min(size, 1 << 16))
        self._received += len(data)
        if len(self._first) < _FIRST:
            self._first += data[: _FIRST - len(self._first)]
        self.flooded = self._received > self.most
        return data

    def send(self, data: bytes) -> int:
        """Send what the peer takes; paramiko would try for ever."""
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
    """Return what a library says of an error, printable; where it says nothing, that the connection ended."""
    if isinstance(error, UNCHECKED):
        return f"it does not understand the server: {type(error).__name__}: {printable(str(error), 200)}"
    return printable(str(error), 200) or "the server closed the connection without a word"


def open_transport(leash: Leash) -> paramiko.Transport:
    """Make a transport on the leash that logs nowhere; nothing is sent yet."""
    import paramiko

    log = logging.getLogger(_LOG)
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    # Any object with recv, send, settimeout and close will do, says the class itself.
    transport: paramiko.Transport = _transport(paramiko)(leash, packetizer_class=_packetizer(paramiko, leash))
    transport.set_log_channel(_LOG)
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = leash.remaining
    transport.channel_timeout = transport.clear_to_send_timeout = leash.remaining
    return transport


def _transport(paramiko: Any) -> Any:
    """Return paramiko's transport, with errors of its thread that are paramiko's; cryptography raises others there."""

    class Transport(paramiko.Transport):  # type: ignore[misc]
        def get_exception(self) -> BaseException | None:
            error: BaseException | None = super().get_exception()
            if error is None or isinstance(error, (paramiko.SSHException, EOFError, OSError, *UNCHECKED)):
                return error
            return paramiko.SSHException(f"{type(error).__name__} {error}".strip())  # type: ignore[no-any-return]

    return Transport


def _packetizer(paramiko: Any, leash: Leash) -> type:
    """paramiko's packetizer, which also looks at messages that paramiko takes without a second look."""

    class Packetizer(paramiko.packet.Packetizer):  # type: ignore[misc]
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
    """Return whether a message of ours has a secret in it: a password, a signature, the answer to a prompt."""
    message = paramiko.Message(payload[1:])
    if payload[0] == _INFO_RESPONSE:
        return bool(message.get_int())
    if payload[0] != _USERAUTH_REQUEST:
        return False
    _user, _service, method = (message.get_text() for _ in range(3))
    return method in _WITH_SECRET


def _demand_few_prompts(paramiko: Any, message: Any) -> None:
    """A count of four thousand million prompts would keep paramiko busy until memory ends (RFC 4256, 3.2)."""
    for _ in ("name", "instruction", "language"):
        message.get_string()
    prompts = message.get_int()
    message.rewind()
    if prompts > MOST_PROMPTS:
        raise paramiko.SSHException(f"the server asks {prompts} questions at once")


def take_leave(transport: paramiko.Transport, leash: Leash) -> None:
    """Disconnect and let the server close first: a reset would look like an attack in its log."""
    if transport.is_active() and disconnect(transport):
        transport.join(LINGER)
    transport.close()
    leash.close()


def disconnect(transport: paramiko.Transport) -> bool:
    """Say DISCONNECT with our text (paramiko itself just hangs up); True if it could be said."""
    import paramiko

    message = paramiko.Message()
    message.add_byte(b"\x01")
    message.add_int(11)  # SSH_DISCONNECT_BY_APPLICATION (RFC 4253, 11.1)
    message.add_string(FAREWELL)
    message.add_string("en")
    try:
        transport._send_message(message)  # type: ignore[attr-defined]  # the only way to say it
    except (paramiko.SSHException, EOFError, OSError):
        return False
    return True
