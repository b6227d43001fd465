"""A session in SMB 1, with the same methods as :mod:`.login_smb2`, only with NTLMv2 and without DFS.

If the server lacks extended security or accounts, impacket would log in anonymously, with NTLMv1, or in clear text.

Source: [MS-CIFS] 2.2.4.52, 2.2.4.64 and 2.2.6.2; measured with impacket 0.13 against Samba 4.17.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from scanready.causes import common
from scanready.clients.nt_status import (
    ACCESS_DENIED,
    NAME_NOT_FOUND,
    NO_MORE_FILES,
    NO_SUCH_FILE,
    PATH_NOT_COVERED,
    PATH_NOT_FOUND,
)
from scanready.climb.explain import Failure

from .login_answers import Entry, directory
from .login_connection import Opened, Refused, Tree, disk_shares, mechanisms

if TYPE_CHECKING:
    from impacket.nmb import NetBIOSTCPSession
    from impacket.smb import SMB

_READ_DATA, _READ_ATTRIBUTES, _SYNCHRONIZE = 0x1, 0x80, 0x100000
_SHARE_ALL, _OPEN, _IMPERSONATION = 0x7, 1, 2
_EVERYTHING, _MOST, _CLOSE_AFTER, _FILE_DIRECTORY_INFORMATION = 0x16, 64, 1, 0x101
_ANSWER_BEGINS = 55  # octets of header and words before a TRANSACTION2 answer's data, which offsets include
# DOS errors that some servers send although NT statuses were requested: class and number, with the NT status.
_DOS_ERRORS = {(1, 2): NAME_NOT_FOUND, (1, 3): PATH_NOT_FOUND, (1, 5): ACCESS_DENIED, (2, 4): ACCESS_DENIED}


class Smb1:
    """Run a session in ``NT LM 0.12``; ``guest`` is set by the login."""

    encryption: str | None = None
    lacks_cipher = False

    def __init__(self, wire: NetBIOSTCPSession, ours: str) -> None:
        self.guest = False
        self._talk = _talk(wire, ours)
        self.offers_ntlm, self.offers_more = mechanisms(self._talk._dialects_data["SecurityBlob"])

    def log_in(self, user: str, password: str, domain: str) -> None:
        """Log in, once, with NTLMv2.

        Raises:
            impacket's SessionError: the server rejects the login.
        """
        self._talk.login(user, password, domain, ntlm_fallback=False)
        self.guest = bool(self._talk.isGuestSession())

    def shares(self) -> list[str]:
        """Return the disk shares that the server lists."""
        return disk_shares(self._talk)

    def tree(self, share: str) -> Tree:
        """Connect a share; the server rejects shares that are not disks."""
        return Tree(self._talk.tree_connect_andx(rf"\\{self._talk.get_remote_host()}\{share}", service="A:"), share)

    def open(self, tree: Tree, path: str) -> Opened:
        """Open a directory or file for reading; its other users are not disturbed."""
        from impacket import smb

        name = path.encode("utf-16le")
        command = smb.SMBCommand(smb.SMB.SMB_COM_NT_CREATE_ANDX)
        command["Parameters"] = asked = smb.SMBNtCreateAndX_Parameters()
        asked["FileNameLength"] = len(name)
        asked["CreateFlags"], asked["RootFid"] = 0, 0
        asked["AccessMask"] = _READ_DATA | _READ_ATTRIBUTES | _SYNCHRONIZE
        asked["ShareAccess"], asked["Disposition"], asked["CreateOptions"] = _SHARE_ALL, _OPEN, 0
        asked["Impersonation"], asked["SecurityFlags"] = _IMPERSONATION, 0
        command["Data"] = data = smb.SMBNtCreateAndX_Data(flags=smb.SMB.FLAGS2_UNICODE)
        data["Pad"], data["FileName"] = 0, name
        answer = self._ask(tree, command)
        created = smb.SMBNtCreateAndXResponse_Parameters(answer["Parameters"])
        return Opened(created["Fid"], Entry("", created["FileAttributes"]).is_directory, path)

    def entries(self, tree: Tree, opened: Opened) -> list[Entry]:
        """Return the first names of a directory; an empty list for an empty directory."""
        from impacket import smb

        what = (rf"\{opened.path}\*" if opened.path else r"\*") + "\0"
        asked = struct.pack("<HHHHI", _EVERYTHING, _MOST, _CLOSE_AFTER, _FILE_DIRECTORY_INFORMATION, 0)
        self._talk.send_trans2(tree.number, smb.SMB.TRANS2_FIND_FIRST2, "\0", asked + what.encode("utf-16le"), b"")
        try:
            answer = self._answer(smb.SMB.SMB_COM_TRANSACTION2)
        except Refused as refused:
            if refused.status in (NO_MORE_FILES, NO_SUCH_FILE):
                return []
            raise
        listed = smb.SMBTransaction2Response_Parameters(answer["Parameters"])
        begins = listed["DataOffset"] - _ANSWER_BEGINS
        return directory(answer["Data"][begins : begins + listed["DataCount"]]) if listed["DataCount"] else []

    def close(self, tree: Tree, opened: Opened) -> None:
        """Close what :meth:`open` opened."""
        self._talk.close(tree.number, opened.file)

    def referral(self, path: str) -> list[str]:
        """Raise Refused: DFS referrals are not supported in this dialect."""
        raise Refused(PATH_NOT_COVERED)

    def disconnect(self, tree: Tree) -> None:
        """Disconnect a share."""
        self._talk.disconnect_tree(tree.number)

    def log_off(self) -> None:
        """End the session."""
        self._talk.logoff()

    def _ask(self, tree: Tree, command: Any) -> Any:
        from impacket import smb

        packet = smb.NewSMBPacket()
        packet["Tid"] = tree.number
        packet.addCommand(command)
        self._talk.sendSMB(packet)
        return self._answer(smb.SMB.SMB_COM_NT_CREATE_ANDX)

    def _answer(self, command: int) -> Any:
        from impacket import smb

        packet = self._talk.recvSMB()
        kind, number = packet["ErrorClass"], packet["ErrorCode"]
        if kind or number:
            in_nt = packet["Flags2"] & smb.SMB.FLAGS2_NT_STATUS
            status = kind | packet["_reserved"] << 8 | number << 16
            raise Refused(status if in_nt else _DOS_ERRORS.get((kind, number), status))
        packet.isValidAnswer(command)
        return smb.SMBCommand(packet["Data"][0])


def _talk(wire: NetBIOSTCPSession, ours: str) -> SMB:
    from impacket import smb

    class Talk(smb.SMB):  # type: ignore[misc]  # impacket has no types
        def neg_session(self, extended_security: bool = True, negPacket: Any = None) -> Any:
            self.set_flags(flags2=self.get_flags()[1] | smb.SMB.FLAGS2_UNICODE)
            done = super().neg_session(extended_security, negPacket)
            negotiated = self._dialects_parameters
            if negotiated["SecurityMode"] & smb.SMB.SECURITY_SHARE_MASK == smb.SMB.SECURITY_SHARE_SHARE:
                raise Failure(common.LIMIT, "the server has passwords for shares instead of user accounts (SMB 1)")
            if not negotiated["Capabilities"] & smb.SMB.CAP_EXTENDED_SECURITY:
                raise Failure(common.LIMIT, "impacket supports only NTLMv1 for this server, so no login was tried")
            return done

    host = wire.get_remote_host()
    return Talk(host, host, ours, session=wire)
