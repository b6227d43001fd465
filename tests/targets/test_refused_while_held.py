"""Logins of one account under way, at servers that wait before they ask for the secret: none leaves after a refusal.

Each server's answers are held back from another one on, so wherever a login waits for its server, one of them waits
there while another server refuses the account.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator

import paramiko
import pytest
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Writer,
    db2,
    dcom,
    ews,
    in_background,
    informix,
    mssql,
    mysql,
    oracle,
    oracle_session,
    postgresql,
    sybase,
    teradata,
)
from fixtures.emulators.certificates import authority
from scanready.climb import guard
from scanready.model import Credential, Report, Target
from scanready.run.engine import Run
from scanready.run.settings import Settings
from tests.ladder import TYPES, finding_of, story, target
from tests.played_driver import PlayedDriver
from tests.targets.held_logins import Count, Gate, Kind, Peer, counting, finding
from tests.targets.imap.imap_peers import mailbox
from tests.targets.smb import smb_login_peer as smb
from tests.targets.ssh.ssh_peers import Quirk, peer
from tests.targets.windows.test_wmi_verdicts import PROXY
from tests.targets.windows.wmi_peers import SCANNER

#: Parts of a server's answers that go out before the others are held back.
POINTS = range(12)
SECONDS = 12.0
CLEAR, UNTRUSTED = {"allow_cleartext": True}, {"allow_untrusted": True}
TLS = {"tls": authority().context("good")}
#: The kinds whose driver is not installed here, and the module that plays it.
PLAYED = {"db2 by IBM's driver": "ibm_db_dbi", "teradata": "teradatasql"}


# Servers --------------------------------------------------------------------------------------------------------------


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4) + body


def _request(code: int, more: bytes) -> bytes:
    """An authentication request of PostgreSQL."""
    return _message(b"R", code.to_bytes(4) + more)


def _final_of_scram(first: bytes, challenge: bytes, last: bytes) -> bytes:
    """Return the server's signature for a client that knows the password (RFC 5802, 3)."""
    fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", b"Passw0rd!", base64.b64decode(fields[b"s"]), int(fields[b"i"]))
    key = hmac.digest(salted, b"Server Key", "sha256")
    told = b",".join((first, challenge, last[: last.rindex(b",p=")]))
    return b"v=" + base64.b64encode(hmac.digest(key, told, "sha256"))


def _accepting(request: bytes) -> Behaviour:
    """Return a PostgreSQL that takes any answer to this request for a password."""

    async def answer(reader: Reader, record: Record) -> bytes:
        if await reader.readexactly(1) != b"p":
            raise asyncio.IncompleteReadError(b"", None)
        return await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while (length := int.from_bytes(await reader.readexactly(4))) == 8:
            await reader.readexactly(4)
            writer.write(postgresql.NO)
        await reader.readexactly(length - 4)
        writer.write(request)
        told = await answer(reader, record)
        if request is postgresql.AUTH_SASL:
            first = told[told.index(b"n=") :]
            challenge = first.partition(b"r=")[2] + b"server"
            challenge = b"r=" + challenge + b",s=" + base64.b64encode(b"salt") + b",i=4096"
            writer.write(_request(11, challenge))
            writer.write(_request(12, _final_of_scram(first, challenge, await answer(reader, record))))
        record.count("logins")
        writer.write(postgresql.TRUST_SESSION)
        while await reader.read(1) == b"Q":
            await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
            writer.write(postgresql.VERSION)

    return behaviour


def _postgresql(request: bytes) -> Kind:
    accepts, refuses = _accepting(request), postgresql.server(request)
    return Kind("postgresql", counting(accepts, "logins"), counting(refuses, "logins"), CLEAR)


def _proofs_of_mysql(received: bytes) -> int:
    """Count logins of ``er`` with an answer to the challenge, and answers to a further one, which have 20 octets."""
    found = 0
    while len(received) >= 4:
        length = int.from_bytes(received[:3], "little")
        payload, number, received = received[4 : 4 + length], received[3], received[4 + length :]
        found += number > 0 and (length == 20 or b"\0er\0\x14" in payload)
    return found


def _mysql(greeting: bytes, *, switches: bool) -> Kind:
    def served(verdict: bytes) -> Callable[[], Peer]:
        return finding(
            mysql.server(greeting, verdict=verdict, auth_switch=switches, statement=mysql.NAMED), _proofs_of_mysql
        )

    return Kind("mysql", served(mysql.OK), served(mysql.ERR_1045))


def _type_3(received: bytes) -> int:
    """Count the messages of NTLM that answer a challenge, as they are and in HTTP."""
    tokens = re.findall(rb"Authorization: (?:NTLM|Negotiate) (\S+)", received)
    return received.count(b"NTLMSSP\0\3\0\0\0") + sum(b"NTLMSSP\0\3" in base64.b64decode(token) for token in tokens)


def _web(accepts: bool) -> Behaviour:
    async def page(reader: Reader, writer: Writer, record: Record) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            told = b"\r\nAuthorization: Basic " in head
            record.count("logins" if told else "pages")
            status = "200 OK" if told and accepts else '401 No\r\nWWW-Authenticate: Basic realm="x"'
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    return page


def _ssh(accepts: bool) -> Callable[[], Peer]:
    @contextlib.contextmanager
    def served() -> Iterator[tuple[int, Count]]:
        tried: list[str] = []

        class Judge(Quirk):
            def check_auth_password(self, username: str, password: str) -> int:
                tried.append(password)
                return AUTH_SUCCESSFUL if accepts else AUTH_FAILED

        with peer(Judge, paramiko.ECDSAKey.generate()) as server:
            yield server.port, lambda: len(tried)

    return served


def _windows(variant: dcom.Variant) -> Callable[[], Peer]:
    @contextlib.contextmanager
    def served() -> Iterator[tuple[int, Count]]:
        with dcom.in_background(variant) as host:
            yield (
                host.mapper.port,
                lambda: sum(_type_3(record.received) for server in host.servers for record in server.connections),
            )

    return served


def _db2(mechanism: int) -> Kind:
    def served(check: int) -> Callable[[], Peer]:
        return counting(db2.server(mechanisms=(mechanism,), check=check), "logins")

    return Kind("db2", served(0), served(0x0F), options={"database": "SAMPLE", **CLEAR})


_IMAP_REFUSES = mailbox(LOGIN=b"c1 NO [AUTHENTICATIONFAILED] no\r\n")
_EWS_REFUSES = ews.Exchange(refuses=ews.prompt())
_SMB_REFUSES = smb.server({smb.SETUP: [smb.ANSWERS[smb.SETUP][0], 0xC000006D]})  # type: ignore[index]
_ORACLE_REFUSES = oracle.listener(
    refusals={oracle_session.AUTH_TWO: oracle_session.complaint(1017, "invalid username/password; logon denied")}
)
_INFORMIX = {"server": "ol_hr", **CLEAR}

KINDS = {
    "postgresql by SCRAM": _postgresql(postgresql.AUTH_SASL),
    "postgresql by md5": _postgresql(postgresql.AUTH_MD5),
    "postgresql in clear": _postgresql(postgresql.AUTH_CLEARTEXT),
    "mysql": _mysql(mysql.GREETING_10_11_PLAIN, switches=False),
    "mysql in TLS": _mysql(mysql.GREETING_10_11, switches=False),
    "mysql with another plugin": _mysql(mysql.GREETING_10_11_PLAIN, switches=True),
    "oracle": Kind(
        "oracle", counting(oracle.healthy, "logins"), counting(_ORACLE_REFUSES, "logins"), options={"service": "ORCL"}
    ),
    "oracle by TCPS": Kind(
        "oracle",
        counting(oracle.healthy, "logins", **TLS),
        counting(_ORACLE_REFUSES, "logins", **TLS),
        options={"service": "ORCL"},
    ),
    "informix": Kind(
        "informix",
        counting(informix.informix, "logins"),
        counting(informix.server(informix.refused(-951)), "logins"),
        options=_INFORMIX,
        first_word=True,
    ),
    "informix in TLS": Kind(
        "informix",
        counting(informix.informix, "logins", **TLS),
        counting(informix.server(informix.refused(-951)), "logins", **TLS),
        options={"server": "ol_hr", "tls": True},
    ),
    "db2": _db2(3),
    "db2 by encryption": _db2(9),
    "db2 by IBM's driver": _db2(7),
    "teradata": Kind(
        "teradata",
        counting(teradata.system(), "connects"),
        counting(teradata.system(teradata.refused(teradata.CONNECT, 8017)), "connects"),
        options=CLEAR,
    ),
    "sybase": Kind(
        "sybase",
        counting(sybase.ase, "logins"),
        counting(sybase.server(sybase.REFUSED), "logins"),
        options=CLEAR,
        first_word=True,
    ),
    "sybase in TLS": Kind(
        "sybase",
        counting(sybase.ase, "logins", **TLS),
        counting(sybase.server(sybase.REFUSED), "logins", **TLS),
        options={"tls": True},
    ),
    "mssql": Kind(
        "mssql",
        counting(mssql.Server(), "logins"),
        counting(mssql.Server(refusal=mssql.refusing((18456, "Login failed for user 'er'."))), "logins"),
    ),
    "mssql by NTLM": Kind(
        "mssql",
        counting(mssql.Server(), "ntlm-logins"),
        counting(mssql.Server(refusal=mssql.refusing((18456, "Login failed."))), "ntlm-logins"),
        username=f"{mssql.DOMAIN}\\{mssql.WINDOWS_USER}",
    ),
    "imap": Kind("imap", counting(mailbox(), "LOGIN"), counting(_IMAP_REFUSES, "LOGIN"), options=CLEAR),
    "imaps": Kind(
        "imaps", counting(mailbox(), "LOGIN", **TLS), counting(_IMAP_REFUSES, "LOGIN", **TLS), options=UNTRUSTED
    ),
    "http": Kind("http", counting(_web(True), "logins"), counting(_web(False), "logins"), options=CLEAR),
    "https": Kind(
        "https", counting(_web(True), "logins", **TLS), counting(_web(False), "logins", **TLS), options=UNTRUSTED
    ),
    "ews": Kind(
        "ews",
        counting(ews.exchange, "type-3", "basic", **TLS),
        counting(_EWS_REFUSES, "type-3", "basic", **TLS),
        options=UNTRUSTED,
        username="CORP\\er",
    ),
    "smb": Kind("smb", finding(smb.server(), _type_3), finding(_SMB_REFUSES, _type_3), options={"share": "finance"}),
    "ssh": Kind("ssh", _ssh(True), _ssh(False)),
    "unix": Kind("unix", _ssh(True), _ssh(False)),
    "windows": Kind(
        "windows",
        _windows(dcom.HEALTHY),
        _windows(dcom.Variant(logon=0x52E)),
        settings={"agent": PROXY},
        username=SCANNER,
    ),
}


# Drivers that are not installed here ----------------------------------------------------------------------------------

DRIVERS = {
    "ibm_db_dbi": """
import _socket, contextlib, struct
class Error(Exception): pass
Warning = Error
class Session:
    def cursor(self): return self
    def execute(self, statement): pass
    def fetchone(self): return (1,)
    def close(self): pass
def connect(settings):
    told = dict(one.split("=", 1) for one in settings.split(";") if one)
    security = struct.pack(">HHH", 6, 0x11A2, 7)
    with contextlib.closing(_socket.socket()) as server:  # of the system, as a library in C has it
        server.connect((told["HOSTNAME"], int(told["PORT"])))
        for codepoint, content in ((0x1041, b""), (0x106D, security), (0x106E, security)):
            server.sendall(struct.pack(">HBBHHH", 10 + len(content), 0xD0, 1, 1, 4 + len(content), codepoint) + content)
            reply = server.recv(4096)
    if reply.endswith(b"\\x0f"): raise Error('[CLI Driver] SQL30082N  Security processing failed with reason "24"')
    return Session()
""",
    "teradatasql": """
import _socket, contextlib
class Error(Exception): pass
class Session:
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def cursor(self): return self
    def execute(self, statement, values=()): pass
    def fetchone(self): return ["17.20.03.20"]
def connect(**settings):
    with contextlib.closing(_socket.socket()) as server:  # of the system, as a library in C has it
        server.connect((settings["host"], int(settings["dbs_port"])))
        for kind in (10, 1, 12, 3):
            server.sendall(bytes([3, 1, kind]) + bytes(49))
            reply = server.recv(4096)
    if (8017).to_bytes(2, "big") in reply: raise Error("[Teradata Database] [Error 8017] The UserId is invalid.")
    return Session()
""",
}


@pytest.fixture(scope="module")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PlayedDriver]:
    """Play what is not installed here; the opt-in tier has the drivers themselves."""
    folder = tmp_path_factory.mktemp("drivers")
    return {name: PlayedDriver(folder, name, source) for name, source in DRIVERS.items()}


# The test -------------------------------------------------------------------------------------------------------------


class Scene:
    """Checks of one account: one server proves it, another one refuses it, and those that are held are under way."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._stack = contextlib.ExitStack()
        self.gates: list[Gate] = []
        self.counts: list[Count] = []

    def __enter__(self) -> Scene:
        self.proves, self.refuses = self._port(self._kind.accepts), self._port(self._kind.refuses)
        self.held: list[Target] = []
        for point in POINTS:
            port, count = self._stack.enter_context(self._kind.accepts())
            gate = Gate(port, point)
            self.gates.append(gate)
            self.counts.append(count)
            self.held.append(self._target(self._stack.enter_context(in_background(gate.behaviour)).port))
        return self

    def __exit__(self, *_: object) -> None:
        for gate in self.gates:
            gate.opened.set()
        self._stack.close()

    def sent(self) -> list[int]:
        return [count() for count in self.counts]

    async def run(self, *, refused: bool) -> tuple[list[int], list[int], list[Report]]:
        """Return how many secrets each held server has when the account was refused, how many at the end, and what
        became of their checks."""
        async with Run(Settings(timeout=SECONDS, canary=False, per_host=100, **self._kind.settings)) as run:
            proven = await run.verify(self.proves)
            assert proven.facts.get("login") is not None or proven.footprint.login_attempts, story(proven)
            checks = [asyncio.create_task(run.verify(one)) for one in self.held]
            while not all(gate.holds.is_set() or check.done() for gate, check in zip(self.gates, checks, strict=True)):
                await asyncio.sleep(0.02)
            if refused:
                report = await run.verify(self.refuses)
                assert report.cause is not None, story(report)
                assert report.cause.code == "login.refused", story(report)
            before = self.sent()
            for gate in self.gates:
                gate.opened.set()
            reports = await asyncio.gather(*checks)
            return before, self.sent(), reports

    def _port(self, served: Callable[[], Peer]) -> Target:
        port, _ = self._stack.enter_context(served())
        return self._target(port)

    def _target(self, port: int) -> Target:
        who = Credential("scan", self._kind.username, "Passw0rd!", authority="corp")
        return target(self._kind.type, "127.0.0.1", port, who, **self._kind.options)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, drivers: dict[str, PlayedDriver], monkeypatch: pytest.MonkeyPatch) -> Kind:
    """Return one kind of login; one host that accepted the account lets any number of them go side by side."""
    monkeypatch.setattr(guard, "ESTABLISHED", 1)
    if name := PLAYED.get(request.param):
        drivers[name].play(monkeypatch)
    found: Kind = KINDS[request.param]
    return found


def test_no_secret_leaves_after_a_refusal(kind: Kind) -> None:
    with Scene(kind) as scene:
        before, after, reports = asyncio.run(scene.run(refused=True))
    assert after == before, "\n".join(map(story, reports))
    withheld = [report for report, sent in zip(reports, after, strict=True) if not sent]
    assert bool(withheld) is not kind.first_word, "a login was held before its secret"
    for report in withheld:
        assert report.cause is not None, story(report)
        assert report.cause.code == "login.withheld", story(report)
        assert "refused the account of the credential 'scan' earlier in this run" in finding_of(report).detail, story(
            report
        )
        assert report.footprint.login_attempts == 0, story(report)


def test_without_a_refusal_they_do(kind: Kind) -> None:
    """So the logins were held before their secrets, and would have sent them."""
    with Scene(kind) as scene:
        before, after, _ = asyncio.run(scene.run(refused=False))
    assert sum(after) > sum(before) or kind.first_word


@pytest.mark.parametrize("switches", [False, True])
@pytest.mark.parametrize("greeting", [mysql.GREETING_10_11_PLAIN, mysql.GREETING_10_11], ids=["clear", "TLS"])
def test_no_login_of_mysql_is_broken_off(greeting: bytes, switches: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hang-up would count towards the block of this agent's address."""

    @contextlib.contextmanager
    def served() -> Iterator[tuple[int, Count]]:
        with in_background(
            mysql.server(greeting, verdict=mysql.OK, auth_switch=switches, statement=mysql.NAMED)
        ) as server:
            yield server.port, lambda: sum(server.offences.values())

    monkeypatch.setattr(guard, "ESTABLISHED", 1)
    kind = _mysql(greeting, switches=switches)
    with Scene(Kind("mysql", served, kind.refuses)) as scene:
        _, offences, reports = asyncio.run(scene.run(refused=True))
        withheld = [report for report in reports if report.cause and report.cause.code == "login.withheld"]
    assert withheld
    assert sum(offences) == 0, "\n".join(map(story, reports))


def test_every_type_that_logs_in_is_here() -> None:
    assert {kind.type for kind in KINDS.values()} == {row.name for row in TYPES if row.aided}
