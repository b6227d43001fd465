"""A session in SMB 2 or 3: negotiation, NTLMv2, keys, signatures and encryption by impacket, the requests by us.

impacket looks a share up by address where clusters and namespaces go by name, and its signatures overwrite the flag
that makes a path one of a namespace.

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
_DFS_OPERATIONS = 0x10000000  # of a request's flags
_GUEST, _ANONYMOUS, _ENCRYPT = 0x1, 0x2, 0x4  # of a session's
_ENCRYPT_SHARE, _IN_DFS, _DISK = 0x8000, 0x8, 1  # flags, capability and type of a share
_READ_DATA, _READ_ATTRIBUTES, _SYNCHRONIZE = 0x1, 0x80, 0x100000
_SHARE_ALL, _OPEN, _IMPERSONATION = 0x7, 1, 2
_GET_REFERRALS, _FSCTL, _REFERRAL_VERSION = 0x00060194, 1, 4
_FILE_DIRECTORY_INFORMATION = 1
_MOST_LISTED, _MOST_REFERRED = 8192, 8192  # octets asked for


class Smb2:
    """A session in one dialect; ``server`` is its name as the operator has it.

    ``offers_ntlm`` and ``offers_more`` (than that) are both true where the server did not say; ``encryption``
    is "session" or "share" where it demanded that; ``guest`` is known once logged in.
    """

    def __init__(self, wire: NetBIOSTCPSession, dialect: int, server: str, ours: str) -> None:
        self._server = server
        self._talk = _talk(wire, dialect, ours)
        if self._talk.getDialect() != dialect:
            raise Failure(nt.TROUBLE, f"it agreed on 0x{dialect:04X}, and now on 0x{self._talk.getDialect():04X}")
        self.encryption: str | None = None
        self.guest = False
        #: Whether the dialect can encrypt and this session cannot: impacket knows AES-128-CCM alone.
        self.lacks_cipher = dialect >= 0x0300 and not self._talk._Connection["SupportsEncryption"]
        self.offers_ntlm, self.offers_more = mechanisms(self._talk._Connection["GSSNegotiateToken"])

    def log_in(self, user: str, password: str, domain: str) -> None:
        """Log in, once.

        Raises:
            impacket's SessionError: it is refused.
        """
        self._talk.login(user, password, domain)
        told = self._talk.told_flags
        self.guest = bool(told & (_GUEST | _ANONYMOUS))
        if told & _ENCRYPT:
            self.encryption = "session"
        if self.guest:
            self._talk._Session["SigningActivated"] = False  # the two have no key in common ([MS-SMB2] 3.2.5.3.1)

    def shares(self) -> list[str]:
        """Return the disk shares that the server shows."""
        return disk_shares(self._talk)

    def tree(self, share: str) -> Tree:
        """Connect a share.

        Raises:
            Refused: its access list says no, or it is not there.
            Failure: it holds no files; it demands a cipher that we have not.
        """
        from impacket.smb3structs import SMB2TreeConnect, SMB2TreeConnect_Response

        request = SMB2TreeConnect()
        request["Buffer"] = rf"\\{self._server}\{share}".encode("utf-16le")
        request["PathLength"] = len(request["Buffer"])
        answer = self._ask(_TREE_CONNECT, request)
        told = SMB2TreeConnect_Response(answer["Data"])
        tree = Tree(answer["TreeID"], share, told["ShareType"] == _DISK, bool(told["Capabilities"] & _IN_DFS))
        self._know(tree)
        if told["ShareFlags"] & _ENCRYPT_SHARE:
            self.encryption = self.encryption or "share"
            if self.lacks_cipher:
                raise Failure(common.LIMIT, f"the share {share} demands encryption, with a cipher that impacket lacks")
        return tree

    def open(self, tree: Tree, path: str) -> Opened:
        """Open a directory or file for reading; whoever uses it goes on undisturbed.

        Raises:
            Refused: the file system says no, it is not there, or on another server.
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
        told = SMB2Create_Response(answer["Data"])
        return Opened(told["FileID"], Entry("", told["FileAttributes"]).is_directory, path)

    def entries(self, tree: Tree, opened: Opened) -> list[Entry]:
        """Return the first few names of an open directory; none if it is empty."""
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
        r"""Return which ``\server\share\...`` hold what the namespace has at ``\server\path``, ours being the server.

        Raises:
            Refused: it is no link.
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
        """Let go of a share."""
        from impacket.smb3structs import SMB2TreeDisconnect

        self._ask(_TREE_DISCONNECT, SMB2TreeDisconnect(), tree)

    def log_off(self) -> None:
        """End the session."""
        self._talk.logoff()

    def _know(self, tree: Tree) -> None:
        """Tell impacket of a share: it looks there whether to sign."""
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
        told_flags = 0

        def negotiateSession(self, preferredDialect: Any = None, negSessionResponse: Any = None) -> None:
            self._Connection["SequenceWindow"] = 0  # impacket counts a message of before on a connection it is given
            super().negotiateSession(preferredDialect, negSessionResponse)

        def signSMB(self, packet: Any) -> None:
            packet["Flags"] |= self.further_flags  # which impacket has just overwritten
            super().signSMB(packet)

        def isGuestSession(self) -> Any:
            # It asks itself before it adds to the flags what it would like.
            self.told_flags = self.told_flags or int(self._Session["SessionFlags"])
            return super().isGuestSession()

    host = wire.get_remote_host()
    return Talk(host, host, ours, preferredDialect=dialect, session=wire)
