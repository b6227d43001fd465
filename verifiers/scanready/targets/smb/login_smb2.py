"""A session in SMB 2 or 3: impacket does negotiation, NTLMv2, signing and encryption; this module builds the requests.

Two reasons: impacket connects a share by address, but clusters and DFS namespaces need the name; and its signing
overwrites the flag that marks a path as a DFS path.

Source: [MS-SMB2] 2.2 and 3.2.4; measured with impacket 0.13 against Samba 4.17.
"""

from __future__ import annotations

import copy
import struct
from typing import TYPE_CHECKING, Any

from scanready.causes import common, nt
from scanready.clients.nt_status import NO_MORE_FILES, NO_SUCH_FILE, SUCCESS
from scanready.climb.explain import Failure

from .login_answers import Entry, directory, referral
from .login_connection import Opened, Refused, Tree, disk_shares, mechanisms

if TYPE_CHECKING:
    from impacket.nmb import NetBIOSTCPSession
    from impacket.smb3 import SMB3

_TREE_CONNECT, _TREE_DISCONNECT, _CREATE, _CLOSE, _IOCTL, _QUERY_DIRECTORY = 3, 4, 5, 6, 11, 14
_DFS_OPERATIONS = 0x10000000  # a flag of requests
_GUEST, _ANONYMOUS, _ENCRYPT = 0x1, 0x2, 0x4  # flags of sessions
_ENCRYPT_SHARE, _IN_DFS, _DISK = 0x8000, 0x8, 1  # flags, capability and type of a share
_READ_DATA, _READ_ATTRIBUTES, _SYNCHRONIZE = 0x1, 0x80, 0x100000
_SHARE_ALL, _OPEN, _IMPERSONATION = 0x7, 1, 2
_GET_REFERRALS, _FSCTL, _REFERRAL_VERSION = 0x00060194, 1, 4
_FILE_DIRECTORY_INFORMATION = 1
_MOST_LISTED, _MOST_REFERRED = 8192, 8192  # octets asked for


class Smb2:
    """Run a session in one dialect; ``server`` is its name in the inventory.

    ``offers_ntlm`` and ``offers_more`` (mechanisms) are both True if the server lists none. ``encryption`` is "session"
    or "share" if the server requires it there. ``guest`` is set by the login.
    """

    def __init__(self, wire: NetBIOSTCPSession, dialect: int, server: str, ours: str) -> None:
        self._server = server
        self._talk = _talk(wire, dialect, ours)
        if self._talk.getDialect() != dialect:
            now = self._talk.getDialect()
            detail = f"the server chose dialect 0x{dialect:04X} in the handshake and 0x{now:04X} for the login"
            raise Failure(nt.TROUBLE, detail)
        self.encryption: str | None = None
        self.guest = False
        #: True if the dialect can encrypt but this session cannot: impacket supports only AES-128-CCM.
        self.lacks_cipher = dialect >= 0x0300 and not self._talk._Connection["SupportsEncryption"]
        self.offers_ntlm, self.offers_more = mechanisms(self._talk._Connection["GSSNegotiateToken"])

    def log_in(self, user: str, password: str, domain: str) -> None:
        """Log in, once.

        Raises:
            impacket's SessionError: the server rejects the login.
        """
        self._talk.login(user, password, domain)
        flags = self._talk.received_flags
        self.guest = bool(flags & (_GUEST | _ANONYMOUS))
        if flags & _ENCRYPT:
            self.encryption = "session"
        if self.guest:
            self._talk._Session["SigningActivated"] = False  # a guest session has no key ([MS-SMB2] 3.2.5.3.1)

    def shares(self) -> list[str]:
        """Return the disk shares that the server lists."""
        return disk_shares(self._talk)

    def tree(self, share: str) -> Tree:
        """Connect a share.

        Raises:
            Refused: the share's access list denies it, or the share does not exist.
            Failure: the share requires a cipher that impacket does not support.
        """
        from impacket.smb3structs import SMB2TreeConnect, SMB2TreeConnect_Response

        request = SMB2TreeConnect()
        request["Buffer"] = rf"\\{self._server}\{share}".encode("utf-16le")
        request["PathLength"] = len(request["Buffer"])
        answer = self._ask(_TREE_CONNECT, request)
        connected = SMB2TreeConnect_Response(answer["Data"])
        is_disk, in_dfs = connected["ShareType"] == _DISK, bool(connected["Capabilities"] & _IN_DFS)
        tree = Tree(answer["TreeID"], share, is_disk, in_dfs)
        self._know(tree)
        if connected["ShareFlags"] & _ENCRYPT_SHARE:
            self.encryption = self.encryption or "share"
            if self.lacks_cipher:
                detail = f"the share {share} requires encryption, and impacket does not support the server's ciphers"
                raise Failure(common.LIMIT, detail)
        return tree

    def open(self, tree: Tree, path: str) -> Opened:
        """Open a directory or file for reading; its other users are not disturbed.

        Raises:
            Refused: the file system denies it, it does not exist, or it is on another server.
        """
        from impacket.smb3structs import SMB2Create, SMB2Create_Response

        name = rf"{self._server}\{tree.share}\{path}".rstrip("\\") if tree.dfs else path
        request = SMB2Create()
        request["ImpersonationLevel"] = _IMPERSONATION
        request["DesiredAccess"] = _READ_DATA | _READ_ATTRIBUTES | _SYNCHRONIZE
        request["ShareAccess"] = _SHARE_ALL
        request["CreateDisposition"] = _OPEN
        request["Buffer"] = name.encode("utf-16le") or b"\0"
        request["NameLength"] = len(name.encode("utf-16le"))
        request["CreateContextsOffset"] = request["CreateContextsLength"] = 0
        answer = self._ask(_CREATE, request, tree, _DFS_OPERATIONS if tree.dfs else 0)
        created = SMB2Create_Response(answer["Data"])
        return Opened(created["FileID"], Entry("", created["FileAttributes"]).is_directory, path)

    def entries(self, tree: Tree, opened: Opened) -> list[Entry]:
        """Return the first names of an open directory; an empty list for an empty directory."""
        from impacket.smb3structs import SMB2QueryDirectory, SMB2QueryDirectory_Response

        request = SMB2QueryDirectory()
        request["FileInformationClass"] = _FILE_DIRECTORY_INFORMATION
        request["FileID"] = opened.file
        request["OutputBufferLength"] = _MOST_LISTED
        request["Buffer"] = "*".encode("utf-16le")
        request["FileNameLength"] = len(request["Buffer"])
        try:
            answer = self._ask(_QUERY_DIRECTORY, request, tree)
        except Refused as refused:
            if refused.status in (NO_MORE_FILES, NO_SUCH_FILE):
                return []
            raise
        return directory(SMB2QueryDirectory_Response(answer["Data"])["Buffer"])

    def close(self, tree: Tree, opened: Opened) -> None:
        """Close what :meth:`open` opened."""
        from impacket.smb3structs import SMB2Close

        request = SMB2Close()
        request["FileID"] = opened.file
        self._ask(_CLOSE, request, tree)

    def referral(self, path: str) -> list[str]:
        r"""Return the places (``\server\share\...``) that hold a path of this server's DFS namespace.

        Raises:
            Refused: the path is not a DFS link.
        """
        from impacket.smb3structs import SMB2_FILEID, SMB2Ioctl, SMB2Ioctl_Response

        whole = rf"\{self._server}\{path}"
        asked = struct.pack("<H", _REFERRAL_VERSION) + (whole + "\0").encode("utf-16le")
        request = SMB2Ioctl()
        request["CtlCode"] = _GET_REFERRALS
        request["FileID"] = SMB2_FILEID(b"\xff" * 16)
        request["InputCount"], request["Buffer"] = len(asked), asked
        request["OutputOffset"] = request["MaxInputResponse"] = 0
        request["MaxOutputResponse"], request["Flags"] = _MOST_REFERRED, _FSCTL
        pipes = self.tree("IPC$")
        try:
            return referral(SMB2Ioctl_Response(self._ask(_IOCTL, request, pipes)["Data"])["Buffer"], whole)
        finally:
            self.disconnect(pipes)

    def disconnect(self, tree: Tree) -> None:
        """Disconnect a share."""
        from impacket.smb3structs import SMB2TreeDisconnect

        self._ask(_TREE_DISCONNECT, SMB2TreeDisconnect(), tree)

    def log_off(self) -> None:
        """End the session."""
        self._talk.logoff()

    def _know(self, tree: Tree) -> None:
        """Register a share with impacket, which reads there whether to sign."""
        from impacket.smb3 import TREE_CONNECT

        self._talk._Session["TreeConnectTable"][tree.number] = copy.deepcopy(TREE_CONNECT)

    def _ask(self, command: int, body: Any, tree: Tree | None = None, flags: int = 0) -> Any:
        packet = self._talk.SMB_PACKET()
        packet["Command"], packet["Data"], packet["Flags"] = command, body, flags
        packet["TreeID"] = tree.number if tree else 0
        self._talk.further_flags = flags
        number = self._talk.sendSMB(packet)
        self._talk.further_flags = 0
        answer = self._talk.recvSMB(number)
        if answer["Status"] != SUCCESS:
            raise Refused(answer["Status"])
        return answer


def _talk(wire: NetBIOSTCPSession, dialect: int, ours: str) -> SMB3:
    from impacket import smb3

    class Talk(smb3.SMB3):  # type: ignore[misc]  # impacket has no types
        further_flags = 0
        received_flags = 0

        def negotiateSession(self, preferredDialect: Any = None, negSessionResponse: Any = None) -> None:
            self._Connection["SequenceWindow"] = 0  # on an existing connection, impacket starts at 1
            super().negotiateSession(preferredDialect, negSessionResponse)

        def signSMB(self, packet: Any) -> None:
            packet["Flags"] |= self.further_flags  # impacket has just overwritten them
            super().signSMB(packet)

        def isGuestSession(self) -> Any:
            # impacket's login calls this before it adds its own flags to the server's.
            self.received_flags = self.received_flags or int(self._Session["SessionFlags"])
            return super().isGuestSession()

    host = wire.get_remote_host()
    return Talk(host, host, ours, preferredDialect=dialect, session=wire)
