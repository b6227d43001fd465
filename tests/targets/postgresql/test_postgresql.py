"""PostgreSQL without a server: what the lab cannot make one say, and that nothing we do offends the emulated one."""

from __future__ import annotations

import asyncio
import re
import struct
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background, misbehave, postgresql, ssh
from scanready.model import Credential, Outcome, Owner, Report, Step, Verdict
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, finding_of, logins_end, target

# AuthenticationGSS (PostgreSQL documentation, "Message Formats": R, length 8, code 7).
AUTH_GSS = b"R" + struct.pack(">II", 8, 7)
# Written from PgBouncer's source (client.c, "no such database"): only severity, SQLSTATE and message.
POOLER = b"SFATAL\0C08P01\0Mno such database: hr\0\0"
POOLER_REFUSES = b"E" + struct.pack(">I", len(POOLER) + 4) + POOLER


def asked(behaviour: Behaviour, credential: Credential | None = None, **options: Any) -> Report:
    with in_background(behaviour) as server:
        report = climb(target("postgresql", "127.0.0.1", server.port, credential, **options))
        assert not server.offences
    return report


@pytest.mark.parametrize("behaviour", [postgresql.sasl, postgresql.sasl_in_tls, postgresql.md5, postgresql.cleartext])
def test_a_prompt_is_ready(behaviour: Behaviour) -> None:
    expect(asked(behaviour), Verdict.READY)


def test_another_method_than_a_password() -> None:
    gss = postgresql.server(AUTH_GSS)
    report = asked(gss, account("er"), database="hr")
    fix = "host hr er 127.0.0.1/32 scram-sha-256"  # a `hostssl` line would not help a server without TLS
    expect(report, Verdict.BLOCKED, "postgresql.method-not-password", step=Step.AUTH, owner=Owner.DATABASE, fix=fix)
    assert report.facts["auth_methods"] == ["gss"]


def test_shutting_down_is_the_servers_state_whoever_asks() -> None:
    report = asked(postgresql.shutting_down)
    expect(report, Verdict.BLOCKED, "postgresql.not-accepting", step=Step.AUTH, owner=Owner.DATABASE)


def test_a_pooler_that_does_not_know_the_database() -> None:
    pooler = postgresql.server(POOLER_REFUSES)
    expect(asked(pooler), Verdict.UNDECIDED, "auth.identity-invented")
    report = asked(pooler, account("er"), database="hr")
    expect(report, Verdict.BLOCKED, "postgresql.session-refused", step=Step.AUTH, owner=Owner.DATABASE)
    assert "no such database" in check_of(report, Step.AUTH).summary


def test_a_wrong_password() -> None:
    with in_background(postgresql.sasl_in_tls) as server:
        report = climb(target("postgresql", "127.0.0.1", server.port, account("er", "not-this-1"), database="hr"))
        assert server.counts["logins"] == 1
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert "not-this-1" not in str(report)


# Captured from PostgreSQL 15.18 with lc_messages=de_DE.UTF-8: code, message, routine.
GERMAN = {
    "none": ("28000", "kein pg_hba.conf-Eintrag für Host »127.0.0.1«, Benutzer »er«", "ClientAuthentication"),
    "rejects": ("28000", "pg_hba.conf lehnt Verbindung ab für Host »127.0.0.1«, Benutzer »er«", "ClientAuthentication"),
    "certificate": ("28000", "Verbindung erfordert ein gültiges Client-Zertifikat", "ClientAuthentication"),
    "ident": ("28000", "Ident-Authentifizierung für Benutzer »scanready_probe« fehlgeschlagen", "auth_failed"),
    "role": ("28000", "Rolle »scanready_probe« existiert nicht", "InitializeSessionUserId"),
    "connect": ("42501", "keine Berechtigung für Datenbank »payroll«", "CheckMyDatabase"),
    "full": ("53300", "die verbleibenden Verbindungen sind für Superuser reserviert", "InitPostgres"),
    "no database": ("3D000", "Datenbank »postgres« existiert nicht", "InitPostgres"),
    "pooler": ("08P01", "no such user", ""),  # PgBouncer
    "cloud": ("28000", "Tenant or user not found", ""),
    "ends": ("57P01", "Verbindung wird abgebrochen aufgrund von Anweisung des Administrators", "ProcessInterrupts"),
}


def says(name: str) -> bytes:
    state, words, routine = GERMAN[name]
    fields = f"SFATAL\0VFATAL\0C{state}\0M{words}\0Fauth.c\0L1\0R{routine}\0\0".encode()
    return b"E" + struct.pack(">I", len(fields) + 4) + fields


@pytest.mark.parametrize(
    ("name", "verdict", "code"),
    [
        ("none", Verdict.BLOCKED, "postgresql.hba-rejected"),
        ("rejects", Verdict.BLOCKED, "postgresql.hba-rejected"),
        ("certificate", Verdict.BLOCKED, "tls.client-certificate"),
        ("ident", Verdict.BLOCKED, "postgresql.method-not-password"),
        ("role", Verdict.BLOCKED, "login.refused"),
        ("full", Verdict.BLOCKED, "postgresql.too-many-connections"),
        ("ends", Verdict.BLOCKED, "postgresql.not-accepting"),
    ],
)
def test_a_server_that_speaks_german(name: str, verdict: Verdict, code: str) -> None:
    step = Step.TLS if code.startswith("tls.") else Step.AUTH
    expect(asked(postgresql.server(says(name)), account("er"), database="hr"), verdict, code, step=step)


@pytest.mark.parametrize(
    ("name", "verdict", "code"),
    [
        ("none", Verdict.UNDECIDED, "auth.identity-invented"),
        ("rejects", Verdict.UNDECIDED, "auth.identity-invented"),
        ("certificate", Verdict.UNDECIDED, "auth.identity-invented"),
        ("ident", Verdict.UNDECIDED, "auth.identity-invented"),
        ("connect", Verdict.UNDECIDED, "auth.identity-invented"),
        ("pooler", Verdict.UNDECIDED, "auth.identity-invented"),
        ("cloud", Verdict.UNDECIDED, "auth.identity-invented"),
        ("no database", Verdict.UNDECIDED, "auth.identity-invented"),
        ("role", Verdict.READY, None),
        ("full", Verdict.BLOCKED, "postgresql.too-many-connections"),
    ],
)
def test_what_german_says_to_an_invented_user(name: str, verdict: Verdict, code: str | None) -> None:
    report = expect(asked(postgresql.server(says(name))), verdict, code)
    if code == "auth.identity-invented":
        found = finding_of(report)
        assert (found.fix, found.also, found.owner) == (None, (), Owner.OPERATOR)
        assert "names no user and no database, so scanready used scanready_probe and postgres" in found.detail
        assert "In the inventory, give this target a credential" in found.cause.remedy


@pytest.mark.parametrize("name", ["none", "rejects", "certificate", "ident", "no database", "pooler"])
def test_a_database_that_nobody_named_is_no_line_for_pg_hba(name: str) -> None:
    """The user is the operator's; what the server does with it in the scan's own database is not known."""
    for report in (
        asked(postgresql.server(says(name)), user="er"),
        asked(postgresql.server(says(name)), account("er")),
    ):
        expect(report, Verdict.UNDECIDED, "auth.identity-invented", step=Step.AUTH, owner=Owner.OPERATOR)
        assert finding_of(report).fix is None
        assert "(the inventory names no database, so scanready used postgres)" in finding_of(report).detail
        assert report.footprint.login_attempts == 0


@pytest.mark.parametrize("options", [{}, {"user": "er"}], ids=["nobody", "no database"])
def test_a_method_that_is_asked_of_an_invented_name_is_undecided(options: dict[str, Any]) -> None:
    report = asked(postgresql.server(AUTH_GSS), **options)
    expect(report, Verdict.UNDECIDED, "auth.identity-invented", step=Step.AUTH)
    assert finding_of(report).fix is None
    named = asked(postgresql.server(AUTH_GSS), user="er", database="hr")
    expect(named, Verdict.BLOCKED, "postgresql.method-not-password", fix="host hr er 127.0.0.1/32 scram-sha-256")


def test_a_credential_whose_user_only_other_agents_know_is_an_invented_user() -> None:
    report = asked(postgresql.server(says("rejects")), Credential("svc", "").without_secrets())
    expect(report, Verdict.UNDECIDED, "auth.identity-invented", step=Step.AUTH)
    assert "scanready used scanready_probe and postgres" in finding_of(report).detail
    option = asked(postgresql.server(says("rejects")), Credential("svc", "").without_secrets(), user="er")
    assert "scanready_probe" not in finding_of(option).detail


def test_connect_revoked_limits_without_a_password_as_with_one() -> None:
    report = asked(postgresql.server(says("connect")), user="er", database="payroll")
    expect(report, Verdict.LIMITED, "access.denied", fix='GRANT CONNECT ON DATABASE "payroll" TO "er";')


def after_the_password(answer: bytes, *, drips: bool = False) -> Behaviour:
    """Ask for SCRAM at the first connection and for the password in clear at the second, and answer it."""
    connections = iter([postgresql.AUTH_SASL])

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while (length := int.from_bytes(await reader.readexactly(4))) == 8:
            await reader.readexactly(4)
            writer.write(b"N")
        await reader.readexactly(length - 4)
        asks = next(connections, postgresql.AUTH_CLEARTEXT)
        writer.write(asks)
        if asks == postgresql.AUTH_SASL:
            await reader.read(1)
            return
        await reader.readexactly(1)
        record.count("passwords")
        await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
        writer.write(answer)
        await misbehave.swallow(reader) if not drips else await drip(writer)

    return behaviour


async def drip(writer: Writer) -> None:
    while True:
        writer.write(b"\0")
        await writer.drain()
        await asyncio.sleep(0.05)


def logged_in(behaviour: Behaviour, timeout: float = PLENTY, **options: Any) -> tuple[Report, int]:
    with in_background(behaviour) as server:
        where = target("postgresql", "127.0.0.1", server.port, account("er"), database="hr", **options)
        return climb(where, timeout=timeout, canary=False), server.counts["passwords"]


def test_a_server_that_changes_its_mind_does_not_get_the_password_in_clear() -> None:
    report, passwords = logged_in(after_the_password(b""))
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert passwords == 0


CLEAR, SALTED = b"R\0\0\0\x08\0\0\0\3", b"R\0\0\0\x0c\0\0\0\5salt"


@pytest.mark.parametrize("requests", [(CLEAR, CLEAR), (SALTED, SALTED), (SALTED, CLEAR)])
def test_a_server_that_asks_again_does_not_get_the_password_twice(requests: tuple[bytes, bytes]) -> None:
    """libpq would answer each request, and each salt is one more hash to guess by."""
    first, second = requests

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while int.from_bytes((await reader.readexactly(8))[4:]) in (80877103, 80877104):
            writer.write(b"N")
        await reader.readuntil(b"\0\0")
        writer.write(first)
        while await reader.readexactly(1) == b"p":
            await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
            record.count("passwords")
            writer.write(second)

    report, passwords = logged_in(behaviour, allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
    assert "asks for the password again" in check_of(report, Step.LOGIN).summary
    assert passwords == 1
    assert report.footprint.login_attempts == 1


# In the words that the German server had for them. libpq reports no SQLSTATE here; the relay reads it.
@pytest.mark.parametrize(
    ("state", "words", "code", "owner"),
    [
        ("28P01", "Passwort-Authentifizierung für Benutzer »er« fehlgeschlagen", "login.refused", Owner.IDENTITY),
        ("28P01", "nein", "login.refused", Owner.IDENTITY),
        ("28000", "Rolle »er« hat keine Berechtigung zum Einloggen", "login.refused", Owner.IDENTITY),
        ("53300", "die verbleibenden Verbindungen sind reserviert", "postgresql.too-many-connections", Owner.DATABASE),
        ("53200", "Speicher aufgebraucht", "postgresql.server-error", Owner.DATABASE),
        ("XX000", "Tenant or user not found", "postgresql.session-refused", Owner.DATABASE),
        ("57P03", "das Datenbanksystem fährt herunter", "postgresql.not-accepting", Owner.DATABASE),
    ],
)
def test_only_what_names_the_user_is_held_against_the_password(state: str, words: str, code: str, owner: Owner) -> None:
    fields = f"SSCHWERWIEGEND\0VFATAL\0C{state}\0M{words}\0\0".encode()
    refusal = b"E" + struct.pack(">I", len(fields) + 4) + fields
    report, passwords = logged_in(after_the_password(refusal), allow_cleartext=True)
    verdict = Verdict.UNDECIDED if code == "postgresql.server-error" else Verdict.BLOCKED
    expect(report, verdict, code, step=Step.LOGIN, owner=owner)
    assert passwords == 1


def test_a_database_that_does_not_exist_in_german() -> None:
    fields = "SSCHWERWIEGEND\0VFATAL\0C3D000\0MDatenbank »hr« existiert nicht\0\0".encode()
    refusal = b"E" + struct.pack(">I", len(fields) + 4) + fields
    report, _ = logged_in(after_the_password(refusal), allow_cleartext=True)
    expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS, owner=Owner.OPERATOR)


def test_a_pooler_may_refuse_a_database_that_nobody_named() -> None:
    refusal = error(b"FATAL", b"58000", b'No pool configured for database: "postgres", user: "x"')
    for database, verdict, code in (
        (None, Verdict.UNDECIDED, "auth.identity-invented"),
        ("hr", Verdict.BLOCKED, "postgresql.session-refused"),
    ):
        options = {"database": database} if database else {}
        with in_background(after_the_password(refusal)) as server:
            where = target("postgresql", "127.0.0.1", server.port, account("er"), allow_cleartext=True, **options)
            report = climb(where, canary=False)
            assert server.counts["passwords"] == 1
        expect(report, verdict, code, step=Step.LOGIN)
        assert report.footprint.login_attempts == 1


# AuthenticationOk and ReadyForQuery (PostgreSQL documentation, "Message Formats").
OPEN = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"
# The start of a row description that never ends.
NEVER_WHOLE = b"T\0\0\x7f\xff\0\x01"


@pytest.mark.parametrize(
    ("answer", "drips", "code"),
    [
        (OPEN, False, "scanready.out-of-time"),
        (OPEN + NEVER_WHOLE, True, "scanready.out-of-time"),
        (b"E\0\0\x70\0", True, "login.too-slow"),
        (b"", False, "login.too-slow"),
    ],
)
def test_a_server_that_never_ends_holds_no_login_thread(answer: bytes, drips: bool, code: str) -> None:
    report, _ = logged_in(after_the_password(answer, drips=drips), timeout=WAIT, allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, code)
    assert logins_end()


def test_ssh_on_the_port_is_named() -> None:
    report = asked(misbehave.says(ssh.BANNER_9_2))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", owner=Owner.OPERATOR)
    assert "SSH" in check_of(report, Step.HANDSHAKE).summary


# poolers ----------------------------------------------------------------------------------------------------------


def error(severity: bytes, code: bytes, message: bytes, detail: bytes = b"") -> bytes:
    """An ErrorResponse as poolers send it: few fields."""
    fields = [b"S" + severity, b"C" + code, b"M" + message, *([b"D" + detail] if detail else [])]
    body = b"\0".join(fields) + b"\0\0"
    return b"E" + struct.pack(">I", len(body) + 4) + body


@pytest.mark.parametrize("credential", [None, account("er")], ids=["nobody", "er"])
@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        (b"08P01", b"no more connections allowed (max_client_conn)", "postgresql.too-many-connections"),
        (b"53300", b"Sorry, too many clients already", "postgresql.too-many-connections"),
        (
            b"08P01",
            b"server login has been failing, try again later (server_login_retry)",
            "postgresql.backend-unavailable",
        ),
        (b"08P01", b"pgbouncer cannot connect to server", "postgresql.backend-unavailable"),
        (
            b"XX000",
            b"all backend nodes are down, pgpool requires at least one valid node",
            "postgresql.backend-unavailable",
        ),
        (b"XX000", b"unable to connect to backend", "postgresql.backend-unavailable"),
    ],
    ids=["pgbouncer-full", "pgpool-full", "pgbouncer-retry", "pgbouncer-dead", "pgpool-dead", "pgpool-no-backend"],
)
def test_the_state_of_a_pooler_whoever_asks(
    credential: Credential | None, code: bytes, message: bytes, cause: str
) -> None:
    report = asked(postgresql.server(error(b"FATAL", code, message)), credential, database="hr")
    expect(report, Verdict.BLOCKED, cause, step=Step.AUTH, owner=Owner.DATABASE)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"28000", b"This RDS proxy has no credentials for the role er."),
        (b"28000", b'No valid auth.host_based.config entry found for host "127.0.0.1", user "er", protocol "pg".'),
        (b"28000", b"user er does not have login privilege"),
        (b"28P01", b'password authentication failed for user "er"'),
    ],
    ids=["RDS Proxy", "CrateDB", "CockroachDB", "a pooler without that user"],
)
def test_no_password_is_wrong_that_nobody_asked_for(code: bytes, message: bytes) -> None:
    """Proxies and look-alikes refuse so in the place of a prompt; PostgreSQL's own errors name the routine."""
    report = asked(postgresql.server(error(b"FATAL", code, message)), account("er"), database="hr")
    expect(report, Verdict.BLOCKED, "postgresql.session-refused", step=Step.AUTH, owner=Owner.DATABASE)
    assert message.decode() in finding_of(report).detail
    assert report.footprint.login_attempts == 0


def test_a_role_that_may_not_log_in_is_the_accounts_matter() -> None:
    """With "trust" there is no prompt, and PostgreSQL says where it failed (miscinit.c)."""
    refusal = error(b"FATAL", b"28000", b'role "er" is not permitted to log in\0RInitializeSessionUserId')
    report = asked(postgresql.server(refusal), account("er"), database="hr")
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.AUTH, owner=Owner.IDENTITY)


def test_an_sqlstate_of_no_class_is_undecided_and_told() -> None:
    refusal = error(b"FATAL", b"ZZZZZ", b"something new")
    report = asked(postgresql.server(refusal), account("er"), database="hr")
    expect(report, Verdict.UNDECIDED, "postgresql.server-error", step=Step.AUTH, owner=Owner.DATABASE)
    assert check_of(report, Step.AUTH).summary == "something new (SQLSTATE ZZZZZ)"
    report = asked(postgresql.server(refusal), user="er", database="hr")
    expect(report, Verdict.UNDECIDED, "postgresql.server-error", step=Step.AUTH)


@pytest.mark.parametrize("credential", [None, account("er")], ids=["nobody", "er"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"ZZ999", b"quantum flux"),
        (b"53200", b"out of memory"),
        (b"0A000", b"unsupported frontend protocol 3.0: server supports 1.0 to 2.0"),
        (b"XX000", b"something new"),
        (b"58030", b"could not read file"),
        (b"08P01", b"something new"),
        (b"22023", b"unrecognized configuration parameter"),
    ],
    ids=["unknown", "memory", "protocol", "internal", "disk", "pooler", "parameter"],
)
def test_an_error_that_is_not_about_the_user_is_undecided_whoever_asks(
    credential: Credential | None, code: bytes, message: bytes
) -> None:
    """Naming an account would not change it."""
    report = asked(
        postgresql.server(error(b"FATAL", code, message)), credential, **({"database": "hr"} if credential else {})
    )
    expect(report, Verdict.UNDECIDED, "postgresql.server-error", step=Step.AUTH, owner=Owner.DATABASE)
    assert f"{message.decode()} (SQLSTATE {code.decode()})" in finding_of(report).detail
    assert report.footprint.login_attempts == 0


@pytest.mark.parametrize("credential", [None, account("er")], ids=["nobody", "er"])
@pytest.mark.parametrize(
    ("code", "message", "cause", "step"),
    [
        (b"XX000", b"Max client connections reached", "postgresql.too-many-connections", Step.AUTH),
        (
            b"XX000",
            b"MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size",
            "postgresql.too-many-connections",
            Step.AUTH,
        ),
        (b"08P01", b"the pooler is shut down", "postgresql.not-accepting", Step.AUTH),
        (b"08P01", b"SSL required", "tls.required", Step.TLS),
        (b"28000", b"node is running secure mode, SSL connection required", "tls.required", Step.TLS),
        (b"28000", b"SSL connection is required. Please specify SSL options and retry.", "tls.required", Step.TLS),
    ],
    ids=["supavisor", "supavisor-session", "pgbouncer-down", "pgbouncer-tls", "cockroachdb-tls", "azure-tls"],
)
def test_known_words_decide_whoever_asks(
    credential: Credential | None, code: bytes, message: bytes, cause: str, step: Step
) -> None:
    report = asked(postgresql.server(error(b"FATAL", code, message)), credential)
    expect(report, Verdict.BLOCKED, cause, step=step)


@pytest.mark.parametrize(
    "message",
    [
        b"no such user: er",
        b"auth failed",
        b"database does not allow connections: hr",
        b"unsupported startup parameter: extra_float_digits",
        b"Tenant or user not found",
        b'No pool configured for database: "hr", user: "er"',
        b"odyssey: c1: route for 'hr.er' is not found",
        b"Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) for SNI support",
    ],
)
def test_known_words_of_poolers_refuse_a_named_user_only(message: bytes) -> None:
    refusal = postgresql.server(error(b"FATAL", b"XX000", message))
    report = asked(refusal, account("er"), database="hr")
    expect(report, Verdict.BLOCKED, "postgresql.session-refused", step=Step.AUTH, owner=Owner.DATABASE)
    expect(asked(refusal), Verdict.UNDECIDED, "auth.identity-invented", step=Step.AUTH, owner=Owner.OPERATOR)


def test_a_server_that_cannot_fork_is_undecided() -> None:
    """Such a server answers SSLRequest in the format from before protocol 3."""

    async def cannot_fork(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readexactly(8)
        writer.write(b"Ecould not fork new process for connection: Cannot allocate memory\n\0")

    for credential in (None, account("er")):
        report = asked(cannot_fork, credential)
        expect(report, Verdict.UNDECIDED, "postgresql.server-error", step=Step.AUTH, owner=Owner.DATABASE)
        assert "Cannot allocate memory" in finding_of(report).detail


@pytest.mark.parametrize("mechanism", [b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256X", b"SCRAM-SHA-512"])
def test_a_mechanism_that_cannot_be_answered_is_not_ready(mechanism: bytes) -> None:
    """Channel binding needs TLS, which this server does not offer; the other two mechanisms do not exist."""
    body = struct.pack(">I", 10) + mechanism + b"\0\0"
    prompt = postgresql.server(b"R" + struct.pack(">I", len(body) + 4) + body)
    for credential in (None, account("er")):
        report = asked(prompt, credential)
        assert report.verdict is Verdict.UNDECIDED
        assert mechanism.decode() in finding_of(report).detail
        assert report.footprint.login_attempts == 0


def test_channel_binding_inside_tls_is_ready() -> None:
    expect(asked(postgresql.server(postgresql.AUTH_SASL_BOUND, tls=True)), Verdict.READY)
    bound = postgresql.AUTH_SASL_BOUND.replace(b"SCRAM-SHA-256\0\0", b"\0").replace(b"\x2a", b"\x1c")
    expect(asked(postgresql.server(bound, tls=True)), Verdict.READY)


def test_a_system_error_of_the_first_query_is_no_other_product() -> None:
    report = asked(admitting(error(b"ERROR", b"53200", b"out of memory") + READY))
    expect(report, Verdict.UNDECIDED, "postgresql.server-error", step=Step.AUTH, owner=Owner.DATABASE)


def test_a_poolers_detail_is_told() -> None:
    """pgpool2's, captured: its message is the same for every reason."""
    refusal = error(b"FATAL", b"XX000", b"SCRAM authentication failed", b'pool_passwd file has no entry for "er"')
    report = asked(postgresql.server(refusal), account("er"), database="hr")
    expect(report, Verdict.BLOCKED, "postgresql.session-refused", step=Step.AUTH)
    assert 'pool_passwd file has no entry for "er"' in check_of(report, Step.AUTH).summary


READY = b"Z" + struct.pack(">I", 5) + b"I"
AUTH_OK = b"R" + struct.pack(">II", 8, 0)


def admitting(answer: bytes) -> Behaviour:
    """Let everybody in, and answer each query so; a FATAL ends the session."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        try:
            while (size := struct.unpack(">I", await reader.readexactly(4))[0]) == 8:
                await reader.readexactly(4)
                writer.write(b"N")
            await reader.readexactly(size - 4)
            writer.write(AUTH_OK + READY)
            while (await reader.readexactly(1)) == b"Q":
                await reader.readexactly(struct.unpack(">I", await reader.readexactly(4))[0] - 4)
                writer.write(answer)
                if b"SFATAL" in answer:
                    return
        except asyncio.IncompleteReadError:
            return

    return behaviour


@pytest.mark.parametrize(
    ("answer", "verdict", "code", "owner"),
    [
        (
            error(b"FATAL", b"08P01", b"query_wait_timeout"),
            Verdict.BLOCKED,
            "postgresql.backend-unavailable",
            Owner.DATABASE,
        ),
        (
            error(b"ERROR", b"08P01", b"transaction blocks not allowed in statement pooling mode") + READY,
            Verdict.UNDECIDED,
            "scanready.limit",
            Owner.SCANREADY,
        ),
        # ReadyForQuery and nothing before it: PGlite's answer to a part of the extended protocol.
        (READY, Verdict.UNDECIDED, "scanready.limit", Owner.SCANREADY),
        (error(b"ERROR", b"XX001", b"invalid page") + READY, Verdict.LIMITED, "postgresql.read-failed", Owner.DATABASE),
        (error(b"ERROR", b"ZZZZZ", b"new") + READY, Verdict.UNDECIDED, "postgresql.server-error", Owner.DATABASE),
        (error(b"ERROR", b"53200", b"memory") + READY, Verdict.UNDECIDED, "postgresql.server-error", Owner.DATABASE),
        (error(b"FATAL", b"57P05", b"idle") + READY, Verdict.UNDECIDED, "postgresql.server-error", Owner.DATABASE),
    ],
    ids=[
        *("no-connection-left", "statement-pooling", "no-result", "the-databases-own", "of-no-class"),
        *("out-of-memory", "ended"),
    ],
)
def test_what_fails_after_the_login(answer: bytes, verdict: Verdict, code: str, owner: Owner) -> None:
    report = asked(admitting(answer), account("er"), database="hr")
    expect(report, verdict, code, step=Step.ACCESS, owner=owner)


@pytest.mark.parametrize(
    "answer", [READY, b"C" + struct.pack(">I", 13) + b"SELECT 0\0" + READY], ids=["nothing", "done"]
)
def test_a_named_table_at_a_server_without_results_is_our_limit(answer: bytes) -> None:
    report = asked(admitting(answer), account("er"), database="hr", table="people")
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS, owner=Owner.SCANREADY)
    assert "SQLSTATE" not in check_of(report, Step.ACCESS).summary


def test_every_query_is_a_simple_one() -> None:
    """Some servers know the extended protocol badly: the values are in the text, and no message is a Parse."""
    row = b"D" + struct.pack(">IHi", 11, 1, 1) + b"x"
    done = b"T" + struct.pack(">IH", 26, 1) + b"v\0" + struct.pack(">IHIhih", 0, 0, 25, -1, -1, 0) + row
    done += b"C" + struct.pack(">I", 13) + b"SELECT 1\0" + READY
    with in_background(admitting(done)) as server:
        climb(target("postgresql", "127.0.0.1", server.port, account("er"), database="hr"))
        server.wait(2)
        received = server.connections[-1].received
    asked = received.partition(b"BEGIN READ ONLY\0")[2]
    assert re.search(rb"Q....\s*SELECT set_config\(.*'\d+'", asked, re.DOTALL), received
    assert re.fullmatch(rb"(?:Q....[^\0]*\0|X....)+", asked, re.DOTALL), received


def test_silence_after_the_password_is_the_servers() -> None:
    """PgBouncer keeps silent there while it has no server for the database."""

    async def keeps_silent(reader: Reader, writer: Writer, record: Record) -> None:
        while (size := struct.unpack(">I", await reader.readexactly(4))[0]) == 8:
            await reader.readexactly(4)
            writer.write(b"N")
        await reader.readexactly(size - 4)
        writer.write(b"R" + struct.pack(">II", 12, 5) + b"salt")
        await reader.read(-1)

    with in_background(keeps_silent) as server:
        where = target("postgresql", "127.0.0.1", server.port, account("er"), database="hr")
        report = climb(where, timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "login.too-slow", step=Step.LOGIN, owner=Owner.SERVER)
    assert report.footprint.login_attempts == 1


def test_a_refusal_in_the_place_of_an_answer_about_tls() -> None:
    """pgpool2 when it is full says so to the request for TLS: TLS is not what failed."""

    async def full(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readexactly(8)
        writer.write(error(b"FATAL", b"53300", b"Sorry, too many clients already"))

    report = asked(full, account("er"), database="hr")
    expect(report, Verdict.BLOCKED, "postgresql.too-many-connections", step=Step.AUTH, owner=Owner.DATABASE)
    assert report.reached is Step.HANDSHAKE
    assert check_of(report, Step.TLS).outcome is Outcome.SKIPPED
