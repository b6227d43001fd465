"""The server's own words choose the cause, wherever it has any; and silence, refusal and hang-up are three answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace
from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Server,
    Writer,
    in_background,
    misbehave,
    mysql,
    postgresql,
    ssh,
)
from fixtures.transcripts import load
from scanready.model import Credential, Owner, Report, Step, Target, Verdict
from scanready.net import resolve
from scanready.net.sockets import Address
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from scanready.targets.mssql import browser as sql_browser
from scanready.targets.postgresql import causes as postgresqls
from scanready.targets.smb import netbios
from scanready.wire import ntlm
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, finding_of, passed, story, target
from tests.targets.imap.imap_peers import MAILBOX, SCANNER, against, mailbox

ER = account("er")


def asked(
    type_: str, behaviour: Behaviour, credential: Credential | None = None, **options: Any
) -> tuple[Report, Server]:
    with in_background(behaviour) as server:
        report = climb(target(type_, "127.0.0.1", server.port, credential, **options), canary=False)
        server.wait(len(server.connections))
    return report, server


# --- PgBouncer and other poolers: one table for the startup and for the login -----------------------------------------


def fatal(words: str, state: str = "08P01") -> bytes:
    fields = f"SFATAL\0VFATAL\0C{state}\0M{words}\0\0".encode()
    return b"E" + (4 + len(fields)).to_bytes(4) + fields


WORDS = [
    ("no more connections allowed (max_client_conn)", "postgresql.too-many-connections"),  # PgBouncer when full
    ("no more connections allowed", "postgresql.too-many-connections"),
    ("sorry, too many clients already", "postgresql.too-many-connections"),  # pgpool-II, with SQLSTATE 53300 or none
    ("remaining connection slots are reserved", "postgresql.too-many-connections"),
    ("query_wait_timeout", "postgresql.backend-unavailable"),  # PgBouncer 1.18 whose database is away; measured
    ("pgbouncer cannot connect to server", "postgresql.backend-unavailable"),
    ("server login has been failing, try again later (server_login_retry)", "postgresql.backend-unavailable"),
    ("server login failed: FATAL password authentication failed", "postgresql.backend-unavailable"),
    ("could not get connection from the pool - AllServersDown", "postgresql.backend-unavailable"),  # PgCat
    ("odyssey: c7d1: failed to get remote server connection", "postgresql.backend-unavailable"),
    ("max clients reached - in Session mode max clients are limited to pool_size", "postgresql.too-many-connections"),
    ("failed to create a backend connection", "postgresql.backend-unavailable"),  # pgpool-II
    ("the database system is starting up", "postgresql.not-accepting"),
]


def in_place_of_the_prompt(answer: bytes) -> Behaviour:
    return postgresql.server(answer)


def in_the_login(answer: bytes) -> Behaviour:
    """A prompt at first, and the words in the login's own connection."""
    left = [postgresql.cleartext, postgresql.server(answer)]

    async def play(reader: Reader, writer: Writer, record: Record) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(reader, writer, record)

    return play


@pytest.mark.parametrize(("words", "code"), WORDS)
@pytest.mark.parametrize("who", [None, ER], ids=["an invented user", "an account"])
def test_a_poolers_words_in_place_of_the_prompt(words: str, code: str, who: Credential | None) -> None:
    report, _ = asked("postgresql", in_place_of_the_prompt(fatal(words)), who)
    expect(report, Verdict.BLOCKED, code, step=Step.AUTH, owner=Owner.DATABASE)
    assert finding_of(report).fix is None
    assert words in finding_of(report).detail


@pytest.mark.parametrize(("words", "code"), WORDS)
def test_the_same_words_in_the_login_have_the_same_cause(words: str, code: str) -> None:
    report, _ = asked("postgresql", in_the_login(fatal(words)), ER, allow_cleartext=True)
    expect(report, Verdict.BLOCKED, code, step=Step.LOGIN, owner=Owner.DATABASE)
    assert report.footprint.login_attempts == 0, "no password had left"


def test_a_pooler_that_waits_for_its_database_says_nothing() -> None:
    """PgBouncer 1.18 with its defaults, whose database is away: two minutes of silence after the startup (measured)."""

    async def waits(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readexactly(8)
        writer.write(b"N")
        await misbehave.swallow(reader)

    with in_background(waits) as server:
        report = climb(target("postgresql", "127.0.0.1", server.port), timeout=WAIT, canary=False)
    expect(report, Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "while its database is down" in finding_of(report).detail


def test_the_words_are_in_one_table() -> None:
    assert {postgresqls.whoever_asks("", words).code for words, _ in WORDS if postgresqls.whoever_asks("", words)} == {  # type: ignore[union-attr]
        code for _, code in WORDS
    }
    assert postgresqls.whoever_asks("", "no such database: hr") is None


# --- IMAP: BYE --------------------------------------------------------------------------------------------------------


IN_TLS = (Owner.OPERATOR, "\nimaps://127.0.0.1:993")


@pytest.mark.parametrize(
    "words",
    [
        b"SSL connections only",
        b"[ALERT] TLS is required here",
        b"You must use SSL to connect to this server",
        b"[PRIVACYREQUIRED] no clear text",
        b"Encryption required",
    ],
)
def test_a_bye_that_wants_tls(words: bytes) -> None:
    report, _ = against(misbehave.says_and_closes(b"* BYE " + words + b"\r\n"), "imap")
    expect(report, Verdict.BLOCKED, "tls.required", step=Step.TLS, owner=Owner.SERVER, also=IN_TLS)
    assert finding_of(report).fix is None


def test_a_bye_to_a_command_wants_tls_as_well() -> None:
    report, _ = against(mailbox(b"* OK ready\r\n", CAPABILITY=b"* BYE SSL connections only\r\n"), "imap")
    expect(report, Verdict.BLOCKED, "tls.required", step=Step.TLS, owner=Owner.SERVER, also=IN_TLS)


def test_a_bye_inside_tls_wants_something_else() -> None:
    report, _ = against(misbehave.says(b"* BYE SSL connections only\r\n"), "imaps")
    expect(report, Verdict.BLOCKED, "imap.turned-away", step=Step.HANDSHAKE, owner=Owner.SERVER)


@pytest.mark.parametrize(
    ("words", "verdict", "code"),
    [
        (b"Access denied by tlsproxy rules", Verdict.BLOCKED, "imap.turned-away"),
        (b"Too many connections from your IP", Verdict.UNDECIDED, "handshake.throttled"),
        (b"Server shutting down", Verdict.BLOCKED, "imap.not-accepting"),
        (b"internal error: server down", Verdict.BLOCKED, "imap.not-accepting"),
        (b"Connection closed. Server busy", Verdict.BLOCKED, "imap.not-accepting"),
        (b"Not enough memory", Verdict.BLOCKED, "imap.not-accepting"),
        (b"Disconnected: Auth process broken", Verdict.BLOCKED, "imap.not-accepting"),
        (b"Can't connect to the backend", Verdict.BLOCKED, "imap.not-accepting"),
        (b"Connection is closed. 13", Verdict.BLOCKED, "imap.not-accepting"),  # Exchange: its backend service is down
        (b"Fatal error: tls_init() failed", Verdict.BLOCKED, "imap.not-accepting"),  # Cyrus
        (b"Only SSL connections are allowed", Verdict.BLOCKED, "tls.required"),
        (b"Plaintext connections disabled", Verdict.BLOCKED, "tls.required"),
        (b"Please use IMAPS on port 993", Verdict.BLOCKED, "tls.required"),
        (b"Request is throttled", Verdict.UNDECIDED, "handshake.throttled"),
    ],
)
def test_other_words_of_a_bye(words: bytes, verdict: Verdict, code: str) -> None:
    report, _ = against(misbehave.says_and_closes(b"* BYE " + words + b"\r\n"), "imap")
    expect(report, verdict, code, step=Step.TLS if code == "tls.required" else Step.HANDSHAKE, owner=Owner.SERVER)


@pytest.mark.parametrize(
    "words",
    [
        b"Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
        b"Login only available under a layer",
        b"LOGIN requires SSL",
        b"plaintext logins disabled",
    ],
)
def test_a_refusal_of_clear_text_judges_no_password(words: bytes) -> None:
    refuses = mailbox(LOGIN=b"c1 NO " + words + b"\r\n")
    report, _ = against(refuses, "imap", credential=SCANNER, allow_cleartext=True)
    expect(report, Verdict.BLOCKED, "imap.login-disabled", step=Step.LOGIN, owner=Owner.SERVER)
    report, _ = against(refuses, "imaps", credential=SCANNER)
    assert report.cause is not None
    assert report.cause.code in ("login.refused", "imap.command-refused"), "in TLS they are not about clear text"


# --- SSH: plain text in place of the identification, and DISCONNECT ---------------------------------------------------

IN_TEXT = [
    (b"Connection limit exceeded\r\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"Your IP address has been banned\r\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"IP blocked for 300 seconds\r\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"Host blacklisted\r\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"Too many connections, try again later.\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"Maximum number of sessions reached\r\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"Sorry, maximum number of concurrent logins reached\r\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"connection rate exceeded\r\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"All VTYs are busy\r\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"Line is in use\r\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"Administrator IP lockout\r\n", Verdict.UNDECIDED, "handshake.throttled"),
    (b"sshd: error while loading shared libraries: libcrypto.so.3\r\n", Verdict.BLOCKED, "ssh.server-misconfigured"),
    (b"Could not load host key: /etc/ssh/ssh_host_rsa_key\r\n", Verdict.BLOCKED, "ssh.server-misconfigured"),
    (b"sshd: no hostkeys available -- exiting.\r\n", Verdict.BLOCKED, "ssh.server-misconfigured"),
    (b"Missing privilege separation directory: /run/sshd\r\n", Verdict.BLOCKED, "ssh.server-misconfigured"),
    (b"You are not welcome here\r\n", Verdict.BLOCKED, "handshake.broken-off"),
]


@pytest.mark.parametrize(("words", "verdict", "code"), IN_TEXT)
@pytest.mark.parametrize("type_", ["unix", "ssh"])
def test_words_in_place_of_an_identification(words: bytes, verdict: Verdict, code: str, type_: str) -> None:
    report, _ = asked(type_, misbehave.says_and_closes(words))
    expect(report, verdict, code, step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert words.decode().strip() in finding_of(report).detail


@pytest.mark.parametrize(("words", "verdict", "code"), IN_TEXT[:-1])
def test_the_same_words_in_a_disconnect(words: bytes, verdict: Verdict, code: str) -> None:
    text = words.strip()
    payload = b"\x01" + (2).to_bytes(4) + len(text).to_bytes(4) + text + bytes(4)
    pad = 16 - (5 + len(payload)) % 8
    packet = (1 + len(payload) + pad).to_bytes(4) + bytes([pad]) + payload + bytes(pad)
    report, _ = asked("ssh", misbehave.says_and_closes(ssh.BANNER_9_2 + packet))
    expect(report, verdict, code, step=Step.HANDSHAKE, owner=Owner.SERVER)


# --- MySQL: the agent as the server sees it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["Der Rechner darf sich nicht mit diesem Server verbinden", "not allowed", "Host is not allowed to connect"],
)
def test_no_address_of_ours_is_put_into_a_servers_mouth(words: str) -> None:
    error = b"\xff\x6a\x04" + words.encode()
    packet = len(error).to_bytes(3, "little") + b"\0" + error
    report, _ = asked("mysql", misbehave.says_and_closes(packet), ER)
    expect(report, Verdict.BLOCKED, "mysql.host-not-allowed", step=Step.HANDSHAKE, owner=Owner.DATABASE)
    assert "agent_seen_as" not in report.facts
    fix = finding_of(report).fix
    assert fix is not None
    place, _, statement = fix.partition("\n")
    assert place.startswith("-- On 127.0.0.1")
    assert "127.0.0.1" not in statement
    assert statement.startswith("CREATE USER 'er'@")


def test_an_error_that_names_no_host_tells_of_none() -> None:
    report, _ = asked("mysql", mysql.too_many_connections)
    expect(report, Verdict.BLOCKED, "mysql.too-many-connections", step=Step.HANDSHAKE, owner=Owner.DATABASE)
    assert "agent_seen_as" not in report.facts, story(report)


# --- identity ---------------------------------------------------------------------------------------------------------


def challenge(version: tuple[int, int, int]) -> bytes:
    major, minor, build = version
    token = load("smb/samba4.17-sessionsetup-type2.s2c.hex")
    at = token.index(b"NTLMSSP\0")
    own = token[at:]
    return own[:48] + bytes((major, minor)) + build.to_bytes(2, "little") + own[52:]


@pytest.mark.parametrize(
    ("version", "os"),
    [
        ((255, 255, 65535), None),  # a library's server
        ((6, 1, 0), None),  # Samba
        ((4, 9, 1234), None),
        ((10, 0, 20348), "Windows Server 2022 (10.0.20348)"),
        ((10, 0, 29999), "Windows 10.0.29999"),
        ((6, 1, 7601), "Windows Server 2008 R2 SP1 or Windows 7 SP1 (6.1.7601)"),
    ],
)
def test_a_build_that_no_windows_has_names_none(version: tuple[int, int, int], os: str | None) -> None:
    assert ntlm.read_challenge(challenge(version)).os == os


# --- IMAP: nothing found, nothing there -------------------------------------------------------------------------------

NO_INBOX = b"c1 NO [NONEXISTENT] Unknown Mailbox: INBOX\r\n"


def test_an_account_without_an_inbox_is_the_mail_servers() -> None:
    report, _ = against(mailbox(EXAMINE=NO_INBOX), "imaps", credential=SCANNER)
    expect(report, Verdict.BLOCKED, "imap.no-inbox", step=Step.ACCESS, owner=Owner.SERVER)
    assert finding_of(report).fix is None
    passed(report, Step.LOGIN)


def test_a_folder_that_was_named_and_is_not_there_is_the_inventorys() -> None:
    gone = mailbox(EXAMINE=b"c1 NO [NONEXISTENT] Unknown Mailbox: Archive\r\n")
    report, _ = against(gone, "imaps", credential=SCANNER, folder="Archive")
    expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS, owner=Owner.OPERATOR)


def test_no_search_is_needed_for_a_message() -> None:
    """Some servers find nothing in a folder whose messages they show."""
    assert b"SEARCH" not in MAILBOX
    report, server = against(mailbox(SEARCH=b"* SEARCH\r\nc1 OK done\r\n"), "imaps", credential=SCANNER)
    expect(report, Verdict.SCANNABLE)
    assert server.counts["SEARCH"] == 0


def test_a_message_that_is_not_returned_is_no_refusal() -> None:
    report, _ = against(mailbox(FETCH=b"c1 OK Fetch completed.\r\n"), "imaps", credential=SCANNER)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS, owner=Owner.SCANREADY)
    assert "with OK and no data" in finding_of(report).detail


# --- refused, silent, not asked ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def closed_445(monkeypatch: pytest.MonkeyPatch) -> Any:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        monkeypatch.setattr(netbios, "DIRECT", sock.getsockname()[1])
        yield sock.getsockname()[1]


def about_139(monkeypatch: pytest.MonkeyPatch, host: str = "127.0.0.1", timeout: float = PLENTY) -> str:
    with closed_445(monkeypatch) as port:
        report = climb(target("smb", host, port), timeout=timeout, canary=False)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
    return check_of(report, Step.CONNECT).summary


def test_139_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        monkeypatch.setattr(netbios, "SESSION_SERVICE", other.getsockname()[1])
        words = about_139(monkeypatch)
    assert words.startswith("139 also refuses connections")
    assert "does not answer" not in words


def test_139_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def dial(self: object, host: str, port: int) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("scanready.climb.probe.Probe.dial", dial)
    monkeypatch.setattr(netbios, "_GLANCE", 0.1)
    assert about_139(monkeypatch).startswith("139 does not answer either")


def test_139_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def dial(self: object, host: str, port: int) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr("scanready.climb.probe.Probe.dial", dial)
    words = about_139(monkeypatch)
    assert words.startswith("139 was not tested")
    assert "answer" not in words


def test_a_name_is_resolved_once_for_445_and_139(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def look_up(host: str, port: int) -> list[Address]:
        names.append(host)
        return [(socket.AF_INET, ("127.0.0.1", port))]

    monkeypatch.setattr(resolve, "_lookup", look_up)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        monkeypatch.setattr(netbios, "SESSION_SERVICE", other.getsockname()[1])
        assert about_139(monkeypatch, "files.example").startswith("139 also refuses connections")
    assert names == ["files.example"]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (misbehave.closes_at_once, "no SQL Server answers: the server"),
        (misbehave.says(b"SSH-2.0-x\r\n"), "no SQL Server answers"),
    ],
)
def test_another_port_that_answers_is_not_called_silent(
    behaviour: Behaviour, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fixtures.emulators import mssql_browser

    with (
        closed_445(monkeypatch) as closed,
        in_background(behaviour) as other,
        mssql_browser.in_background({"MSSQLSERVER": other.port}) as there,
    ):
        monkeypatch.setattr(sql_browser, "PORT", there.port)
        report = climb(Target("127.0.0.1", "mssql", closed, explicit_port=True), canary=False)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)
    summary = check_of(report, Step.CONNECT).summary
    assert words in summary
    assert "does not answer either" not in summary


async def not_tls(reader: Reader, writer: Writer, record: Record) -> None:
    """Hang up on DRDA, and answer a TLS hello with words."""
    if (await reader.read(1)) == b"\x16":
        writer.write(b"what is that?\r\n")


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (misbehave.closes_at_once, "also closes the connection after a TLS ClientHello"),
        (not_tls, "answers a TLS ClientHello, but not with TLS"),
    ],
)
def test_a_tls_hello_that_is_answered_is_not_called_silent(behaviour: Behaviour, words: str) -> None:
    report, _ = asked("db2", behaviour)
    expect(report, Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE)
    assert words in check_of(report, Step.TLS).summary


# --- a hang-up under one type is no other type's special cause --------------------------------------------------------


async def only_mysqlx(reader: Reader, writer: Writer, record: Record) -> None:
    """A database that waits for its client, and hangs up on every other one's first word."""
    await reader.read(4)


SPECIAL = ["oracle", "notes", "db2", "teradata", "postgresql", "smb", "windows", "mssql", "http", "nfs", "ews"]


def test_a_hang_up_is_no_types_special_cause() -> None:
    with in_background(only_mysqlx) as server:
        where = [replace(target(type_, "127.0.0.1", server.port), guessed=True) for type_ in SPECIAL]

        async def run() -> list[Report]:
            return [report async for report in verify_all(where, Settings(timeout=PLENTY, canary=False))]

        reports = {report.target.type: report for report in asyncio.run(run())}
    codes = {name: report.cause.code if report.cause else None for name, report in reports.items()}
    assert set(codes.values()) <= {"handshake.hung-up", "tls.failed", "scanready.out-of-time"}, codes
    assert not any(report.finding and report.finding.fix for report in reports.values())


def test_a_named_oracle_still_hears_of_invited_nodes() -> None:
    report, _ = asked("oracle", misbehave.closes_at_once)
    expect(report, Verdict.BLOCKED, "oracle.node-not-invited", step=Step.HANDSHAKE, owner=Owner.DATABASE)
