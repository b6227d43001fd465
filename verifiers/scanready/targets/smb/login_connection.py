"""Common parts of the SMB 1 and SMB 2 sessions: a connection with a deadline and a size limit, and impacket's errors.

impacket's sockets restart their timeout for every part of a message and accept any announced length. Its errors have a
dozen classes, among them bare ``Exception``.
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

#: The most octets read from one session: a list of ten thousand shares has two million.
MOST = 4 << 20

_AUTHENTICATE = b"NTLMSSP\0\3\0\0\0"  # the NTLM message that carries the account
_SPNEGO, _NTLMSSP = bytes.fromhex("06062b0601050502"), bytes.fromhex("2b06010401823702020a")  # object identifiers
_DISK, _KIND, _SPECIAL = 0, 0xFFFF, 0x80000000  # types of shares ([MS-SRVS] 2.2.2.4)


class Broken(Exception):
    """The peer ended the connection."""


class TooMuch(Exception):
    """The peer sent more than the size limit."""


class Refused(Exception):
    """The server answered with this NT status."""

    def __init__(self, status: int) -> None:
        super().__init__(named(status))
        self.status = status


@dataclass(slots=True)
class Trace(LoginTrace):
    """Count the connections and the login attempts of one visit, whatever its result."""

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


@dataclass(frozen=True, slots=True)
class Tree:
    """Hold a connected share; ``dfs`` is True if its paths belong to a DFS namespace."""

    number: int
    share: str
    is_disk: bool = True
    dfs: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """Hold an open file or directory; ``file`` is its identifier in the dialect."""

    file: Any
    is_directory: bool
    path: str


class Understood:
    """Turn impacket's exceptions into Refused or a Failure; use as a context manager.

    impacket has no class for an answer that it cannot read, so every exception from its own code counts as one.
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
                raise Failure(common.OUT_OF_TIME, "the login did not finish in time") from error
            text = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Failure(nt.BROKEN_OFF, f"no answer: {printable(text)}") from error
        if status := _status(error):
            raise Refused(status) from error
        if isinstance(error, ValueError) or _raised_by_impacket(at):
            text = f"{type(error).__name__}: {printable(str(error), 200)}"
            raise Failure(common.LIMIT, f"the answer cannot be read: {text}") from error


def _status(error: Exception) -> int:
    """Return the NT status in one of impacket's session errors; 0 for other errors."""
    from impacket import smb, smb3, smbconnection
    from impacket.dcerpc.v5.rpcrt import DCERPCException

    if isinstance(error, smb.SessionError | smb3.SessionError):
        return int(error.get_error_code() or 0)
    if isinstance(error, smbconnection.SessionError):
        return int(error.getErrorCode() or 0)
    if isinstance(error, DCERPCException):  # from the list of shares; 5 is the Win32 code for access denied
        if error.get_error_code() is None:  # a fault by its name, or a text of impacket's own
            return ACCESS_DENIED if "access_denied" in str(error) else 0
        return ACCESS_DENIED if error.get_error_code() == 5 else int(error.get_error_code())
    return 0


def _raised_by_impacket(at: TracebackType | None) -> bool:
    """Return True if impacket, or a library that it calls, raised the exception."""
    within = False
    while at is not None:
        module = str(at.tb_frame.f_globals.get("__name__"))
        within = module.startswith("impacket.") or (within and not module.startswith("scanready."))
        at = at.tb_next
    return within


def dial(
    address: tuple[str, int], called: str | None, ours: str, seconds: float, watchdog: Watchdog, trace: Trace
) -> NetBIOSTCPSession:
    """Connect; with ``called`` (a NetBIOS name), open a NetBIOS session first, as port 139 requires.

    Raises:
        OSError, Broken, NetBIOSError: the connection or the session failed.
    """
    from impacket import nmb

    class Guarded(nmb.NetBIOSTCPSession):  # type: ignore[misc]  # impacket has no types
        received = 0

        def _setup_connection(self, peer: tuple[str, int], timeout: float | None = None) -> socket.socket:
            try:
                connected: socket.socket = super()._setup_connection(address, seconds)
            except OSError as error:  # impacket puts a text in place of the errno
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
            # impacket's own method recurses for each keep-alive; a thousand of them exceed Python's recursion limit.
            packet = nmb.NetBIOSSessionPacket(self._NetBIOSTCPSession__read(timeout))
            while packet.get_type() == nmb.NETBIOS_SESSION_KEEP_ALIVE:
                packet = nmb.NetBIOSSessionPacket(self._NetBIOSTCPSession__read(timeout))
            if packet.get_type() == nmb.NETBIOS_SESSION_NEGATIVE_RESPONSE:  # from Samba to a host that may not connect
                raise Broken(f"the server refuses the session (NetBIOS error 0x{packet.get_trailer()[:1].hex()})")
            return packet

        def non_polling_read(self, read_length: int, timeout: float | None) -> bytes:
            self.received += read_length
            if self.received > MOST:
                raise TooMuch(f"the server sent more than {MOST} octets, the limit of this check")
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
    """Return whether the server's first SPNEGO token offers NTLM, and whether it offers anything else.

    For a missing or unreadable token both are True.
    """
    offered = _offered(bytes(token or b""))
    return not offered or _NTLMSSP in offered, not offered or offered != {_NTLMSSP}


def _offered(token: bytes) -> set[bytes]:
    """Return the object identifiers in the mechTypes of a NegTokenInit (RFC 4178, 4.2.1)."""
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
    """Return the disk shares that srvsvc lists for impacket's ``session``, without the administrative ones.

    The request is at level 1, which needs no administrator's rights.
    """
    from impacket.dcerpc.v5 import srvs, transport
    from impacket.smbconnection import SMBConnection

    connection = SMBConnection(existingConnection=session)
    way = transport.SMBTransport(connection.getRemoteName(), filename=r"\srvsvc", smb_connection=connection)
    pipe = way.get_dce_rpc()
    pipe.connect()
    try:
        pipe.bind(srvs.MSRPC_UUID_SRVS)
        shares = srvs.hNetrShareEnum(pipe, 1)["InfoStruct"]["ShareInfo"]["Level1"]["Buffer"]
    finally:
        pipe.disconnect()
    disks = (share for share in shares if share["shi1_type"] & _KIND == _DISK and not share["shi1_type"] & _SPECIAL)
    return sorted(str(share["shi1_netname"]).rstrip("\0") for share in disks)
