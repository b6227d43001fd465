"""Log in to an SMB server once with impacket, and test what a scan would read.

    NEGOTIATE         only the dialect of the handshake
    SESSION_SETUP     NTLMv2 in two messages: the login. Never anonymous, never repeated, never in clear text
    TREE_CONNECT      tests the share's access list
    CREATE            tests the file system's rights for the directory or file
    QUERY_DIRECTORY   the first names; some are opened but not read, so no file's times change
    TREE_DISCONNECT, LOGOFF

If no share is named, the server is asked for its list, and the first readable share is used.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from scanready.causes import common, nt
from scanready.clients import nt_status
from scanready.clients.imports import by_script, importing
from scanready.clients.nt_status import Account
from scanready.clients.watchdog import Watchdog
from scanready.climb.explain import Failure, unfinished
from scanready.climb.login_result import LoginResult
from scanready.model import Credential

from .login_connection import Refused, Trace, Tree, Understood, dial
from .login_smb1 import Smb1
from .login_smb2 import Smb2

__all__ = ["SMB1", "Result", "Trace", "Where", "visit"]

#: The dialect of a :class:`Where` that is none of SMB 2's numbers: ``NT LM 0.12``.
SMB1 = 0

_MOST_SHARES = 5  # shares to try if none is named
_MOST_OPENED = 3  # entries of a directory to open
_MOST_SHOWN, _MOST_SHARES_KEPT = 20, 1000  # shares named in a detail, and in the facts
_EVERYBODYS = ("netlogon", "sysvol", "print$")  # every domain controller or print server has them: tried last

_CIPHER = "access denied to the {what}; the server may require encryption, and impacket does not support its ciphers"

Session = Smb1 | Smb2
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Where:
    """State where to log in and what to read, with the results of the handshake.

    ``host`` is the server's name in the inventory, and ``address`` the address to connect to. ``dialect`` is SMB 2's
    number (0x0311) or SMB1. ``called`` is the server's NetBIOS name, used only on port 139. ``server`` and ``domain``
    are the NetBIOS names in its challenge. ``encrypts`` is True if the handshake, which offers all ciphers, agreed on
    one; None if unknown. ``trace`` records the login's connections and logons.
    """

    host: str
    address: str
    port: int = 445
    share: str | None = None
    path: str = ""
    dialect: int = 0x0311
    called: str | None = None
    server: str = ""
    domain: str = ""
    samba: bool = False
    encrypts: bool | None = None
    trace: Trace = field(default_factory=Trace, compare=False)


@dataclass(slots=True, kw_only=True)
class Result(LoginResult):
    r"""Hold the findings of a successful login; ``passwordless`` is True if the server logged the account in as guest.

    Attributes:
        account: the account as it was sent.
        shares: the disk shares of the server; None if the list was not requested.
        referral: the places (``\\server\share\...``) that hold the path; ``denied`` is then ``smb.dfs-elsewhere``.
    """

    account: str
    shares: list[str] | None = None
    referral: list[str] = field(default_factory=list)

    @property
    def guest(self) -> bool:
        """Return True if the login was as guest, which proves nothing about the password."""
        return self.passwordless


def load() -> None:
    """Import all of impacket that a session needs."""
    from impacket import nmb, smb, smb3, smbconnection  # noqa: F401
    from impacket.dcerpc.v5 import srvs, transport  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once and test the share within ``seconds``.

    Raises:
        Failure: the server rejected the account, or did not decide; impacket is not installed.
    """
    with importing(f"impacket is not installed: {by_script('script/install-windows')}"):
        from impacket import nmb, smb3  # noqa: F401 - what is needed comes with them
    assert credential.password is not None, "a login needs a password"
    account = Account(credential.username, _is_local(credential.username, where), where.samba)
    with Watchdog(time.monotonic() + seconds) as watchdog:
        understood = Understood(watchdog)
        with _session(where, seconds, watchdog, understood) as session:
            _log_in(session, where, account, credential.password, understood)
            account = replace(account, guest=session.guest)
            look = _Look(session, where, account, understood)
            look.around()
            look.quietly(session.log_off)
            return look.result


@contextlib.contextmanager
def _session(where: Where, seconds: float, watchdog: Watchdog, understood: Understood) -> Iterator[Session]:
    """Connect and negotiate; close the connection on every exit."""
    server = where.address.replace(":", "-") + ".ipv6-literal.net" if ":" in where.host else where.host
    ours = _workstation()
    with contextlib.ExitStack() as held:
        try:
            with understood:
                wire = dial((where.address, where.port), where.called, ours, seconds, watchdog, where.trace)
                held.callback(wire.close)
                session = Smb1(wire, ours) if where.dialect == SMB1 else Smb2(wire, where.dialect, server, ours)
        except Refused as refused:
            raise Failure(nt.TROUBLE, f"the server rejects the login's negotiation: {refused}") from refused
        yield session


def _workstation() -> str:
    """Return this agent's computer name as the scanner sends it: an account may be limited to some workstations."""
    return socket.gethostname().partition(".")[0][:15].upper()


def _log_in(session: Session, where: Where, account: Account, password: str, understood: Understood) -> None:
    if not session.offers_ntlm:
        raise _without_ntlm(session, "the server offers no NTLM")
    domain, _, user = account.name.rpartition("\\")
    try:
        with understood:
            session.log_in(user, password, domain)
    except Failure as broken:
        raise unfinished(broken) from broken
    except Refused as refused:
        if refused.status in nt_status.NTLM_NOT_PERMITTED:
            raise _without_ntlm(session, f"{account.name}: {refused}") from refused
        if refused.status == nt_status.ACCESS_DENIED and _may_want_cipher(session, where):
            raise Failure(common.LIMIT, _CIPHER.format(what="session")) from refused
        failure = nt_status.refused_login(refused.status, account)
        raise (unfinished(failure) if refused.status in nt_status.TROUBLE else failure) from refused


def _may_want_cipher(session: Session, where: Where) -> bool:
    """Return True if the server may refuse the session only because impacket cannot encrypt it."""
    return session.lacks_cipher and where.encrypts is not False


def _is_local(username: str, where: Where) -> bool:
    """Return True if the account seems to be local to the server."""
    domain, _, user = username.rpartition("\\")
    if domain:
        return domain.lower() in (".", where.server.lower())
    in_workgroup = bool(where.server) and where.server.lower() == where.domain.lower()
    return in_workgroup and "@" not in user


def _without_ntlm(session: Session, detail: str) -> Failure:
    """Return the failure of a login without NTLM; this check supports no other mechanism, but a scan may."""
    if not session.offers_more:
        return Failure(nt.NO_LOGIN_POSSIBLE, f"{detail}; it offers only NTLM")
    return Failure(nt.NTLM_BLOCKED, f"{detail}; its other mechanism (usually Kerberos) needs the server's full name")


class _Look:
    """Test shares and directories after the login; any obstacle becomes the result."""

    def __init__(self, session: Session, where: Where, account: Account, understood: Understood) -> None:
        self._session = session
        self._account = account
        self._understood = understood
        self._where = where
        self._share = where.share
        self._path = where.path.replace("/", "\\").strip("\\")
        self._failures: list[Failure] = []
        self._opened_one = False
        self.result = Result(account=account.name, passwordless=session.guest)

    def around(self) -> None:
        """Read the named share, or the first listed share with an entry that can be opened."""
        try:
            for share in [self._share] if self._share else self._shown():
                self._try(share)
                if self._opened_one or (self._failures and self._failures[-1].cause is not common.ACCESS_DENIED):
                    break
        except Failure as failure:
            self._failures.append(failure)
        if not self.result.read:
            self.result.denied = self._failures[0]
        if self._session.encryption:
            self.result.facts["encryption_required"] = self._session.encryption
        if self.result.shares is not None:
            self.result.facts["shares"] = self.result.shares[:_MOST_SHARES_KEPT]

    def _try(self, share: str) -> None:
        try:
            self.result.read = self._read(share)
        except Failure as failure:
            self._failures.append(failure)

    def _shown(self) -> list[str]:
        """List the shares to try if none is named.

        Raises:
            Failure: there are none, or the server does not list them.
        """
        try:
            with self._understood:
                self.result.shares = self._session.shares()
        except Refused as refused:
            detail = f"the server does not list its shares for {self._account.shown}: {refused}"
            raise Failure(nt.NO_SHARE_NAMED, detail) from refused
        if not self.result.shares:
            raise Failure(nt.NO_SHARE_NAMED, f"the server lists no file share for {self._account.shown}")
        return sorted(self.result.shares, key=lambda name: name.lower() in _EVERYBODYS)[:_MOST_SHARES]

    def _read(self, share: str) -> str:
        try:
            with self._understood:
                tree = self._session.tree(share)
        except Refused as refused:
            raise self._no_share(share, refused.status) from refused
        try:
            if not tree.is_disk:
                raise Failure(nt.SHARE_OF_ANOTHER_KIND, f"{share} is not a file share")
            return self._read_in(tree)
        finally:
            self.quietly(lambda: self._session.disconnect(tree))

    def _no_share(self, share: str, status: int) -> Failure:
        if status == nt_status.ACCESS_DENIED and _may_want_cipher(self._session, self._where):
            return Failure(common.LIMIT, _CIPHER.format(what=f"share {share}"))
        if status != nt_status.BAD_NETWORK_NAME:
            return nt_status.refused_share(status, share, self._account)
        if self._ask_where(share, self._path):  # a DFS namespace whose root is on another server
            return self._elsewhere(share, status)
        failure = nt_status.refused_share(status, share, self._account)
        self.result.shares = self.quietly(self._session.shares)
        if self.result.shares is None:
            return failure
        if share.lower() in map(str.lower, self.result.shares):
            detail = f"share {share}: the server lists it but cannot open it: {nt_status.named(status)}"
            return Failure(nt.SHARE_BROKEN, detail)
        shown = ", ".join(self.result.shares[:_MOST_SHOWN]) or "none"
        return Failure(failure.cause, f"{failure.detail}; shares that the server lists: {shown}")

    def _read_in(self, tree: Tree) -> str:
        """List the directory and open one of its first entries, or open the file at the path."""
        path, where = self._path, rf"{tree.share}\{self._path}" if self._path else tree.share
        try:
            with self._understood:
                opened = self._session.open(tree, path)
                entries = self._session.entries(tree, opened) if opened.is_directory else []
                self._session.close(tree, opened)
        except Refused as refused:
            if refused.status == nt_status.PATH_NOT_COVERED:
                self._ask_where(where)
                raise self._elsewhere(where, refused.status) from refused
            raise nt_status.refused_path(refused.status, tree.share, path, self._account) from refused
        if not opened.is_directory:
            self._opened_one = True
            return f"opened the file {where}"
        names = f"{len(entries)} {'name' if len(entries) == 1 else 'names'}"
        if not entries:
            names = "no names; it is empty, or hides them from this account"
        here = sorted((entry for entry in entries if entry.is_here), key=lambda entry: entry.is_directory)
        return f"listed {where}: {names}" + self._opened_of(tree, [entry.name for entry in here])

    def _opened_of(self, tree: Tree, names: list[str]) -> str:
        """Open the first entry that permits it: the right to list a directory does not include its files."""
        refusals = []
        for name in names[:_MOST_OPENED]:
            path = rf"{self._path}\{name}" if self._path else name
            try:
                with self._understood:
                    self._session.close(tree, self._session.open(tree, path))
                self._opened_one = True
                return f"; opened {name}"
            except Refused as refused:
                refusals.append(nt_status.refused_path(refused.status, tree.share, path, self._account))
        if refusals and all(failure.cause is common.ACCESS_DENIED for failure in refusals):
            raise refusals[0]
        tested = f"any of its first {len(refusals)} entries" if len(refusals) > 1 else "its first entry"
        return f"; could not open {tested}: {refusals[0].detail}" if refusals else ""

    def _ask_where(self, path: str, below: str = "") -> list[str]:
        """Ask which other servers hold a path of the namespace, and append ``below`` to each."""
        places = self.quietly(lambda: self._session.referral(path)) or []
        ours = self._where.host.lower()
        others = (place for place in places if place.strip("\\").partition("\\")[0].lower() != ours)
        self.result.referral = [rf"{place}\{below}" if below else place for place in others]
        return self.result.referral

    def _elsewhere(self, path: str, status: int) -> Failure:
        places = " or ".join(self.result.referral) or "an unknown server"
        return Failure(nt.ELSEWHERE, f"{path} is at {places} ({nt_status.named(status)})")

    def quietly(self, ask: Callable[[], T]) -> T | None:
        """Ask an optional question; return None if it fails."""
        with contextlib.suppress(Failure, Refused), self._understood:
            return ask()
        return None
