"""What both kinds of SMB session stand on: a connection with a deadline and a bound, and what impacket raises, judged.

impacket's sockets wait anew for every part of a message and take whatever length is announced, and its errors are of a
dozen classes, bare ``Exception`` among them.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from scanready.causes import common, nt
from scanready.clients.nt_status import ACCESS_DENIED, named
from scanready.clients.watchdog import Watchdog
from scanready.climb.explain import Failure
from scanready.climb.login_trace import LoginTrace
from scanready.net.errors import local_limit
from scanready.wire.printable import printable

if TYPE_CHECKING:
    from impacket.nmb import NetBIOSTCPSession

#: Octets that one session may send us: a list of ten thousand shares takes two million.
MOST = 4 << 20

_AUTHENTICATE = b"NTLMSSP\0\3\0\0\0"  # the message of NTLM that carries the account
_SPNEGO, _NTLMSSP = bytes.fromhex("06062b0601050502"), bytes.fromhex("2b06010401823702020a")  # object identifiers
_DISK, _KIND, _SPECIAL = 0, 0xFFFF, 0x80000000  # types of shares ([MS-SRVS] 2.2.2.4)


class Broken(Exception):
    """The peer ended the connection, or sent more than it may."""


class TooMuch(Exception):
    """The peer sent more than is read here; a limit of ours."""


class Refused(Exception):
    """The server answered with this NT status."""

    def __init__(self, status: int) -> None:
        super().__init__(named(status))
        self.status = status


@dataclass(slots=True)
class Trace(LoginTrace):
    """What a login cost, however it ended: connections that stood, and attempts with the account."""

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


@dataclass(frozen=True, slots=True)
class Tree:
    """A share that is connected. ``dfs``: its paths are those of a namespace."""

    number: int
    share: str
    is_disk: bool = True
    dfs: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """What is open for reading; ``file`` is how the dialect calls it."""

    file: Any
    is_directory: bool
    path: str


class Understood:
    """What impacket raises in here becomes Refused or a Failure; a context manager around what it does.

    There is no class to except for what it does not understand, so whatever comes out of its own code counts as that.
    """

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog

    def __enter__(self) -> Understood:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        from impacket.nmb import NetBIOSError

        if not isinstance(error, Exception) or isinstance(error, Failure | Refused):
            return
        if isinstance(error, OSError) and local_limit(error):
            return
        if isinstance(error, TooMuch):
            raise Failure(common.LIMIT, str(error)) from error
        if isinstance(error, Broken | OSError | NetBIOSError):
            if self._watchdog.bitten or isinstance(error, TimeoutError):
                raise Failure(common.OUT_OF_TIME, "the login did not end in time") from error
            told = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Failure(nt.BROKEN_OFF, f"instead of an answer: {printable(told)}") from error
        if status := _status(error):
            raise Refused(status) from error
        if isinstance(error, ValueError) or _raised_by_impacket(at):
            told = f"{type(error).__name__}: {printable(str(error), 200)}"
            raise Failure(common.LIMIT, f"the answer is not understood: {told}") from error


def _status(error: Exception) -> int:
    """The NT status that one of impacket's errors of a session carries; 0 if it is none of them."""
    from impacket import smb, smb3, smbconnection
    from impacket.dcerpc.v5.rpcrt import DCERPCException

    if isinstance(error, smb.SessionError | smb3.SessionError):
        return int(error.get_error_code() or 0)
    if isinstance(error, smbconnection.SessionError):
        return int(error.getErrorCode() or 0)
    if isinstance(error, DCERPCException):  # of the list of shares; 5 is Win32's word for it
        if error.get_error_code() is None:  # a fault by its name, or words of impacket's own
            return ACCESS_DENIED if "access_denied" in str(error) else 0
        return ACCESS_DENIED if error.get_error_code() == 5 else int(error.get_error_code())
    return 0


def _raised_by_impacket(at: TracebackType | None) -> bool:
    """Whether it comes out of impacket, or of what impacket called."""
    within = False
    while at is not None:
        module = str(at.tb_frame.f_globals.get("__name__"))
        within = module.startswith("impacket.") or (within and not module.startswith("scanready."))
        at = at.tb_next
    return within


def dial(
    address: tuple[str, int], called: str | None, ours: str, seconds: float, watchdog: Watchdog, trace: Trace
) -> NetBIOSTCPSession:
    """Connect; with ``called``, a NetBIOS name, ask for a session with it first, as port 139 wants.

    Raises:
        OSError, Broken, NetBIOSError: it came to nothing.
    """
    from impacket import nmb

    class Guarded(nmb.NetBIOSTCPSession):  # type: ignore[misc]  # impacket has no types
        received = 0

        def _setup_connection(self, peer: tuple[str, int], timeout: float | None = None) -> socket.socket:
            try:
                connected: socket.socket = super()._setup_connection(address, seconds)
            except OSError as error:  # with words of impacket's in the errno's place
                raise error.__context__ or error from None
            connected.settimeout(None)  # the watchdog's
            watchdog.guard(connected.fileno())
            trace.connections += 1
            return connected

        def get_remote_name(self) -> str:
            return called or address[0]

        def send_packet(self, data: bytes) -> None:
            trace.logons += _AUTHENTICATE in data
            super().send_packet(data)

        def recv_packet(self, timeout: float | None = None) -> Any:
            # Impacket's own calls itself for each keep-alive: a thousand of them would be too deep for Python.
            packet = nmb.NetBIOSSessionPacket(self._NetBIOSTCPSession__read(timeout))
            while packet.get_type() == nmb.NETBIOS_SESSION_KEEP_ALIVE:
                packet = nmb.NetBIOSSessionPacket(self._NetBIOSTCPSession__read(timeout))
            if packet.get_type() == nmb.NETBIOS_SESSION_NEGATIVE_RESPONSE:  # Samba's to a host that may not connect
                raise Broken(f"the server refuses the session (NetBIOS error 0x{packet.get_trailer()[:1].hex()})")
            return packet

        def non_polling_read(self, read_length: int, timeout: float | None) -> bytes:
            self.received += read_length
            if self.received > MOST:
                raise TooMuch(f"it sent more than {MOST} octets, which are all that is read")
            heard = bytearray()
            while len(heard) < read_length:
                part = self._sock.recv(read_length - len(heard))
                if not part:
                    raise Broken("the server closed the connection")
                heard += part
            return bytes(heard)

    kind = nmb.NETBIOS_SESSION_PORT if called else nmb.SMB_SESSION_PORT
    return Guarded(ours, called or address[0], address[0], sess_port=kind, timeout=seconds)


def mechanisms(token: bytes | None) -> tuple[bool, bool]:
    """Tell of the server's first SPNEGO token whether it offers NTLM, and whether it offers anything else.

    Where it is none, or one that makes no sense, nothing is ruled out.
    """
    offered = _offered(bytes(token or b""))
    return not offered or _NTLMSSP in offered, not offered or offered != {_NTLMSSP}


def _offered(token: bytes) -> set[bytes]:
    """The object identifiers in the mechTypes of a NegTokenInit (RFC 4178, 4.2.1)."""
    found: set[bytes] = set()
    at = token.find(_SPNEGO) + len(_SPNEGO)
    if at < len(_SPNEGO):
        return found
    for tag in (0xA0, 0x30, 0xA0, 0x30):
        if token[at : at + 1] != bytes([tag]) or at + 1 >= len(token):
            return found
        at += 2 + (token[at + 1] & 0x7F if token[at + 1] & 0x80 else 0)
    while token[at : at + 1] == b"\x06" and at + 1 < len(token):
        found.add(token[at + 2 : at + 2 + token[at + 1]])
        at += 2 + token[at + 1]
    return found


def disk_shares(session: Any) -> list[str]:
    """Return the disk shares that srvsvc lists to impacket's ``session``, without the administrative ones.

    Asked at level 1, which needs no right of an administrator.
    """
    from impacket.dcerpc.v5 import srvs, transport
    from impacket.smbconnection import SMBConnection

    connection = SMBConnection(existingConnection=session)
    way = transport.SMBTransport(connection.getRemoteName(), filename=r"\srvsvc", smb_connection=connection)
    pipe = way.get_dce_rpc()
    pipe.connect()
    try:
        pipe.bind(srvs.MSRPC_UUID_SRVS)
        told = srvs.hNetrShareEnum(pipe, 1)["InfoStruct"]["ShareInfo"]["Level1"]["Buffer"]
    finally:
        pipe.disconnect()
    disks = (share for share in told if share["shi1_type"] & _KIND == _DISK and not share["shi1_type"] & _SPECIAL)
    return sorted(str(share["shi1_netname"]).rstrip("\0") for share in disks)
