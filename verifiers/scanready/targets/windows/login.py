r"""Log on to a Windows host over DCOM with impacket, start WMI there, and read one object.

    to 135          bind as the account (NTLMv2), ServerAlive2     anybody may: what is refused here is the logon
                    RemoteCreateInstance of WbemLevel1Login        needs the right to start WMI; names a port
    to that port    bind as the account, NTLMLogin, ExecQuery      needs the right to root\cimv2

Windows does not tell a wrong password from a missing right: both are fault 5. The call that anybody may make, in
between, is what keeps them apart. Each of the two connections is a logon in Windows's eyes, with the same account; the
second is not made unless the first was accepted. Nothing is sent below packet privacy.

Names in what the host tells of itself are reported and never resolved: the address that is dialled is the target's.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from scanready.causes import common
from scanready.clients.imports import importing
from scanready.clients.nt_status import Account
from scanready.clients.watchdog import Watchdog
from scanready.climb.dial_all import PATIENCE
from scanready.climb.explain import Failure
from scanready.climb.login_result import LoginResult
from scanready.model import Credential, bracketed
from scanready.net.errors import local_limit
from scanready.remedies.fixes import firewall_rule

from . import causes, fixes, login_admin_share
from .login_dcom import Pipe, Session, Trace, carry, dial, kept, split
from .login_errors import Stage

NAMESPACE = "//./root/cimv2"
QUERY = "SELECT Caption, Version FROM Win32_OperatingSystem"
_TCP = 7  # the tower of a string binding
_RETURN_IMMEDIATELY, _FORWARD_ONLY = 0x10, 0x20
# A connection request that was not answered for less than this proves nothing.
_FAIR = PATIENCE - 1
_COMPUTER, _DOMAIN, _DNS_COMPUTER = 1, 2, 3  # MsvAv..., what a challenge tells


@dataclass(frozen=True, slots=True)
class Where:
    """Where to log on: ``address`` is dialled, on ``port`` and on what the activation names; ``agent`` is ours.

    ``smb_port`` is where ADMIN$ is looked for after a login that succeeded; None: nowhere. ``other_services`` are ports
    that the activation's word does not lead to, with the name of the service. ``trace`` records what the login did.
    """

    address: str
    agent: str
    port: int = 135
    smb_port: int | None = login_admin_share.PORT
    other_services: dict[int, str] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace, compare=False)


@dataclass(slots=True, kw_only=True)
class Result(LoginResult):
    """Adds what the host tells of itself and of WMI.

    ``bindings`` is where the host says that WMI is to be met, ``port`` what was dialled of it. ``advice`` tells of
    ADMIN$, after a login that read something; it never decides.
    """

    server_name: str = ""
    domain: str = ""
    bindings: list[str] = field(default_factory=list)
    port: int | None = None
    os: str = ""
    advice: str = ""


def load() -> None:
    """Load the library, all that a logon and ADMIN$ take."""
    from impacket import nmb, smb3  # noqa: F401
    from impacket.dcerpc.v5 import dcomrt  # noqa: F401
    from impacket.dcerpc.v5.dcom import wmi  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log on, start WMI, read one object and look for ADMIN$ within ``seconds``.

    It takes two connections, each of them one logon in Windows's eyes, and a third of both for ADMIN$; a second is not
    made unless the first was accepted.

    Raises:
        Failure: the account was not accepted, or the host broke off before it told; impacket is not installed.
    """
    with importing("impacket is not installed: pip install 'scanready[windows]'"):
        from impacket.dcerpc.v5 import dcomrt  # noqa: F401 - all that is needed comes with it
    assert credential.password is not None, "nobody logs in with a name alone"
    deadline = time.monotonic() + seconds
    with kept() as key, Watchdog(deadline) as watchdog:
        login = _Login(where, credential, deadline, key, watchdog)
        with contextlib.closing(login.dial_mapper()) as connected:
            mapper = login.log_on(connected)
            try:
                login.read(*login.start_wmi(mapper))
            except Failure as failure:
                login.result.denied = failure
                return login.result
        if where.smb_port is not None:
            login.result.advice = login_admin_share.look(
                where.address, credential, deadline, watchdog, where.trace, where.smb_port
            )
        return login.result


class _Login:
    """One visit: what it is given, what it saw so far."""

    def __init__(self, where: Where, credential: Credential, deadline: float, key: str, watchdog: Watchdog) -> None:
        self._where = where
        self._credential = credential
        self._deadline = deadline
        self._key = key
        self._watchdog = watchdog
        self._account = Account(credential.username, local=False)
        self.result = Result()

    @property
    def _left(self) -> float:
        return max(0.001, self._deadline - time.monotonic())

    def dial_mapper(self) -> socket.socket:
        """Connect to the port that the handshake was on."""
        port = self._where.port
        try:
            return self._dial(port, self._left)
        except TimeoutError as error:
            raise Failure(common.OUT_OF_TIME, f"port {port} was not reached again in time") from error
        except OSError as error:
            if limit := local_limit(error):
                raise Failure(common.LOCAL_LIMIT, f"port {port} was not reached again: {limit}") from error
            raise Failure(causes.BROKEN_OFF, f"port {port} was not reached again: {error.strerror or error}") from error

    def log_on(self, connected: socket.socket) -> Session:
        """Bind as the account and make the call that anybody may make: refused, it is the logon that is.

        Raises:
            Failure: it is refused.
        """
        from impacket.dcerpc.v5.dcomrt import IID_IObjectExporter, ServerAlive2

        session = self._session(connected)
        with self._stage("the bind", session, logon=True):
            session.bind(IID_IObjectExporter)
            self._note_names(session.pipe.challenge)
        with self._stage("the logon", session, logon=True):
            session.request(ServerAlive2())
        return session

    def start_wmi(self, mapper: Session) -> tuple[Any, socket.socket]:
        """Activate WMI; return its first object, and a connection to the port where its objects are.

        Raises:
            Failure: it may not, does not start, or the port is not reached.
        """
        from impacket.dcerpc.v5.dcom.wmi import CLSID_WbemLevel1Login, IID_IWbemLevel1Login
        from impacket.dcerpc.v5.dcomrt import IRemoteSCMActivator

        with self._stage("starting WMI (DCOM activation)", mapper):
            first = IRemoteSCMActivator(mapper).RemoteCreateInstance(CLSID_WbemLevel1Login, IID_IWbemLevel1Login)
            told = first.get_cinstance().get_string_bindings()
            bindings = [(binding["wTowerId"], binding["aNetworkAddr"].rstrip("\0")) for binding in told]
        self.result.bindings = [text for _, text in bindings]
        self.result.port = _port(bindings)
        if self.result.port is None:
            places = ", ".join(self.result.bindings) or "no place at all"
            raise Failure(causes.NO_TCP_BINDING, f"it is offered at {places}")
        return first, self._dial_dynamic(self.result.port)

    def read(self, first: Any, connected: socket.socket) -> None:
        """Open root\\cimv2, read the one operating system, and let go of every object.

        Raises:
            Failure: it may not, or there is none.
        """
        from impacket.dcerpc.v5.dcom.wmi import IID_IWbemLevel1Login, IWbemLevel1Login
        from impacket.dcerpc.v5.dtypes import NULL

        with contextlib.closing(connected):
            session = self._session(connected)
            carry(self._key, first.get_oxid(), session)
            with self._stage(f"the second logon, on port {self.result.port},", session):
                session.bind(IID_IWbemLevel1Login)
            held = [first]
            try:
                with self._stage(r"opening root\cimv2", session):
                    services = IWbemLevel1Login(first).NTLMLogin(NAMESPACE, NULL, NULL)
                    held.append(services)
                with self._stage("reading Win32_OperatingSystem", session):
                    found = services.ExecQuery(QUERY, _RETURN_IMMEDIATELY | _FORWARD_ONLY)
                    held.append(found)
                    told = dict(found.Next(int(self._left * 1000), 1)[0].getProperties())
                if not {"Caption", "Version"} <= told.keys():
                    shown = ", ".join(map(str, told)) or "nothing"
                    raise Failure(common.LIMIT, f"Win32_OperatingSystem came with {shown}, not with what was asked for")
                self.result.os, self.result.version = (str(told[name]["value"]) for name in ("Caption", "Version"))
            finally:
                self._let_go(held, session)
        self.result.read = f"one Win32_OperatingSystem: {self.result.os} {self.result.version}"

    def _dial(self, port: int, seconds: float) -> socket.socket:
        connected = dial(self._where.address, port, seconds, self._watchdog)
        self._where.trace.connections += 1
        return connected

    def _dial_dynamic(self, port: int) -> socket.socket:
        where = f"{bracketed(self._where.address)}:{port}"
        if other := self._where.other_services.get(port):
            said = f"{where}, where the host says that WMI is, is a port that {other} has: nothing was sent there"
            raise Failure(common.NOT_FOLLOWED, said)
        patience = min(PATIENCE, self._left)
        fix, also = firewall_rule(self._where.agent, self._where.address, port), fixes.ON_THE_HOST
        try:
            return self._dial(port, patience)
        except TimeoutError as error:
            if patience < _FAIR:
                detail = f"{where} did not answer within {patience:.1f} s: too short to call the port blocked"
                raise Failure(common.OUT_OF_TIME, detail) from error
            raise Failure(
                causes.DYNAMIC_PORT_BLOCKED, f"{where}, where WMI is: no answer at all", fix, also=also
            ) from error
        except OSError as error:
            if limit := local_limit(error):
                raise Failure(common.LOCAL_LIMIT, f"{where}: {limit}") from error
            said = error.strerror or str(error)
            raise Failure(causes.DYNAMIC_PORT_BLOCKED, f"{where}, where WMI is: {said}", fix, also=also) from error
        except OverflowError as error:
            raise Failure(common.MALFORMED, f"the host says that WMI is on port {port}") from error

    def _session(self, connected: socket.socket) -> Session:
        return Session(Pipe(connected, self._credential, self._key, self._where.trace))

    def _stage(self, what: str, session: Session, *, logon: bool = False) -> Stage:
        return Stage(what, session.pipe, self._watchdog, self._account, logon=logon)

    def _note_names(self, challenge: bytes) -> None:
        """Who the host says it is, and so whether the account is its own."""
        from impacket.ntlm import AV_PAIRS, NTLMAuthChallenge

        if not challenge:
            return
        pairs = AV_PAIRS(NTLMAuthChallenge(challenge)["TargetInfoFields"]).fields
        computer, domain, full = (
            pairs[name][1].decode("utf-16le", "replace") if name in pairs else ""
            for name in (_COMPUTER, _DOMAIN, _DNS_COMPUTER)
        )
        self.result.server_name, self.result.domain = full or computer, domain
        named, _ = split(self._credential.username)
        alone = computer.lower() == domain.lower()  # in a workgroup, what has no domain is the host's own
        local = named.lower() in (".", computer.lower()) if named else alone and "@" not in self._credential.username
        self._account = Account(self._credential.username, local)

    def _let_go(self, held: list[Any], session: Session) -> None:
        """Release every object with all its references, so that none waits for its pings on the host."""
        from impacket.dcerpc.v5.dcomrt import OBJREF_STANDARD, REMINTERFACEREF, IID_IRemUnknown, RemRelease

        with contextlib.suppress(Failure), self._stage("letting go", session):
            request = RemRelease()
            request["cInterfaceRefs"] = len(held)
            for item in held:
                reference = REMINTERFACEREF()
                reference["ipid"] = item.get_iPid()
                reference["cPublicRefs"] = OBJREF_STANDARD(item.get_objRef())["std"]["cPublicRefs"]
                request["InterfaceRefs"].append(reference)
            held[0].request(request, IID_IRemUnknown, held[0].get_ipidRemUnknown())


def _port(bindings: list[tuple[int, str]]) -> int | None:
    """The port of the first binding over TCP; a host has all its objects of one process on one."""
    for tower, text in bindings:
        if tower == _TCP and (found := re.search(r"\[(\d{1,5})\]$", text)):
            return int(found[1])
    return None
