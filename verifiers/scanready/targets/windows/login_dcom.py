"""A DCE/RPC connection for impacket's DCOM with a deadline, a size limit and one logon per connection.

impacket's own transport restarts its timeout with every byte and accepts any announced length. Its ``alter_ctx`` logs
on again for each further interface. Its ``DCOMConnection`` keeps its state in class dictionaries, by target, and sends
pings from a thread. None of these is used: :class:`Pipe` replaces impacket's transport, :class:`Session` replaces its
connection, and :func:`kept` adds one entry with a unique key to its dictionaries.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scanready.clients.watchdog import Watchdog
from scanready.climb.login_trace import LoginTrace
from scanready.model import Credential

if TYPE_CHECKING:
    from impacket.dcerpc.v5.rpcrt import DCERPC_v5

#: The most octets read from one connection: ten times the size of an activation, a login and one object.
MOST = 256 * 1024
_FAULT, _BIND_ACK, _BIND_NAK, _ALTER, _ALTER_ACK, _AUTH3 = 3, 12, 13, 14, 15, 16
_NTLM_CHALLENGE = b"NTLMSSP\0\2\0\0\0"


class Broken(Exception):
    """The peer ended the connection."""


class NotRead(Exception):
    """The peer sent more than the size limit, or another protocol."""


@dataclass(slots=True)
class Trace(LoginTrace):
    """Count the connections and the logons of one visit, as Windows counts them, whatever its result."""

    connections: int = 0
    logons: int = 0

    @property
    def secret_left(self) -> bool:
        """Return True once the NTLM AUTHENTICATE message has been sent."""
        return self.logons > 0

    @property
    def times_left(self) -> int:
        """Return how often it has been sent; a visit logs on more than once."""
        return self.logons


class Pipe:
    """Implement impacket's transport over a socket that a watchdog guards.

    ``key`` identifies this connection in impacket's dictionaries. ``fault`` is the status of the last fault, which
    impacket reduces to a text; ``nak`` is the reason of a bind_nak. ``challenge`` is the server's NTLMSSP type 2.
    """

    def __init__(self, connected: socket.socket, credential: Credential, key: str, trace: Trace) -> None:
        self._socket = connected
        self._trace = trace
        self._credential = credential
        self._key = key
        self._unread = b""
        self._received = 0
        self.fault: int | None = None
        self.nak: int | None = None
        self.challenge = b""

    def send(self, data: bytes, forceWriteAndx: int = 0, forceRecv: int = 0) -> None:
        """Send a PDU; the one with NTLMSSP type 3 in it is a logon."""
        self.fault = None
        self._trace.logons += data[2] == _AUTH3
        self._socket.sendall(data)

    def recv(self, forceRecv: int = 0, count: int = 0) -> bytes:
        """Return ``count`` octets, or the rest of the PDU: impacket expects a whole bind answer from one receive.

        Raises:
            Broken, NotRead: as described there.
            OSError: the connection was lost.
        """
        if not self._unread:
            self._unread = self._pdu()
        taken = self._unread[: count or None]
        self._unread = self._unread[len(taken) :]
        return taken

    def _pdu(self) -> bytes:
        header = self._exactly(16)
        major, minor, kind, _, order, length = struct.unpack_from("<BBBBIH", header)
        if (major, minor) != (5, 0) or order & 0xF0 != 0x10 or length < 18:
            raise NotRead(f"the answer is not little-endian DCE/RPC 5.0: {header.hex(' ')}")
        pdu = header + self._exactly(length - 16)
        if kind == _FAULT and length >= 28:
            self.fault = struct.unpack_from("<I", pdu, 24)[0]
        elif kind == _BIND_NAK:
            self.nak = struct.unpack_from("<H", pdu, 16)[0]
        elif kind == _BIND_ACK and (at := pdu.find(_NTLM_CHALLENGE)) > 0:
            self.challenge = pdu[at:]
        return pdu

    def _exactly(self, count: int) -> bytes:
        self._received += count
        if self._received > MOST:
            raise NotRead(f"the host sent more than {MOST} octets, the limit of this check")
        heard = bytearray()
        while len(heard) < count:
            chunk = self._socket.recv(count - len(heard))
            if not chunk:
                raise Broken("the server closed the connection")
            heard += chunk
        return bytes(heard)

    # The other methods of impacket's transports.

    def connect(self) -> int:
        """Do nothing: the socket is connected."""
        return 1

    def disconnect(self) -> None:
        """Close the socket."""
        self._socket.close()

    def get_credentials(self) -> tuple[str, str, str, str, str, str, None, None]:
        """Return user, password and domain, with impacket's placeholders for hashes and tickets."""
        domain, user = split(self._credential.username)
        return user, self._credential.password or "", domain, "", "", "", None, None

    def doesSupportNTLMv2(self) -> bool:
        """Return True: older versions of NTLM are not used."""
        return True

    def getRemoteName(self) -> str:
        """Return the key of impacket's dictionaries."""
        return self._key


class Session:
    """Implement impacket's DCE/RPC connection: one bind, one logon, further interfaces by alter_context.

    An alter_context without a security trailer stays within the existing security context ([MS-RPCE] 3.3.1.5.2).
    """

    def __init__(self, pipe: Pipe) -> None:
        from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_PRIVACY, DCERPC_v5

        self.pipe = pipe
        self._rpc: DCERPC_v5 = DCERPC_v5(pipe)
        # Windows requires at least packet integrity for an activation since 2023 (KB5004442).
        self._rpc.set_auth_level(RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
        self._contexts: dict[bytes, int] = {}

    def bind(self, interface: bytes) -> None:
        """Switch to that interface; the first bind of the session is also the logon."""
        if not self._contexts:
            self._rpc.bind(interface)
            self._contexts[interface] = 0
        elif interface not in self._contexts:
            self._alter(interface, len(self._contexts))
        self._rpc.set_ctx_id(_Context(self._contexts[interface]))

    def alter_ctx(self, interface: bytes) -> Session:
        """Call :meth:`bind`; impacket's objects use this name."""
        self.bind(interface)
        return self

    def _alter(self, interface: bytes, number: int) -> None:
        from impacket.dcerpc.v5.rpcrt import CtxItem, DCERPC_v5, DCERPCException, MSRPCBind, MSRPCBindAck, MSRPCHeader

        item = CtxItem()
        item["ContextID"], item["TransItems"] = number, 1
        item["AbstractSyntax"], item["TransferSyntax"] = interface, DCERPC_v5.NDRSyntax
        body = MSRPCBind()
        body.addCtxItem(item)
        packet = MSRPCHeader()
        packet["type"], packet["call_id"], packet["pduData"] = _ALTER, 0x1000 + number, body.getData()
        self.pipe.send(packet.get_packet())
        answer = self.pipe.recv()
        if answer[2] != _ALTER_ACK or MSRPCBindAck(answer).getCtxItem(1)["Result"] != 0:
            raise DCERPCException("the server does not accept the interface on this connection")
        self._contexts[interface] = number

    def request(self, call: Any, target: bytes | None = None) -> Any:
        """Make a call; impacket's DCERPCException is a fault or an error status."""
        return self._rpc.request(call, target)

    def connect(self) -> None:
        """Do nothing: the pipe is connected."""

    def get_rpc_transport(self) -> Pipe:
        """Return the pipe, which replaces the transport."""
        return self.pipe

    def get_auth_type(self) -> int:
        """Return the number of NTLM."""
        return int(self._rpc.get_auth_type())


class _Context(int):
    """Number a presentation context; additions do not change it, since impacket adds the security context's number."""

    def __add__(self, other: int) -> int:
        return other


@contextlib.contextmanager
def kept() -> Iterator[str]:
    """Yield a unique key for impacket's dictionaries, and remove its entries afterwards."""
    from impacket.dcerpc.v5.dcomrt import INTERFACE, DCOMConnection

    key = f"scanready-{uuid.uuid4()}"
    try:
        yield key
    finally:
        for held in (INTERFACE.CONNECTIONS, DCOMConnection.OID_ADD, DCOMConnection.OID_DEL, DCOMConnection.OID_SET):
            held.pop(key, None)


def carry(key: str, exporter: int, session: Session) -> None:
    """Route calls to the objects of ``exporter`` (an OXID) over ``session``; otherwise impacket opens a connection."""
    from impacket.dcerpc.v5.dcomrt import INTERFACE

    connection = {"dce": session, "currentBinding": None}
    INTERFACE.CONNECTIONS[key] = {threading.current_thread().name: {exporter: connection}}


def dial(address: str, port: int, seconds: float, watchdog: Watchdog) -> socket.socket:
    """Connect with impacket's socket, guarded by the watchdog.

    Raises:
        OSError: the connection failed; TimeoutError after ``seconds``.
    """
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    from impacket.dcerpc.v5.transport import TCPTransport

    transport = TCPTransport(address, port)
    transport.set_connect_timeout(seconds)
    try:
        transport.connect()
    except DCERPCException as error:
        # impacket raises this for an OSError only
        raise error.__context__ or ConnectionError(str(error)) from None
    connected: socket.socket = transport.get_socket()
    connected.settimeout(None)  # the watchdog's
    watchdog.guard(connected.fileno())
    return connected


def split(username: str) -> tuple[str, str]:
    """Return domain and user of ``DOMAIN\\user``; a principal name (``user@domain``) is all user, with no domain."""
    domain, _, user = username.rpartition("\\")
    return domain, user
