"""MySQL's target type against servers made of literal bytes: what no real server at hand can be brought to say."""

from __future__ import annotations

import asyncio
import resource
import ssl
import sys
import warnings
from itertools import cycle
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, in_background, misbehave, secure, serve
from fixtures.emulators import mysql as emulated
from fixtures.emulators.certificates import Authority
from scanready.causes import common
from scanready.climb import farewells, run_context
from scanready.model import Outcome, Owner, Report, Step, Target, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from scanready.targets.mysql import login
from tests.interrupted import cancelled, out_of_time
from tests.ladder import WAIT, account, check_of, climb, expect, finding_of, passed, story, target

SCAN = account("scan")

#: An AuthSwitchRequest from the protocol's documentation; its number is filled in later.
SWITCH = b"\xfe%b\0abcdefghijklmnopqrst\0"
#: A greeting of protocol 9, written from the documentation: version, thread number, an eight-byte salt.
PROTOCOL_9 = b"\x19\0\0\0\x093.20.32a-log\0\x07\0\0\0sa1tsa1t\0"


def here(port: int, user: str | None = None, **options: Any) -> Target:
    return target("mysql", "127.0.0.1", port, account(user) if user else None, **options)


def ask(behaviour: Behaviour, user: str | None = None, *, depth: Step = Step.ACCESS, **options: Any) -> Report:
    """Climb once; whatever the outcome, the server has seen nothing that it would hold against us."""
    with in_background(behaviour) as server:
        report = climb(here(server.port, user, **options), depth=depth)
        server.wait()
    assert server.offences == {}, story(report)
    return report


def switching(*plugins: bytes, greeting: bytes = emulated.GREETING_10_11_PLAIN) -> Behaviour:
    """A server that asks for one plugin after another, keeps the answers in ``received``, and refuses."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(greeting)
        refused = False
        try:
            sequence, _ = await packet(reader)
            for plugin in plugins:
                writer.write(numbered(sequence + 1, SWITCH % plugin))
                sequence, _ = await packet(reader)
            writer.write(numbered(sequence + 1, emulated.ERR_1045[4:]))
            refused = True
        finally:
            if not refused:
                record.offence("aborted")

    return behaviour


async def packet(reader: Reader) -> tuple[int, bytes]:
    head = await reader.readexactly(4)
    return head[3], await reader.readexactly(int.from_bytes(head[:3], "little"))


def numbered(sequence: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


# The prompt -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "product", "version", "methods"),
    [
        (emulated.mariadb_10_11, "MariaDB", "10.11.19", ["mysql_native_password"]),
        (emulated.mariadb_10_11_without_tls, "MariaDB", "10.11.19", ["mysql_native_password"]),
        (emulated.mariadb_11_8, "MariaDB", "11.8.6", ["mysql_native_password"]),
        (emulated.mysql_8, None, "8.0.39", ["caching_sha2_password"]),
        (emulated.mysql_8_requires_tls, None, "8.0.39", ["caching_sha2_password"]),
    ],
)
def test_ready(behaviour: Behaviour, product: str | None, version: str, methods: list[str]) -> None:
    report = expect(ask(behaviour), Verdict.READY)
    assert report.facts.get("product") == product  # a number names no product
    assert report.facts["version"].startswith(version)
    assert report.facts["auth_methods"] == methods
    assert (report.footprint.connections, report.footprint.probe_logins) == (1, 1)


def test_another_plugin_is_told_and_answered_empty() -> None:
    report = expect(ask(emulated.auth_switch), Verdict.READY)  # to the same plugin, with another salt
    assert report.facts["auth_methods"] == ["mysql_native_password"]
    report = expect(ask(switching(b"auth_gssapi_client", b"dialog")), Verdict.READY)
    assert report.facts["auth_methods"] == ["mysql_native_password", "auth_gssapi_client", "dialog"]


def test_a_server_that_never_stops_asking_for_plugins() -> None:
    with in_background(switching(*[b"dialog"] * 50)) as server:
        report = climb(here(server.port))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.AUTH)


def test_an_anonymous_account_is_told_and_left_with_quit() -> None:
    report = expect(ask(emulated.anonymous_account), Verdict.READY)
    assert report.facts["anonymous"] is True
    assert check_of(report, Step.AUTH).outcome is Outcome.PASSED


def test_names_that_come_as_bytes_are_shown_as_text() -> None:
    """This answer's column has the character set binary, as names have in some relatives of MySQL."""
    report = ask(emulated.anonymous_account, "scan")
    assert report.facts["databases"] == ["@localhost"]
    assert "b'" not in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize(
    ("named", "proven"),
    [(b"scan@%", True), (b"@localhost", False), (b"@", False), (b"skip-grants user@skip-grants host", False)],
)
def test_a_server_that_names_no_account_proves_none(named: bytes, proven: bool) -> None:
    behaviour = emulated.server(emulated.GREETING_10_11_PLAIN, verdict=emulated.OK, statement=emulated.result(named))
    report = ask(behaviour, "scan")
    assert check_of(report, Step.LOGIN).facts["account_proven"] is proven


def test_an_error_that_is_not_about_the_account_is_undecided() -> None:
    def says(code: int) -> Behaviour:
        error = b"\xff" + code.to_bytes(2, "little") + b"#HY000Max connect timeout reached"
        return emulated.server(emulated.GREETING_10_11_PLAIN, verdict=numbered(2, error))

    report = ask(says(9001))  # ProxySQL, its backends being down
    expect(report, Verdict.UNDECIDED, "mysql.server-error", step=Step.AUTH, owner=Owner.DATABASE)
    for number in (9001, 65535):
        report = ask(says(number), "scan")
        expect(report, Verdict.UNDECIDED, "mysql.server-error", step=Step.LOGIN)
        assert report.facts["error_code"] == number
        assert f"error {number}" in check_of(report, Step.LOGIN).summary
    expect(ask(says(3955), "scan"), Verdict.BLOCKED, "login.locked", step=Step.LOGIN, owner=Owner.IDENTITY)
    expect(ask(says(1862), "scan"), Verdict.BLOCKED, "login.expired", step=Step.LOGIN, owner=Owner.IDENTITY)


@pytest.mark.parametrize(
    ("number", "words", "verdict"),
    [
        (9000, "Client with IP address '10.0.0.1' is not allowed to connect to this MySQL server.", Verdict.UNDECIDED),
        (5160, "invalid tenant name", Verdict.UNDECIDED),
        (7001, "Access denied for user 'scanready_probe'", Verdict.READY),
        (7002, "authentication failed", Verdict.READY),
    ],
)
def test_a_gateway_that_refuses_the_address_has_judged_no_login(number: int, words: str, verdict: Verdict) -> None:
    """SQLSTATE 28000 comes from gateways of clouds, too, with numbers of their own."""
    error = b"\xff" + number.to_bytes(2, "little") + b"#28000" + words.encode()
    report = ask(emulated.server(emulated.GREETING_10_11_PLAIN, verdict=numbered(2, error)))
    expect(report, verdict, "mysql.server-error" if verdict is Verdict.UNDECIDED else None)
    assert words in check_of(report, Step.AUTH).summary


def instead_of_tls(answer: bytes) -> Behaviour:
    """A server that offers TLS, and answers the request for it so; it ends the session itself."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(emulated.GREETING_10_11)
        await packet(reader)
        writer.write(answer)
        await misbehave.swallow(reader)

    return behaviour


@pytest.mark.parametrize("user", [None, "scan"])
@pytest.mark.parametrize(
    ("number", "words", "verdict", "code"),
    [
        (1040, "Too many connections", Verdict.BLOCKED, "mysql.too-many-connections"),
        (2026, "SSL connection error: SSL_CTX not configured", Verdict.UNDECIDED, "mysql.server-error"),
        (1043, "Bad handshake", Verdict.UNDECIDED, "mysql.server-error"),
    ],
)
def test_an_error_instead_of_tls_is_the_servers_own_word(
    number: int, words: str, verdict: Verdict, code: str, user: str | None
) -> None:
    error = numbered(2, b"\xff" + number.to_bytes(2, "little") + b"#08S01" + words.encode())
    report = ask(instead_of_tls(error), user)
    expect(report, verdict, code, owner=Owner.DATABASE)
    assert finding_of(report).detail == f"{words} (error {number})"
    assert (report.footprint.login_attempts, report.footprint.probe_logins) == (0, 0)


@pytest.mark.parametrize("user", [None, "scan"])
def test_an_answer_in_clear_that_is_no_error_is_no_tls(user: str | None) -> None:
    report = ask(instead_of_tls(numbered(2, b"\0\0\0\2\0\0\0")), user)
    expect(report, Verdict.BLOCKED, "tls.not-offered", step=Step.TLS)


@pytest.mark.parametrize("user", [None, "scan"])
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (9002, "SSL connection is required. Please specify SSL options and retry."),  # Azure
        (1105, "Connections using insecure transport are prohibited."),  # TiDB Cloud
        (2012, "server does not allow insecure connections, client must use SSL/TLS"),  # Vitess
    ],
)
def test_a_gateway_that_wants_tls_says_so_with_a_number_of_its_own(number: int, words: str, user: str | None) -> None:
    error = b"\xff" + number.to_bytes(2, "little") + b"#HY000" + words.encode()
    report = ask(emulated.server(emulated.GREETING_10_11_PLAIN, verdict=numbered(2, error)), user)
    expect(report, Verdict.BLOCKED, "tls.required", step=Step.TLS, owner=Owner.SERVER)
    assert words in finding_of(report).detail


def test_the_fix_of_a_login_that_is_turned_away_has_the_servers_word_for_the_agent() -> None:
    error = b"\xff\x6a\x04#HY000Host 'as-it-sees-us' is not allowed to connect to this MySQL server"
    report = ask(emulated.server(emulated.GREETING_10_11_PLAIN, verdict=numbered(2, error)), "scan")
    expect(report, Verdict.BLOCKED, "mysql.host-not-allowed", fix="CREATE USER 'scan'@'127.0.0.1'")


def test_tls_demanded_and_not_to_be_had() -> None:
    behaviour = emulated.server(emulated.GREETING_10_11_PLAIN, require_tls=True)
    for user in (None, "scan"):
        expect(ask(behaviour, user), Verdict.BLOCKED, "tls.required", step=Step.TLS, owner=Owner.SERVER)


def test_a_server_with_old_tls_only_is_limited_and_not_hung_up_on() -> None:
    context = Authority().context()  # one of our own: it is changed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(emulated.GREETING_10_11)
        await packet(reader)
        reader, writer = await secure(reader, writer, record, context)
        sequence, _ = await packet(reader)
        writer.write(numbered(sequence + 1, emulated.ERR_1045[4:]))
        record.count("refused")

    with in_background(behaviour) as server:
        reports = [climb(here(server.port)), climb(here(server.port, "scan"))]
        server.wait(2)
    expect(reports[0], Verdict.LIMITED, "tls.version", step=Step.TLS, owner=Owner.SERVER)
    expect(reports[1], Verdict.BLOCKED, "login.refused", step=Step.LOGIN)
    assert [report.facts["tls"] for report in reports] == ["TLSv1", "TLSv1"]
    assert server.counts["refused"] == 2
    assert server.offences == {}


def test_a_slow_greeting_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanready.targets.mysql.connection.SLOW_GREETING", -1.0)  # less than a tick of any clock
    assert "skip_name_resolve" in check_of(ask(emulated.mariadb_10_11), Step.HANDSHAKE).summary


# In place of a greeting -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "code", "fix"),
    [
        (emulated.host_not_allowed, "mysql.host-not-allowed", "CREATE USER 'scan'@'127.0.0.1' IDENTIFIED BY '...'"),
        (emulated.host_blocked, "mysql.host-blocked", "FLUSH HOSTS"),
        (emulated.too_many_connections, "mysql.too-many-connections", None),
    ],
)
def test_turned_away(behaviour: Behaviour, code: str, fix: str | None) -> None:
    report = ask(behaviour, "scan")
    expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE, owner=Owner.DATABASE, fix=fix)
    assert report.footprint.login_attempts == report.footprint.probe_logins == 0


def test_protocol_9() -> None:
    report = ask(misbehave.says(PROTOCOL_9))
    expect(report, Verdict.BLOCKED, "mysql.ancient-protocol", step=Step.HANDSHAKE, owner=Owner.DATABASE)
    assert "3.20.32a" in finding_of(report).detail


def test_names_that_would_break_out_of_the_fix_are_quoted() -> None:
    report = ask(emulated.host_not_allowed, "o'h\\", database="a`b")
    fix = "CREATE USER 'o''h\\\\'@'127.0.0.1' IDENTIFIED BY '...'; GRANT SELECT ON `a``b`.* TO 'o''h\\\\'@'127.0.0.1';"
    expect(report, Verdict.BLOCKED, "mysql.host-not-allowed", fix=fix)


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (misbehave.silent, "handshake.silent"),
        (misbehave.closes_at_once, "handshake.hung-up"),
        (misbehave.resets, "handshake.hung-up"),
        (misbehave.half_open, "handshake.hung-up"),
        (misbehave.says(b"SSH-2.0-OpenSSH_9.2\r\n"), "handshake.other-protocol"),
        (misbehave.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "handshake.other-protocol"),
        (misbehave.says(b"\x05\0\0\0\x0b\x08\x05\x1a\0"), "handshake.other-protocol"),  # the X Protocol
        (misbehave.says(misbehave.ABSURD_LENGTHS["mysql"]), "handshake.malformed"),
        (misbehave.says_and_closes(emulated.GREETING_10_11[:40]), "handshake.malformed"),
    ],
)
def test_peers_that_are_no_mysql(behaviour: Behaviour, code: str) -> None:
    with in_background(behaviour) as server:
        report = climb(here(server.port), timeout=WAIT)
        server.wait()
    expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE)
    assert [record.received for record in server.connections] == [b""], "not a byte is sent to a stranger"


@pytest.mark.parametrize("user", [None, "scan"])
@pytest.mark.parametrize(
    "spoken", [b"", emulated.OK, b"\x01\0\0\x02\xfe", b"\xff\xff\xff\x02\xff", b"\x15\x03\x01\0\x02"]
)
def test_peers_that_fail_after_the_greeting(spoken: bytes, user: str | None) -> None:
    """Silence, nonsense and floods: the deadline holds, memory stays bounded, nothing escapes untranslated."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(emulated.GREETING_10_11_PLAIN)
        await packet(reader)
        writer.write(spoken)
        while await reader.read(1024):
            writer.write(spoken)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with in_background(behaviour) as server:
        report = climb(here(server.port, user), timeout=WAIT)
    assert report.finding is None or report.finding.cause.code != "scanready.bug", story(report)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


# With a credential ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
def test_a_password_in_clear_is_withheld_and_the_exchange_finished(plugin: bytes) -> None:
    with in_background(switching(plugin)) as server:
        report = climb(here(server.port, "scan"))
        server.wait()
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert server.offences == {}
    assert b"Passw0rd!" not in server.connections[0].received
    assert (report.footprint.login_attempts, report.footprint.probe_logins) == (1, 0)


def test_a_password_in_clear_that_is_allowed() -> None:
    with in_background(switching(b"mysql_clear_password")) as server:
        report = climb(here(server.port, "scan", allow_cleartext=True))
        server.wait()
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN)
    assert b"Passw0rd!\0" in server.connections[0].received


@pytest.mark.parametrize("at_once", [True, False], ids=["the server's default plugin", "another plugin"])
@pytest.mark.parametrize("plugin", [b"sha256_password", b"caching_sha2_password"])
@pytest.mark.parametrize("allowed", [True, False])
def test_a_password_goes_to_the_key_that_a_server_shows_only_with_leave(
    plugin: bytes, at_once: bool, allowed: bool
) -> None:
    """Without TLS anybody between can show a key: nothing is asked for, and the exchange is finished."""
    thief = Thief(plugin, at_once)
    options = {"allow_cleartext": True} if allowed else {}
    with in_background(thief.behaviour) as server:
        report = climb(here(server.port, "scan", **options))
        server.wait()
    assert server.offences == {}
    assert report.footprint.login_attempts == 1
    if allowed:
        expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN)
        assert thief.decrypted == [b"Passw0rd!\0"], "the exchange is the one of pymysql"
    else:
        expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
        assert {"TLS", "`allow_cleartext:"} <= set(finding_of(report).detail.split())
        assert (thief.keys, thief.decrypted) == (0, [])
        assert thief.answers[-1] == b""


def test_an_account_in_the_servers_cache_needs_no_key() -> None:
    """The scramble of `caching_sha2_password` is a hash over the server's nonce; it leaves as before."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(emulated.GREETING_10_11_PLAIN)
        sequence, _ = await packet(reader)
        writer.write(numbered(sequence + 1, SWITCH % b"caching_sha2_password"))
        sequence, scramble = await packet(reader)
        assert len(scramble) == 32
        writer.write(numbered(sequence + 1, b"\1\3") + numbered(sequence + 2, emulated.ERR_1045[4:]))

    report = ask(behaviour, "scan")
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN)


class Thief:
    """A server made from the description of both exchanges, which opens what is encrypted to its key.

    ``keys`` counts the requests for the key; ``answers`` are the packets after the login, ``decrypted`` what they held.
    """

    def __init__(self, plugin: bytes, at_once: bool) -> None:
        self.keys, self.answers, self.decrypted = 0, list[bytes](), list[bytes]()
        self._plugin, self._at_once = plugin, at_once
        self._salt = b"abcdefghijklmnopqrst"
        self._key = rsa.generate_private_key(65537, 2048)

    async def behaviour(self, reader: Reader, writer: Writer, record: Record) -> None:
        """Ask for the plugin, in the greeting or by a switch, and go on to the full exchange."""
        writer.write(greeting_of(self._plugin, self._salt) if self._at_once else emulated.GREETING_10_11_PLAIN)
        sequence, login = await packet(reader)
        wants_key = b"\x01" if self._plugin == b"sha256_password" else b"\x02"
        if not self._at_once or self._plugin + b"\0" not in login:
            sequence, answer = await self._asked(reader, writer, sequence, SWITCH % self._plugin)
        else:
            answer = wants_key if wants_key == b"\x01" else b"scramble"
        if self._plugin == b"caching_sha2_password" and answer:
            sequence, answer = await self._asked(reader, writer, sequence, b"\1\4")
        if answer == wants_key:
            self.keys += 1
            shown = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            sequence, answer = await self._asked(reader, writer, sequence, b"\1" + shown)
            plain = self._key.decrypt(answer, OAEP(MGF1(SHA1()), SHA1(), None))  # the protocol's own choice
            self.decrypted.append(bytes(one ^ two for one, two in zip(plain, cycle(self._salt), strict=False)))
        writer.write(numbered(sequence + 1, emulated.ERR_1045[4:]))

    async def _asked(self, reader: Reader, writer: Writer, sequence: int, request: bytes) -> tuple[int, bytes]:
        writer.write(numbered(sequence + 1, request))
        sequence, answer = await packet(reader)
        self.answers.append(answer)
        return sequence, answer


def greeting_of(plugin: bytes, salt: bytes) -> bytes:
    """MariaDB's greeting without TLS, with another default plugin and salt (protocol documentation, HandshakeV10)."""
    payload = emulated.GREETING_10_11_PLAIN[4:].removesuffix(b"mysql_native_password\0")
    at = payload.index(b"\0", 1) + 1 + 4
    payload = payload[:at] + salt[:8] + payload[at + 8 : -13] + salt[8:] + b"\0" + plugin + b"\0"
    return numbered(0, payload)


@pytest.mark.parametrize(
    "plugin",
    [b"auth_gssapi_client", b"authentication_ldap_sasl_client", b"parsec", b"mysql_old_password", b"no such plugin"],
)
def test_a_plugin_that_pymysql_cannot_answer_is_our_limit(plugin: bytes) -> None:
    report = ask(switching(plugin), "scan")
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)
    assert plugin.decode() in finding_of(report).detail


def test_ed25519_without_pynacl_is_our_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nacl", None)
    report = ask(switching(b"client_ed25519"), "scan")
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
    assert "PyNaCl" in finding_of(report).detail


def test_without_pymysql_the_talk_is_still_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    report = ask(emulated.mariadb_10_11, "scan")
    expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN, owner=Owner.AGENT)
    assert report.footprint.probe_logins == 1


def test_whom_a_proxy_hangs_up_on_we_had_invented() -> None:
    """It may treat so everybody it does not know: that says nothing of the scan's own account."""
    with in_background(misbehave.says_and_closes(emulated.GREETING_10_11_PLAIN)) as server:
        report = climb(here(server.port))
    expect(report, Verdict.UNDECIDED, "auth.identity-invented", step=Step.AUTH, owner=Owner.OPERATOR)
    assert "scanready_probe" in finding_of(report).detail


def test_a_server_that_agrees_to_tls_and_falls_silent_has_spoken() -> None:
    """`handshake.silent` would send the network team after a database that greets."""
    with in_background(misbehave.says(emulated.GREETING_10_11)) as server:
        report = climb(here(server.port), timeout=WAIT)
        server.wait()
    assert report.verdict is Verdict.UNDECIDED, story(report)
    assert report.reached is Step.HANDSHAKE


def test_a_login_that_nobody_answers() -> None:
    async def closes(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(emulated.GREETING_10_11_PLAIN)
        await packet(reader)

    with in_background(closes) as server:
        report = climb(here(server.port, "scan"))
    expect(report, Verdict.BLOCKED, "mysql.login-broken-off", step=Step.LOGIN, owner=Owner.DATABASE)

    with in_background(misbehave.says(emulated.GREETING_10_11_PLAIN)) as server:
        report = climb(here(server.port, "scan"), timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "login.too-slow", step=Step.LOGIN)
    assert report.facts["aborted"] == 1


def accepting(*answers: bytes) -> Behaviour:
    """A server that accepts the login, answers each statement with the next of ``answers``, then closes."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(emulated.GREETING_10_11_PLAIN)
        sequence, _ = await packet(reader)
        writer.write(numbered(sequence + 1, emulated.OK[4:]))
        for answer in answers:
            _, statement = await packet(reader)
            record.received += statement
            writer.write(numbered(1, answer))
        await packet(reader)

    return behaviour


def error(code: int, words: bytes) -> bytes:
    return b"\xff" + code.to_bytes(2, "little") + b"#HY000" + words


@pytest.mark.parametrize("answers", [0, 1, 3])
def test_a_server_that_closes_after_it_accepted_the_login_did_not_refuse_it(answers: int) -> None:
    """The first statement is the library's own SET NAMES; the login is over before it."""
    with in_background(accepting(*[emulated.OK[4:]] * answers)) as server:
        report = climb(here(server.port, "scan"))
    expect(report, Verdict.UNDECIDED, "access.broken-off", step=Step.ACCESS, owner=Owner.SERVER)
    passed(report, Step.LOGIN)
    assert report.footprint.login_attempts == 1


def test_a_server_that_is_silent_after_it_accepted_the_login() -> None:
    async def silent(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(emulated.GREETING_10_11_PLAIN)
        sequence, _ = await packet(reader)
        writer.write(numbered(sequence + 1, emulated.OK[4:]))
        await misbehave.swallow(reader)

    with in_background(silent) as server:
        report = climb(here(server.port, "scan"), timeout=WAIT)
    passed(report, Step.LOGIN)
    assert report.verdict is Verdict.UNDECIDED, story(report)
    assert "max_connect_errors" not in check_of(report, Step.LOGIN).summary


@pytest.mark.parametrize("at", [0, 3, 5])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (9001, b"Max connect timeout reached while reaching hostgroup 0 after 10000ms"),
        (2013, b"Lost connection to backend server"),
        (1053, b"Server shutdown in progress"),
        (1927, b"Connection was killed"),
    ],
)
def test_a_proxy_without_its_database_is_not_scanreadys_limit(code: int, words: bytes, at: int) -> None:
    """The first three statements are settings; the next two ask for the account and the product."""
    answers = [emulated.OK[4:]] * 3 + [error(1105, b"unknown")] * 2
    with in_background(accepting(*answers[:at], error(code, words))) as server:
        report = climb(here(server.port, "scan"))
    expect(report, Verdict.UNDECIDED, "mysql.server-error", step=Step.ACCESS, owner=Owner.DATABASE)
    assert f"error {code}" in finding_of(report).detail
    passed(report, Step.LOGIN)


def test_a_proxy_without_its_database_is_no_other_product() -> None:
    """This proxy accepts an invented user, too."""
    lost = error(9001, b"Max connect timeout reached")
    with in_background(accepting(lost)) as server:
        report = climb(here(server.port))
    expect(report, Verdict.UNDECIDED, "mysql.server-error", step=Step.AUTH, owner=Owner.DATABASE)


def test_too_many_connections_in_place_of_the_greeting() -> None:
    words = b"User x already has more than 'max_user_connections' active connections"
    with in_background(misbehave.says_and_closes(numbered(0, b"\xff\xb3\x04" + words))) as server:
        report = climb(here(server.port))
    expect(report, Verdict.BLOCKED, "mysql.too-many-connections", step=Step.HANDSHAKE, owner=Owner.DATABASE)
    report = ask(emulated.server(emulated.GREETING_10_11_PLAIN, verdict=numbered(2, error(1203, words))))
    expect(report, Verdict.UNDECIDED, "mysql.server-error", step=Step.AUTH)  # the limit of an account that was invented


@pytest.mark.parametrize("version", [11, 12, 31])
def test_a_protocol_version_that_does_not_exist_yet_is_undecided(version: int) -> None:
    greeting = emulated.GREETING_MYSQL_8[:4] + bytes([version]) + emulated.GREETING_MYSQL_8[5:]
    for user in (None, "scan"):
        with in_background(misbehave.says(greeting)) as server:
            report = climb(here(server.port, user))
        assert report.verdict is Verdict.UNDECIDED, story(report)
        assert "X Protocol" not in story(report)
        assert "protocol version of the greeting" in finding_of(report).detail
        assert str(version) in finding_of(report).detail


@pytest.mark.parametrize("user", [None, "scan"])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"\x15\x03\x03\x00\x02\x02\x28", "tls.no-common-cipher"),  # fatal alert 40, handshake_failure
        (b"\x15\x03\x01\x00\x02\x02\x46", "tls.version"),  # fatal alert 70, protocol_version
        (b"nothing of TLS", "tls.not-offered"),
        (b"", "tls.failed"),
    ],
)
def test_tls_that_fails_is_an_offence_and_we_say_so(answer: bytes, code: str, user: str | None) -> None:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(emulated.GREETING_10_11)
        await packet(reader)
        writer.write(answer)

    with in_background(behaviour) as server:
        report = climb(here(server.port, user))
        server.wait()
    expect(report, Verdict.BLOCKED, code, step=Step.TLS, owner=Owner.SERVER)
    assert report.facts["aborted"] == 1
    assert "max_connect_errors" in check_of(report, Step.TLS).summary


@pytest.mark.parametrize("user", [None, "scan"])
def test_tls_that_never_ends_is_undecided(user: str | None) -> None:
    with in_background(misbehave.says(emulated.GREETING_10_11)) as server:
        report = climb(here(server.port, user), timeout=WAIT)
        server.wait()
    assert report.verdict is Verdict.UNDECIDED, story(report)
    assert report.facts["aborted"] == 1


def test_a_login_that_is_killed_counts_as_unfinished(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow agent kills the process of a login before pymysql's own time-out can end it."""
    monkeypatch.setattr(run_context, "_KILL", -1.0)
    with in_background(misbehave.says(emulated.GREETING_10_11)) as server:
        report = climb(here(server.port, "scan"), timeout=WAIT, patient=False)
        server.wait()
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time")
    assert report.facts["aborted"] == 1
    assert "max_connect_errors" in check_of(report, Step.LOGIN).summary


def test_the_password_may_be_any_text() -> None:
    with in_background(emulated.mysql_8) as server:
        where = target("mysql", "127.0.0.1", server.port, account("Jürgen", "пароль"))
        expect(climb(where), Verdict.BLOCKED, "login.refused", step=Step.LOGIN)


# Manners --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", [emulated.mariadb_10_11, emulated.auth_switch, emulated.mysql_8])
@pytest.mark.parametrize("depth", [Step.CONNECT, Step.HANDSHAKE, Step.AUTH])
def test_every_depth_ends_refused(behaviour: Behaviour, depth: Step) -> None:
    for user in (None, "scan"):
        report = ask(behaviour, user, depth=depth)
        passed(report, depth)
        assert (report.footprint.login_attempts, report.footprint.probe_logins) == (0, 1)


@pytest.mark.parametrize(
    "behaviour", [emulated.mariadb_10_11, emulated.auth_switch, emulated.mariadb_10_11_without_tls]
)
def test_cancelled_at_every_piece_of_talk(behaviour: Behaviour) -> None:
    piece, pieces = 0, 1
    while piece < pieces:
        piece += 1
        with in_background(behaviour) as server:
            pieces = asyncio.run(cancelled(here(server.port), piece))
            server.wait()
        assert server.offences == {}, f"cancelled at piece {piece} of {pieces}"
        assert server.counts["logins"] == 1
    assert pieces >= 3


def test_a_greeting_that_comes_only_after_the_deadline_is_still_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent's time is over while the server still resolves our name; it greets us in the farewell."""
    for name in ("_LEAST", "_LATEST_LEAST"):  # room for a busy machine: what is asked is that it is answered
        monkeypatch.setattr(farewells, name, 10.0)

    async def meet() -> tuple[Report, Server]:
        greet = asyncio.Event()

        async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
            await greet.wait()
            await emulated.mariadb_10_11(reader, writer, record)

        async with serve(behaviour) as server:
            asyncio.get_running_loop().call_later(0.6, greet.set)  # the time was over before, the farewell is not
            report = await out_of_time(here(server.port), 0.4)
            await server.ended()
            return report, server

    report, server = asyncio.run(meet())
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.HANDSHAKE)
    assert server.offences == {}
    assert server.counts["logins"] == 1


async def many(*targets: Target) -> list[Report]:
    return [report async for report in verify_all(targets, Settings(concurrency=1))]


def test_targets_on_one_port_share_the_prompt() -> None:
    with in_background(emulated.mariadb_10_11) as server:
        reports = asyncio.run(many(*(here(server.port, database=name) for name in ("hr", "crm", "pay"))))
        server.wait()
    for report in reports:
        expect(report, Verdict.READY)
    assert len(server.connections) == 1


def test_a_port_that_blocks_us_is_not_touched_again() -> None:
    with in_background(emulated.host_blocked) as server:
        reports = asyncio.run(
            many(here(server.port, "scan"), here(server.port), here(server.port, "other", database="hr"))
        )
        server.wait()
    for report in reports:
        expect(report, Verdict.BLOCKED, "mysql.host-blocked", owner=Owner.DATABASE)
    assert len(server.connections) == 1


@pytest.mark.parametrize(("code", "ambiguous"), [(1045, True), (1698, False)])
def test_only_an_error_that_may_be_about_the_address_leaves_a_further_agent_a_try(code: int, ambiguous: bool) -> None:
    failure = login._refused(code, "Access denied for user 'er'@'10.0.0.5'", encrypted=True)
    assert (failure.cause, failure.facts.get("refusal_ambiguous", False)) == (common.LOGIN_REFUSED, ambiguous)
