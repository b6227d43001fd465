r"""Log on to a Windows host over DCOM with impacket, start WMI there, and read one object.

    to 135          bind as the account (NTLMv2), ServerAlive2     needs no rights: a fault here refuses the logon
                    RemoteCreateInstance of WbemLevel1Login        needs the right to start WMI; returns a port
    to that port    bind as the account, NTLMLogin, ExecQuery      needs the right to root\cimv2

Windows answers a wrong password and a missing right with the same fault 5. ServerAlive2, which every account may call,
tells them apart. Windows counts each of the two connections as one logon of the account. The second connection is
opened only if the first logon was accepted. Every call is sent with packet privacy.

Host names in the answers are reported but never resolved: the agent always connects to the target's address.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from scanready.causes import common
from scanready.clients.imports import by_script, importing
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
# Seconds: a shorter silence does not prove that a port is blocked.
_FAIR = PATIENCE - 1
_COMPUTER, _DOMAIN, _DNS_COMPUTER = 1, 2, 3  # MsvAv...: names in a challenge


@dataclass(frozen=True, slots=True)
class Where:
    """State where to log on.

    Attributes:
        address: the address to connect to, on ``port`` and on the port that the activation returns.
        agent: the agent's own address.
        smb_port: the port for the test of ADMIN$ after a successful login; None for no test.
        other_services: ports of other services, by number with their names; they are never contacted.
        trace: a record of the login's connections and logons.
    """

    address: str
    agent: str
    port: int = 135
    smb_port: int | None = login_admin_share.PORT
    other_services: dict[int, str] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace, compare=False)


@dataclass(slots=True, kw_only=True)
class Result(LoginResult):
    """Add the facts of the host and of WMI to a login's result.

    ``bindings`` are the host's string bindings for WMI, and ``port`` is the port dialled. ``advice`` describes ADMIN$
    after a login that read something; it does not affect the verdict.
    """

    server_name: str = ""
    domain: str = ""
    bindings: list[str] = field(default_factory=list)
    port: int | None = None
    os: str = ""
    advice: str = ""


def load() -> None:
    """Import all of impacket that a logon and the test of ADMIN$ need."""
    from impacket import nmb, smb3  # noqa: F401
    from impacket.dcerpc.v5 import dcomrt  # noqa: F401
    from impacket.dcerpc.v5.dcom import wmi  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log on, start WMI, read one object and test ADMIN$ within ``seconds``.

    This takes two connections, each one logon, and a third connection with a logon for ADMIN$. The second is opened
    only if the first logon was accepted.

    Raises:
        Failure: the host rejected the account or closed the connection before it decided; impacket is not installed.
    """
    with importing(f"impacket is not installed: {by_script('script/install-windows')}"):
        from impacket.dcerpc.v5 import dcomrt  # noqa: F401 - all that is needed comes with it
    assert credential.password is not None, "a login needs a password"
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
    """Hold the arguments and the results of one visit."""

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
        """Connect to the endpoint mapper's port again."""
        port = self._where.port
        try:
            return self._dial(port, self._left)
        except TimeoutError as error:
            detail = f"the second connection to port {port} did not open in time"
            raise Failure(common.OUT_OF_TIME, detail) from error
        except OSError as error:
            failed = f"the second connection to port {port} failed"
            if limit := local_limit(error):
                raise Failure(common.LOCAL_LIMIT, f"{failed}: {limit}") from error
            raise Failure(causes.BROKEN_OFF, f"{failed}: {error.strerror or error}") from error

    def log_on(self, connected: socket.socket) -> Session:
        """Bind as the account and call ServerAlive2, which needs no rights: a fault then refuses the logon.

        Raises:
            Failure: the host rejects the logon.
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
        """Activate WMI; return its first object and a connection to the port of its objects.

        Raises:
            Failure: the account may not start WMI, WMI does not start, or the port cannot be reached.
        """
        from impacket.dcerpc.v5.dcom.wmi import CLSID_WbemLevel1Login, IID_IWbemLevel1Login
        from impacket.dcerpc.v5.dcomrt import IRemoteSCMActivator

        with self._stage("starting WMI (DCOM activation)", mapper):
            first = IRemoteSCMActivator(mapper).RemoteCreateInstance(CLSID_WbemLevel1Login, IID_IWbemLevel1Login)
            received = first.get_cinstance().get_string_bindings()
            bindings = [(binding["wTowerId"], binding["aNetworkAddr"].rstrip("\0")) for binding in received]
        self.result.bindings = [text for _, text in bindings]
        self.result.port = _port(bindings)
        if self.result.port is None:
            places = ", ".join(self.result.bindings) or "none"
            raise Failure(causes.NO_TCP_BINDING, f"WMI has no TCP port; its bindings: {places}")
        return first, self._dial_dynamic(self.result.port)

    def read(self, first: Any, connected: socket.socket) -> None:
        """Open root\\cimv2, read the one Win32_OperatingSystem, and release every object.

        Raises:
            Failure: the account may not read it, or the object does not exist.
        """
        from impacket.dcerpc.v5.dcom.wmi import IID_IWbemLevel1Login, IWbemLevel1Login
        from impacket.dcerpc.v5.dtypes import NULL

        with contextlib.closing(connected):
            session = self._session(connected)
            carry(self._key, first.get_oxid(), session)
            with self._stage(f"the second logon (on port {self.result.port})", session):
                session.bind(IID_IWbemLevel1Login)
            held = [first]
            try:
                with self._stage(r"opening root\cimv2", session):
                    services = IWbemLevel1Login(first).NTLMLogin(NAMESPACE, NULL, NULL)
                    held.append(services)
                with self._stage("reading Win32_OperatingSystem", session):
                    found = services.ExecQuery(QUERY, _RETURN_IMMEDIATELY | _FORWARD_ONLY)
                    held.append(found)
                    values = dict(found.Next(int(self._left * 1000), 1)[0].getProperties())
                if not {"Caption", "Version"} <= values.keys():
                    shown = ", ".join(map(str, values)) or "no properties"
                    raise Failure(common.LIMIT, f"Win32_OperatingSystem has {shown} instead of Caption and Version")
                self.result.os, self.result.version = (str(values[name]["value"]) for name in ("Caption", "Version"))
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
            detail = f"the host reports WMI on {where}, the port of {other}: nothing was sent there"
            raise Failure(common.NOT_FOLLOWED, detail)
        patience = min(PATIENCE, self._left)
        fix, also = firewall_rule(self._where.agent, self._where.address, port), fixes.ON_THE_HOST
        try:
            return self._dial(port, patience)
        except TimeoutError as error:
            if patience < _FAIR:
                detail = f"{where} did not answer within {patience:.1f} s: too short to call the port blocked"
                raise Failure(common.OUT_OF_TIME, detail) from error
            detail = f"WMI's port {where}: no answer"
            raise Failure(causes.DYNAMIC_PORT_BLOCKED, detail, fix, also=also) from error
        except OSError as error:
            if limit := local_limit(error):
                raise Failure(common.LOCAL_LIMIT, f"{where}: {limit}") from error
            detail = f"WMI's port {where}: {error.strerror or error}"
            raise Failure(causes.DYNAMIC_PORT_BLOCKED, detail, fix, also=also) from error
        except OverflowError as error:
            raise Failure(common.MALFORMED, f"the host reports WMI on port {port}, which does not exist") from error

    def _session(self, connected: socket.socket) -> Session:
        return Session(Pipe(connected, self._credential, self._key, self._where.trace))

    def _stage(self, what: str, session: Session, *, logon: bool = False) -> Stage:
        return Stage(what, session.pipe, self._watchdog, self._account, logon=logon)

    def _note_names(self, challenge: bytes) -> None:
        """Read the host's names from its NTLM challenge, and decide whether the account is local to it."""
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
        username = self._credential.username
        in_workgroup = computer.lower() == domain.lower()  # there, a name without a domain is a local account
        local = named.lower() in (".", computer.lower()) if named else in_workgroup and "@" not in username
        self._account = Account(username, local)

    def _let_go(self, held: list[Any], session: Session) -> None:
        """Release every object with all its references, so that the host does not keep any until its ping timeout."""
        from impacket.dcerpc.v5.dcomrt import OBJREF_STANDARD, REMINTERFACEREF, IID_IRemUnknown, RemRelease

        with contextlib.suppress(Failure), self._stage("releasing the objects", session):
            request = RemRelease()
            request["cInterfaceRefs"] = len(held)
            for item in held:
                reference = REMINTERFACEREF()
                reference["ipid"] = item.get_iPid()
                reference["cPublicRefs"] = OBJREF_STANDARD(item.get_objRef())["std"]["cPublicRefs"]
                request["InterfaceRefs"].append(reference)
            held[0].request(request, IID_IRemUnknown, held[0].get_ipidRemUnknown())


def _port(bindings: list[tuple[int, str]]) -> int | None:
    """Return the port of the first TCP binding; all objects of one process share one port."""
    for tower, text in bindings:
        if tower == _TCP and (found := re.search(r"\[(\d{1,5})\]$", text)):
            return int(found[1])
    return None
