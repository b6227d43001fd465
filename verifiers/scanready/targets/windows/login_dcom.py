"""A DCE/RPC connection for impacket's DCOM: our deadline, a bound on what is read, and one logon a connection.

impacket's own transport waits anew for every byte and takes whatever length is announced; its ``alter_ctx`` logs on
again for each further interface, its ``DCOMConnection`` keeps what it knows in dictionaries of the class, by target,
and pings from a thread. None of that is used: :class:`Pipe` stands where impacket has its transport, :class:`Session`
where it has its connection, and :func:`kept` lends its dictionaries one entry that nobody else has.
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

#: Octets that one connection may send us: ten times what an activation, a login and one object take.
MOST = 256 * 1024
_FAULT, _BIND_ACK, _BIND_NAK, _ALTER, _ALTER_ACK, _AUTH3 = 3, 12, 13, 14, 15, 16
_NTLM_CHALLENGE = b"NTLMSSP\0\2\0\0\0"


class Broken(Exception):
    """The peer ended the connection."""


class NotRead(Exception):
    """The peer sent more than is read here, or another protocol: a limit of ours."""


@dataclass(slots=True)
class Trace(LoginTrace):
    """What a login cost, however it ended: connections that stood, and logons as Windows counts them."""

    connections: int = 0
    logons: int = 0

    @property
    def secret_left(self) -> bool:
        """Return True once the message of NTLM that answers the challenge has left."""
        return self.logons > 0

    @property
    def times_left(self) -> int:
        """Return how often it has; a visit logs on more than once."""
        return self.logons


class Pipe:
    """What impacket calls a transport, over a socket that a watchdog guards. ``key`` is who we are in its dictionaries.

    ``fault`` is the status of the last fault, of which impacket keeps a word; ``nak`` is why a bind was not accepted.
    ``challenge`` is the server's NTLMSSP type 2.
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
        """Return ``count`` octets, or what is left of the PDU: impacket takes one receive for a whole answer to a bind.

        Raises:
            Broken, NotRead: see there.
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
            raise NotRead(f"what came is no DCE/RPC that is read here: {header.hex(' ')}")
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
            raise NotRead(f"it sent more than {MOST} octets, which are all that is read")
        heard = bytearray()
        while len(heard) < count:
            chunk = self._socket.recv(count - len(heard))
            if not chunk:
                raise Broken("the server closed the connection")
            heard += chunk
        return bytes(heard)

    # What else impacket asks of a transport.

    def connect(self) -> int:
        """It is."""
        return 1

    def disconnect(self) -> None:
        """Close."""
        self._socket.close()

    def get_credentials(self) -> tuple[str, str, str, str, str, str, None, None]:
        """Whom to log on."""
        domain, user = split(self._credential.username)
        return user, self._credential.password or "", domain, "", "", "", None, None

    def doesSupportNTLMv2(self) -> bool:
        """And nothing older."""
        return True

    def getRemoteName(self) -> str:
        """Return the key of impacket's dictionaries."""
        return self._key


class Session:
    """What impacket calls a DCE/RPC connection: bound and logged on once, with further interfaces beside the first.

    [MS-RPCE] 3.3.1.5.2: an alter_context without a security trailer stays within the security context that there is.
    """

    def __init__(self, pipe: Pipe) -> None:
        from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_PRIVACY, DCERPC_v5

        self.pipe = pipe
        self._rpc: DCERPC_v5 = DCERPC_v5(pipe)
        # Above the packet integrity that Windows demands of an activation since 2023 (KB5004442).
        self._rpc.set_auth_level(RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
        self._contexts: dict[bytes, int] = {}

    def bind(self, interface: bytes) -> None:
        """Go on with that interface: the first time of all, that is the logon."""
        if not self._contexts:
            self._rpc.bind(interface)
            self._contexts[interface] = 0
        elif interface not in self._contexts:
            self._alter(interface, len(self._contexts))
        self._rpc.set_ctx_id(_Context(self._contexts[interface]))

    def alter_ctx(self, interface: bytes) -> Session:
        """Do what :meth:`bind` does, under the name that an object calls it by."""
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
        """Call; impacket's DCERPCException is a fault or an error status."""
        return self._rpc.request(call, target)

    def connect(self) -> None:
        """It is."""

    def get_rpc_transport(self) -> Pipe:
        """Return what stands in the transport's place."""
        return self.pipe

    def get_auth_type(self) -> int:
        """NTLM."""
        return int(self._rpc.get_auth_type())


class _Context(int):
    """The number of a presentation context. impacket adds to it for that of the security context, which stays one."""

    def __add__(self, other: int) -> int:
        return other


@contextlib.contextmanager
def kept() -> Iterator[str]:
    """Lend impacket's dictionaries a key of our own, and take what was kept under it out again."""
    from impacket.dcerpc.v5.dcomrt import INTERFACE, DCOMConnection

    key = f"scanready-{uuid.uuid4()}"
    try:
        yield key
    finally:
        for held in (INTERFACE.CONNECTIONS, DCOMConnection.OID_ADD, DCOMConnection.OID_DEL, DCOMConnection.OID_SET):
            held.pop(key, None)


def carry(key: str, exporter: int, session: Session) -> None:
    """Have the calls to the objects of ``exporter`` (an OXID) go over ``session``; impacket would dial one itself."""
    from impacket.dcerpc.v5.dcomrt import INTERFACE

    connection = {"dce": session, "currentBinding": None}
    INTERFACE.CONNECTIONS[key] = {threading.current_thread().name: {exporter: connection}}


def dial(address: str, port: int, seconds: float, watchdog: Watchdog) -> socket.socket:
    """Connect with impacket's socket, and have it guarded.

    Raises:
        OSError: as the connection came to nothing; TimeoutError: within ``seconds``.
    """
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    from impacket.dcerpc.v5.transport import TCPTransport

    transport = TCPTransport(address, port)
    transport.set_connect_timeout(seconds)
    try:
        transport.connect()
    except DCERPCException as error:
        # impacket says so of an OSError, and of nothing else
        raise error.__context__ or ConnectionError(str(error)) from None
    connected: socket.socket = transport.get_socket()
    connected.settimeout(None)  # the watchdog's
    watchdog.guard(connected.fileno())
    return connected


def split(username: str) -> tuple[str, str]:
    """Domain and user of ``DOMAIN\\user``; a principal name (``user@domain``) goes whole, without a domain."""
    domain, _, user = username.rpartition("\\")
    return domain, user
