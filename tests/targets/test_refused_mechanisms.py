"""A way to log in that the server refuses, or takes back, ends the login before a secret is sent: in every protocol.

The server counts: the bytes that it received (decrypted where the connection is in TLS), and the messages of its
protocol that carry a secret or a proof of one.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Server,
    Writer,
    db2,
    ews,
    imap,
    in_background,
    informix,
    misbehave,
    mssql,
    oracle,
    postgresql,
    sybase,
    teradata,
)
from fixtures.emulators.certificates import authority
from scanready.climb.explain import Failure
from scanready.model import Credential, Owner, Report, Step, Verdict
from scanready.targets.smb import login as smb_login
from tests.ladder import PLENTY, account, climb, expect, finding_of, story, target
from tests.played_driver import PlayedDriver
from tests.targets.imap.imap_peers import mailbox
from tests.targets.mssql.mssql_peers import WINDOWS, disguises
from tests.targets.smb.smb_login_peer import SCANNER, SETUP, peer, where
from tests.websites import answer

SECRET = "Passw0rd!"
ER = account("er", SECRET)
CLEAR: dict[str, Any] = {"allow_cleartext": True}


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Play another behaviour at each connection, and the last one from then on."""
    left = list(behaviours)

    async def play(reader: Reader, writer: Writer, record: Record) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(reader, writer, record)

    return play


def met(
    type_: str, behaviour: Behaviour, credential: Credential = ER, *, tls: bool = False, **options: Any
) -> tuple[Report, Server, bytes]:
    """The report, the server, and every byte that it received."""
    with in_background(behaviour, tls=authority().context() if tls else None) as server:
        report = climb(
            target(type_, "127.0.0.1", server.port, credential, **options),
            timeout=PLENTY,
            canary=False,
            ca_file=str(authority().ca_file),
        )
        server.wait(len(server.connections))
    return report, server, b"".join(record.received for record in server.connections)


def no_secret(sent: bytes, secret: str = SECRET) -> None:
    """Assert that the password is in no byte, in any shape that these protocols give it."""
    whole = secret.encode()
    shapes = [*disguises(secret), secret.encode("utf-16-be"), secret.encode("cp500"), base64.b64encode(whole)]
    shapes.append(base64.b64encode(f"\0er\0{secret}".encode()))
    assert not [shape for shape in shapes if shape in sent]


def not_judged(report: Report) -> None:
    """Assert that the login ended before the secret: nothing is said of the account, and no attempt is counted."""
    expect(report, Verdict.UNDECIDED, "login.not-judged", step=Step.LOGIN, owner=Owner.SERVER)
    assert finding_of(report).fix is None
    assert report.footprint.login_attempts == 0


# --- DB2: ACCSEC ------------------------------------------------------------------------------------------------------

SYNTAX = db2.reply(0x124C, "000611490008 0005114a16")  # SYNTAXRM
UNSUPPORTED = db2.reply(0x1252, "000611490008 0006000c11a2")  # VALNSPRM: SECMEC
OTHERS = db2.reply(0x14AC, "000611a20009 000611a2000b 000511a401")  # only these, and SECCHKCD 1
SILENTLY_OTHERS = db2.reply(0x14AC, "000611a2000b")
WITH_A_CODE = db2.reply(0x14AC, "000611a20003 000511a40a")  # the mechanism, and its service is away


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("refusal", [OTHERS, SILENTLY_OTHERS, WITH_A_CODE], ids=["others", "another", "a code"])
def test_db2_takes_a_mechanism_back(refusal: bytes, tls: bool) -> None:
    behaviour = db2.server(mechanisms=(3,), when_asked=refusal)
    report, server, sent = met("db2", behaviour, tls=tls, database="SAMPLE", **CLEAR)
    not_judged(report)
    assert server.counts["logins"] == 0
    no_secret(sent)


@pytest.mark.parametrize("mechanisms", [(3,), (9,), (3, 9)])
@pytest.mark.parametrize("refusal", [SYNTAX, UNSUPPORTED], ids=["SYNTAXRM", "VALNSPRM"])
def test_db2_refuses_the_question(refusal: bytes, mechanisms: tuple[int, ...]) -> None:
    behaviour = db2.server(mechanisms=mechanisms, when_asked=refusal)
    report, server, sent = met("db2", behaviour, database="SAMPLE", **CLEAR)
    expect(report, Verdict.UNDECIDED, "db2.request-refused", owner=Owner.DATABASE)
    assert server.counts["logins"] == report.footprint.login_attempts == 0
    no_secret(sent)


def test_db2_refuses_the_encrypted_way_and_gets_no_password_in_clear() -> None:
    behaviour = db2.server(mechanisms=(3, 9), when_asked=db2.reply(0x14AC, "000611a20003 000511a401"))
    report, server, sent = met("db2", behaviour, database="SAMPLE", **CLEAR)
    not_judged(report)
    assert server.counts["logins"] == 0
    no_secret(sent)


# --- IMAP: LOGINDISABLED, AUTHENTICATE --------------------------------------------------------------------------------

BARRED = b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI] ready\r\n"
BARRED_LIST = b"* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI\r\nc1 OK done\r\n"


@pytest.mark.parametrize("type_", ["imap", "imaps"])
def test_imap_bars_the_command_on_the_logins_own_connection(type_: str) -> None:
    """Two servers behind one name; imapclient would send LOGIN all the same."""
    behaviour = in_turn(mailbox(), mailbox(BARRED, CAPABILITY=BARRED_LIST))
    report, server, sent = met(type_, behaviour, tls=type_ == "imaps", **CLEAR)
    not_judged(report)
    assert server.counts["LOGIN"] == 0
    no_secret(sent)


@pytest.mark.parametrize("refusal", [b"c1 NO not that way\r\n", b"c1 BAD unknown mechanism\r\n"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_imap_refuses_authenticate(mechanism: str, refusal: bytes) -> None:
    greeting = f"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH={mechanism}] ready\r\n".encode()
    capability = f"* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH={mechanism}\r\nc1 OK done\r\n".encode()
    behaviour = mailbox(greeting, CAPABILITY=capability, AUTHENTICATE=refusal)
    report, server, sent = met("imaps", behaviour, tls=True)
    expect(report, Verdict.UNDECIDED, "login.not-judged" if b"NO" in refusal else "scanready.limit", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0
    assert (server.counts["AUTHENTICATE"], server.counts["LOGIN"]) == (1, 0)
    no_secret(sent)


def test_imap_refuses_starttls_at_the_login() -> None:
    refuses = mailbox(imap.GREETING, CAPABILITY=imap.CAPABILITY, STARTTLS=b"c1 NO not now\r\n")
    report, _, sent = met("imap", in_turn(imap.dovecot, refuses), **CLEAR)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    no_secret(sent)


# --- NTLM: no answer to a challenge that was not given ----------------------------------------------------------------


@pytest.mark.parametrize("status", [0xC00000BB, 0xC0000022, 0xC000006D, 0xC0000418])
def test_smb_refuses_ntlms_first_message(status: int) -> None:
    with peer({SETUP: status}) as server:
        there = where(server)
        with pytest.raises(Failure):
            smb_login.visit(there, SCANNER, 5.0)
        assert server.counts["setup"] == 1, "the answer to the challenge is a second one"
        assert b"NTLMSSP\0\3" not in b"".join(record.received for record in server.connections)
    assert not there.trace.secret_left


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "500 Internal Server Error"])
def test_exchange_refuses_ntlms_first_message(status: str) -> None:
    refusal = ews.answer(status, "WWW-Authenticate: NTLM")
    behaviour = in_turn(ews.exchange, ews.Exchange(challenge=refusal))
    report, server, _ = met("ews", behaviour, account("CORP\\svc-scan"), tls=True)
    assert report.verdict is Verdict.UNDECIDED, story(report)
    assert server.counts["type-3"] == report.footprint.login_attempts == 0


def web_ntlm(challenge: bytes) -> Behaviour:
    prompt = answer("401 Unauthorized", "WWW-Authenticate: NTLM")

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if b"Authorization: NTLM TlRMTVNTUAAD" in head:
                record.count("type-3")
            reply = challenge if b"Authorization: NTLM TlRMTVNTUAAB" in head else prompt
            writer.write(reply.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if head.startswith(b"HEAD") else reply)

    return behaviour


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "500 Internal Server Error"])
def test_a_web_server_refuses_ntlms_first_message(status: str) -> None:
    report, server, _ = met("https", web_ntlm(answer(status, "WWW-Authenticate: NTLM")), tls=True)
    assert report.verdict is Verdict.UNDECIDED, story(report)
    assert server.counts["type-3"] == report.footprint.login_attempts == 0


@pytest.mark.parametrize("number", [18452, 18456, 17806])
def test_sql_server_refuses_ntlms_first_message(number: int) -> None:
    behaviour = mssql.Server(refusal=mssql.refusing((number, "Login failed. The login is from an untrusted domain.")))

    class Refuses(mssql.Server):
        async def _ask_for_proof(self, reader: Reader, writer: Writer, record: Record) -> tuple[str, str]:
            return "", ""

    report, server, _ = met("mssql", Refuses(refusal=behaviour.refusal), WINDOWS)
    assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), story(report)
    assert server.counts["ntlm-logins"] == 0
    assert b"NTLMSSP\0\3" not in b"".join(record.received for record in server.connections)


# --- databases --------------------------------------------------------------------------------------------------------

FATAL = b"SFATAL\0VFATAL\0C28000\0Mconnection is barred\0\0"
AT_THE_LOGIN = {
    "an error": b"E" + (4 + len(FATAL)).to_bytes(4) + FATAL,
    "Kerberos": b"R\0\0\0\x08\0\0\0\x07",
    "code 13": b"R\0\0\0\x08\0\0\0\x0d",
    "openGauss": b"R\0\0\0\x58\0\0\0\x0a\0\0\0\x02" + b"0123456789abcdef" * 4 + b"89abcdef" + bytes.fromhex("00002710"),
}


@pytest.mark.parametrize("name", AT_THE_LOGIN)
def test_postgresql_takes_the_password_back(name: str) -> None:
    """The handshake's connection asks for one, the login's does not."""
    counted: list[bytes] = []

    async def refuses(reader: Reader, writer: Writer, record: Record) -> None:
        while int.from_bytes((await reader.readexactly(8))[4:]) in (80877103, 80877104):
            writer.write(b"N")
        await reader.readuntil(b"\0\0")
        writer.write(AT_THE_LOGIN[name])
        counted.append(await reader.read(1))

    report, _, sent = met("postgresql", in_turn(postgresql.cleartext, refuses), database="hr", **CLEAR)
    assert report.verdict in (Verdict.UNDECIDED, Verdict.BLOCKED), story(report)
    assert counted
    assert counted[0] != b"p"
    assert report.footprint.login_attempts == 0
    no_secret(sent)


@pytest.mark.parametrize("number", [12514, 12526, 12660])
def test_oracle_refuses_the_logins_own_connection(number: int) -> None:
    behaviour = in_turn(oracle.healthy, oracle.listener(oracle.refuse(number)))
    report, server, sent = met("oracle", behaviour, service="ORCL")
    assert report.verdict in (Verdict.UNDECIDED, Verdict.BLOCKED), story(report)
    assert server.counts["logins"] == report.footprint.login_attempts == 0
    no_secret(sent)


def test_oracle_that_demands_its_own_encryption_gets_no_login() -> None:
    report, server, _ = met("oracle", oracle.listener(oracle.ENCRYPTED), service="ORCL")
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
    assert server.counts["logins"] == report.footprint.login_attempts == 0


def test_informix_refuses_the_first_login_and_gets_no_second_one() -> None:
    behaviour = informix.server(answer=informix.refused(-952))
    report, server, _ = met("informix", behaviour, server="ol_hr", **CLEAR)
    assert report.verdict is Verdict.BLOCKED, story(report)
    assert server.counts["logins"] == report.footprint.login_attempts == 1


def test_sybase_that_wants_an_encrypted_password_is_asked_once() -> None:
    """The record of the login is the first word; nothing follows the server's demand."""
    login = sybase.reply(sybase.acknowledge(7), sybase.DONE)
    report, server, _ = met("sybase", sybase.server(login=login), **CLEAR)
    assert report.verdict in (Verdict.UNDECIDED, Verdict.BLOCKED), story(report)
    assert server.counts["logins"] == report.footprint.login_attempts == 1


DRIVER = """
class Error(Exception): pass
def connect(**settings):
    raise AssertionError("the driver logs in")
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> PlayedDriver:
    """A module in the place of Teradata's, which may not be called."""
    return PlayedDriver(tmp_path_factory.mktemp("teradata"), "teradatasql", DRIVER)


def test_teradata_takes_no_logon_on_this_port(driver: PlayedDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.play(monkeypatch)
    report, server, _ = met("teradata", teradata.server(teradata.HTTPS_ONLY), **CLEAR)
    not_judged(report)
    assert "accepts no logon on this port" in finding_of(report).detail
    assert server.counts["logons"] == 0


# --- MySQL: the switch of the plugin ----------------------------------------------------------------------------------


def mysql_answering(*payloads: Callable[[int], bytes]) -> Behaviour:
    from fixtures.emulators import mysql

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(mysql.GREETING_10_11_PLAIN)
        for payload in payloads:
            head = await reader.readexactly(4)
            await reader.readexactly(int.from_bytes(head[:3], "little"))
            reply = payload(head[3])
            writer.write(len(reply).to_bytes(3, "little") + bytes([head[3] + 1]) + reply)
        await misbehave.swallow(reader)

    return behaviour


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog", b"auth_gssapi_client", b"authentication_oci"])
def test_mysql_asks_for_a_plugin_that_gets_no_password(plugin: bytes) -> None:
    refused = b"\xff\x15\x04#28000Access denied"
    switch = b"\xfe" + plugin + b"\0abcdefghijklmnopqrst\0"
    report, _, sent = met("mysql", mysql_answering(lambda _: switch, lambda _: refused))
    assert report.verdict is Verdict.UNDECIDED, story(report)
    no_secret(sent)
    assert sent[-4:-1] == b"\0\0\0", "an empty packet, which lets the server refuse"


# --- SSH --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("methods", [("publickey",), ("gssapi-with-mic", "publickey"), ("hostbased",)])
def test_ssh_takes_no_password(methods: tuple[str, ...], tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from fixtures.emulators.ssh_strict import Strict
    from scanready.targets.ssh import client as openssh
    from tests.targets.ssh.ssh_peers import write_client

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(openssh, "CONFIG_FILES", (tmp_path / "config",))
    write_client(tmp_path)
    strict = Strict(methods, Ed25519PrivateKey.generate().public_key(), SECRET.encode(), "", False)
    report, _, _ = met("unix", strict)
    expect(report, Verdict.BLOCKED, "ssh.method-not-offered", step=Step.AUTH, owner=Owner.SERVER)
    assert strict.heard == ["service", "none", "disconnect"]
    assert report.footprint.login_attempts == 0
