"""Values that real products, forks and later versions send beyond the specification: verdict, cause and owner of each.

The bytes are theirs: of public bug reports, captures and signature databases.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Server,
    db2,
    in_background,
    informix,
    misbehave,
    mssql,
    mssql_browser,
    mysql,
    oracle,
    postgresql,
    smb,
    ssh,
    sybase,
    teradata,
)
from fixtures.transcripts import load
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.model import Credential, Owner, Report, Step, Target, Verdict
from scanready.targets.mssql import browser as sql_browser
from scanready.targets.nfs import refusals
from tests.ladder import account, check_of, climb, expect, finding_of, passed, story, target
from tests.websites import answer, site

CLEAR = {"allow_cleartext": True}
ER = account("er")


def asked(
    type_: str, behaviour: Behaviour, credential: Credential | None = None, **options: Any
) -> tuple[Report, Server]:
    with in_background(behaviour) as server:
        report = climb(target(type_, "127.0.0.1", server.port, credential, **options))
        server.wait(len(server.connections))
    return report, server


def unknown(report: Report, value: str, step: Step) -> None:
    """Assert that the value decided nothing, and that the detail has it."""
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=step, owner=Owner.SCANREADY)
    finding = finding_of(report)
    assert value in finding.detail, story(report)
    assert finding.fix is None


# --- Sybase ----------------------------------------------------------------------------------------------------------

#: LOGINACK 0x85 of TDS 5.0: accepted, the session's security negotiated; FreeTDS takes it so.
ACCEPTED_0X85 = bytes.fromhex("0401002800000000ad140085050000000a53514c205365727665720c050000fd0000000000000000")


@pytest.mark.parametrize(
    "login",
    [
        ACCEPTED_0X85,
        ACCEPTED_0X85.replace(b"\x0aSQL", b"\x14SQL"),
        ACCEPTED_0X85.replace(b"\x85", b"\x05").replace(b"\x0aSQL", b"\x02SQL"),
        ACCEPTED_0X85.replace(b"\x85", b"\x01"),
    ],
    ids=["status 0x85", "a name that is counted wrong", "a name that is counted short", "the status of TDS 4.2"],
)
def test_a_sybase_login_that_is_accepted_in_another_way(login: bytes) -> None:
    report, server = asked("sybase", sybase.server(login=login), ER, **CLEAR)
    expect(report, Verdict.SCANNABLE)
    assert report.facts["product"] == "SQL Server"
    assert server.counts["logins"] == report.footprint.login_attempts == 1


def test_a_sybase_refusal_with_negotiated_security_is_one() -> None:
    refused = sybase.reply(sybase.message(4002, 14, "Login failed."), sybase.acknowledge(0x86), sybase.FAILED)
    report, _ = asked("sybase", sybase.server(login=refused), ER, **CLEAR)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)


@pytest.mark.parametrize("order", [1, -1], ids=["reason first", "reason behind"])
@pytest.mark.parametrize(
    ("number", "words", "verdict", "code"),
    [
        (1640, "Adaptive Server requires encryption.", Verdict.UNDECIDED, "sybase.password-encryption-required"),
        (1601, "There are not enough 'user connections'.", Verdict.BLOCKED, "sybase.too-many-connections"),
        (10356, "The account is locked.", Verdict.BLOCKED, "login.locked"),
        (4067, "Your password has expired.", Verdict.BLOCKED, "login.expired"),
    ],
)
def test_the_reason_beside_a_failed_sybase_login_decides(
    number: int, words: str, verdict: Verdict, code: str, order: int
) -> None:
    messages = [sybase.message(number, 14, words), sybase.message(4002, 14, "Login failed.")][::order]
    refused = sybase.reply(*messages, sybase.acknowledge(6), sybase.FAILED)
    report, _ = asked("sybase", sybase.server(login=refused), ER, **CLEAR)
    expect(report, verdict, code)
    assert words in finding_of(report).detail


UNKNOWN_REASON = [sybase.message(19999, 16, "The vault is sealed."), sybase.message(4002, 14, "Login failed.")]


@pytest.mark.parametrize("order", [1, -1], ids=["reason first", "reason behind"])
def test_an_unknown_reason_beside_a_failed_sybase_login_keeps_both(order: int) -> None:
    refused = sybase.reply(*UNKNOWN_REASON[::order], sybase.acknowledge(6), sybase.FAILED)
    report, _ = asked("sybase", sybase.server(login=refused), ER, **CLEAR)
    expect(report, Verdict.UNDECIDED, "sybase.server-error", step=Step.LOGIN, owner=Owner.DATABASE)
    found = finding_of(report)
    assert "The vault is sealed. (message 19999" in found.detail
    assert "Login failed. (message 4002" in found.detail
    assert [one.owner for one in found.cause.also] == [Owner.IDENTITY]
    assert found.cause.may_count, "it was refused: the account is protected as after a wrong password"


def test_an_unknown_reason_told_to_an_invented_sybase_user_is_no_prompt() -> None:
    refused = sybase.reply(*UNKNOWN_REASON, sybase.acknowledge(6), sybase.FAILED)
    report, _ = asked("sybase", sybase.server(login=refused), allow_login_probe=True)
    expect(report, Verdict.UNDECIDED, "sybase.server-error", step=Step.AUTH)


@pytest.mark.parametrize("status", [8, 0x45, 0xFF])
def test_an_unknown_status_of_a_sybase_login_refuses_nobody(status: int) -> None:
    login = sybase.reply(sybase.acknowledge(status), sybase.DONE)
    report, _ = asked("sybase", sybase.server(login=login), ER, **CLEAR)
    unknown(report, f"the status of LOGINACK is {status} (0x{status:x})", Step.LOGIN)
    passed(report, Step.HANDSHAKE, Step.AUTH)


def test_an_unknown_token_in_place_of_the_answer_to_a_sybase_login() -> None:
    login = sybase.reply(b"\xe7\x02\x00ab", sybase.DONE)
    report, _ = asked("sybase", sybase.server(login=login), ER, **CLEAR)
    unknown(report, "231 (0xe7)", Step.HANDSHAKE)


#: A token whose length only its specification tells, so nothing behind it can be read.
WITHOUT_LENGTH = b"\x42\x01\x02"


@pytest.mark.parametrize("order", ["acknowledged first", "message first"])
def test_a_token_behind_a_sybase_refusal_hides_nothing(order: str) -> None:
    proof = [sybase.acknowledge(6), sybase.message(4002, 14, "Login failed.")]
    refused = sybase.reply(*(proof if order == "acknowledged first" else proof[::-1]), WITHOUT_LENGTH)
    report, _ = asked("sybase", sybase.server(login=refused), ER, **CLEAR)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert "4002" in finding_of(report).detail


def test_a_token_that_hides_the_reason_of_a_sybase_refusal_refuses_nobody() -> None:
    """Status 6, and the message that says why stands behind it: a full server refuses so, too."""
    hidden = sybase.reply(sybase.acknowledge(6), WITHOUT_LENGTH, sybase.message(1601, 17, "No user connections."))
    report, _ = asked("sybase", sybase.server(login=hidden), ER, **CLEAR)
    unknown(report, "66 (0x42)", Step.LOGIN)


def test_a_token_in_the_answer_to_a_sybase_statement_empties_no_table() -> None:
    half = sybase.reply(sybase.message(5701, 10, "a note"), WITHOUT_LENGTH)
    report, _ = asked("sybase", sybase.server(answers={b"select": half}), ER, **CLEAR)
    unknown(report, "66 (0x42)", Step.ACCESS)
    passed(report, Step.LOGIN)


# --- PostgreSQL ------------------------------------------------------------------------------------------------------

#: Authentication request 10 of openGauss, GaussDB and Vastbase: their own SHA256, no list of SASL mechanisms.
OPENGAUSS = (
    bytes.fromhex("52000000580000000a00000002") + b"0123456789abcdef" * 4 + b"89abcdef" + bytes.fromhex("00002710")
)


@pytest.mark.parametrize("who", [{}, {"user": "er"}], ids=["an invented user", "a named user"])
def test_the_sha256_of_opengauss_is_no_broken_list(who: dict[str, str]) -> None:
    assert len(OPENGAUSS) == 1 + 0x58
    report, _ = asked("postgresql", postgresql.server(OPENGAUSS), None, **who)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.AUTH, owner=Owner.SCANREADY)
    assert "sha256 (openGauss), authentication request 10" in finding_of(report).detail
    assert finding_of(report).fix is None
    passed(report, Step.HANDSHAKE)


def test_no_password_goes_to_a_method_that_is_not_known() -> None:
    report, server = asked("postgresql", postgresql.server(OPENGAUSS), ER, **CLEAR)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.AUTH)
    assert report.footprint.login_attempts == 0
    assert len(server.connections) == 1


def request(code: int, data: bytes = b"") -> bytes:
    return b"R" + struct.pack(">II", 8 + len(data), code) + data


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (request(13), "the authentication request is 13 (0xd)"),
        (request(0xFFFFFFFF), "4294967295"),
        (request(10, b"SCRAM-SM3\0\0"), "the list of SASL mechanisms is 'SCRAM-SM3'"),
    ],
    ids=["code 13", "the highest code", "one unknown mechanism"],
)
@pytest.mark.parametrize("who", [{}, {"user": "er"}], ids=["an invented user", "a named user"])
def test_an_authentication_request_that_is_not_known(sent: bytes, value: str, who: dict[str, str]) -> None:
    report, _ = asked("postgresql", postgresql.server(sent), None, **who)
    unknown(report, value, Step.AUTH)
    passed(report, Step.HANDSHAKE)


def test_an_unknown_mechanism_beside_a_known_one_counts_for_nothing() -> None:
    sent = request(10, b"SCRAM-SM3\0SCRAM-SHA-256\0\0")
    report, _ = asked("postgresql", postgresql.server(sent), user="er")
    expect(report, Verdict.READY)
    assert report.facts["auth_methods"] == ["scram-sha-256"]


# --- MySQL -----------------------------------------------------------------------------------------------------------


def numbered(error: bytes, number: int = 1) -> bytes:
    """The error as MariaDB 10.3.24 and 10.4.13 number it, where it comes in place of the greeting."""
    return error[:3] + bytes([number]) + error[4:]


def test_mariadbs_refusal_of_a_host_is_numbered_1() -> None:
    error = numbered(load("mysql/mariadb10.11-err1130-host-not-allowed.s2c.hex"))
    report, server = asked("mysql", misbehave.says_and_closes(error))
    expect(
        report, Verdict.BLOCKED, "mysql.host-not-allowed", step=Step.HANDSHAKE, owner=Owner.DATABASE, fix="CREATE USER"
    )
    assert len(server.connections) == 1


def test_mariadbs_blocked_host_is_numbered_1_and_asked_once() -> None:
    error = numbered(load("mysql/mariadb10.11-err1129-host-blocked.s2c.hex"))
    report, server = asked("mysql", misbehave.says_and_closes(error))
    expect(report, Verdict.BLOCKED, "mysql.host-blocked", step=Step.HANDSHAKE, owner=Owner.DATABASE, fix="FLUSH HOSTS")
    assert len(server.connections) == 1


def test_a_greeting_is_numbered_0() -> None:
    greeting = numbered(mysql.GREETING_10_11_PLAIN)
    report, _ = asked("mysql", misbehave.says(greeting))
    expect(report, Verdict.BLOCKED, "handshake.malformed", step=Step.HANDSHAKE)


def test_an_unknown_answer_to_a_mysql_login() -> None:
    report, _ = asked("mysql", mysql.server(mysql.GREETING_10_11_PLAIN, verdict=b"\x02\0\0\x02\x7fx"))
    unknown(report, "the first octet of the answer to the login is 127 (0x7f)", Step.AUTH)
    passed(report, Step.HANDSHAKE)


# --- SQL Server ------------------------------------------------------------------------------------------------------


def by_browser(monkeypatch: pytest.MonkeyPatch, reply: Callable[[int], bytes]) -> Report:
    with in_background(mssql.Server(instance="HR")) as server, contextlib.ExitStack() as held:
        options: dict[str, Any] = {"reply": reply(server.port)}
        there = held.enter_context(mssql_browser.in_background({}, **options))
        monkeypatch.setattr(sql_browser, "PORT", there.port)
        return climb(Target("127.0.0.1", "mssql", 1433, {"instance": "HR"}), canary=False)


@pytest.mark.parametrize("size", [0, 5, 0xFFFF])
def test_the_size_in_the_browsers_answer_is_not_heeded(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    def reply(port: int) -> bytes:
        true = mssql_browser.answer(mssql_browser.told("HR", port))
        return true[:1] + struct.pack("<H", size) + true[3:]

    report = by_browser(monkeypatch, reply)
    expect(report, Verdict.READY)


def test_nothing_was_said_only_where_nothing_came(monkeypatch: pytest.MonkeyPatch) -> None:
    report = by_browser(monkeypatch, lambda port: b"\x07\x00\x00hello")
    expect(report, Verdict.BLOCKED, "handshake.malformed")
    assert "said nothing" not in finding_of(report).detail
    assert "hello" in finding_of(report).detail


@pytest.mark.parametrize("word", [2, 0x7F, 0xFF])
def test_an_unknown_word_about_the_instance_is_no_mismatch(word: int) -> None:
    prelogin = bytearray(mssql.PRELOGIN_2022)
    prelogin[mssql.INSTANCE_AT] = word

    class Odd(mssql.Server):
        def _answer_prelogin(self, asked: bytes, writer: Any) -> int:
            prelogin[mssql.ENCRYPTION_AT] = 2
            writer.write(bytes(prelogin))
            return 2

    report, _ = asked("mssql", Odd(), instance="HR")
    expect(report, Verdict.READY)
    assert ", instance " not in check_of(report, Step.HANDSHAKE).summary


# --- Oracle ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    "address",
    ["(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT=%d))", "(ADDRESS = (PROTOCOL = tcp)(HOST = 127.0.0.1)(PORT = %d))"],
    ids=["as the specification writes it", "with blanks"],
)
def test_a_redirect_without_connect_data_repeats_ours(address: str, inline: bool) -> None:
    """Dispatchers, and listeners before 10g, name the address only."""
    with in_background(oracle.healthy) as there:
        text = (address % there.port).encode()
        size = struct.pack(">H", len(text))
        redirect = (
            oracle.packet(5, size + text) if inline else oracle.packet(5, size) + oracle.packet(6, b"\0\0" + text)
        )
        report, first = asked("oracle", oracle.listener(redirect), service="ORCL")
        there.wait()
    expect(report, Verdict.READY)
    sent = there.connections[0].received
    assert sent[5] == 4, "flagged as following a redirect"
    assert b"SERVICE_NAME=ORCL" in sent
    data = sent[sent.index(b"(DESCRIPTION") :].partition(b"\0")[0]
    assert data in first.connections[0].received


def test_an_accept_of_a_later_version() -> None:
    accept = bytearray(oracle.ACCEPT)
    accept[8:10] = struct.pack(">H", 320)
    report, _ = asked("oracle", oracle.listener(bytes(accept)), service="ORCL")
    unknown(report, "the version of an ACCEPT is 320 (0x140)", Step.HANDSHAKE)


# --- SMB -------------------------------------------------------------------------------------------------------------

#: Captured from a NAS: each length has two octets more than DER gives it.
LONG_LENGTHS = bytes.fromhex(
    "60820076068200062b0601050502a082006830820064a082002c30820028068200092a864882f712010202068200092a864886f712010202"
    "0682000a2b06010401823702020aa38200303082002ca08200281b8200246e6f745f646566696e65645f696e5f5246433431373840706c65"
    "6173655f69676e6f7265"
)


def with_token(token: bytes) -> bytes:
    """Samba's answer to a negotiate with another token; its contexts move with it."""
    message = bytearray(smb.SAMBA_NEGOTIATE[4:])
    contexts_at = int.from_bytes(message[64 + 60 : 64 + 64], "little")
    contexts = bytes(message[contexts_at:])
    del message[128:]
    message += token + bytes(-len(token) % 8)
    message[64 + 58 : 64 + 60] = struct.pack("<H", len(token))
    message[64 + 60 : 64 + 64] = struct.pack("<I", len(message))
    message += contexts
    return struct.pack(">I", len(message)) + bytes(message)


def offering(*mechanisms: bytes) -> bytes:
    """A token with these mechanisms (object identifiers)."""

    def field(tag: int, content: bytes) -> bytes:
        return bytes((tag, len(content))) + content

    listed = field(0x30, b"".join(field(6, mechanism) for mechanism in mechanisms))
    return field(0x60, b"\x06\x06\x2b\x06\x01\x05\x05\x02" + field(0xA0, field(0x30, field(0xA0, listed))))


def test_a_token_with_longer_lengths_than_der_gives_them() -> None:
    report, _ = asked("smb", smb.server(smb.Answers(negotiate=with_token(LONG_LENGTHS))))
    expect(report, Verdict.READY)
    assert report.facts["auth_methods"] == ["Kerberos", "NTLM"]


def test_mechanisms_that_are_all_unknown() -> None:
    report, _ = asked("smb", smb.server(smb.Answers(negotiate=with_token(offering(b"\x2a\x03\x04")))))
    unknown(report, "1.2.3.4", Step.AUTH)


def test_a_dialect_of_the_future() -> None:
    later = smb.SAMBA_NEGOTIATE.replace(b"\x41\0\x01\0\x11\x03", b"\x41\0\x01\0\x12\x03", 1)
    assert later != smb.SAMBA_NEGOTIATE
    report, _ = asked("smb", smb.server(smb.Answers(negotiate=later)))
    unknown(report, "the dialect that the server chose is 786 (0x312)", Step.HANDSHAKE)


# --- SSH -------------------------------------------------------------------------------------------------------------


def test_a_long_identification_is_what_the_ssh_client_takes() -> None:
    """sshd with a VersionAddendum of 280 characters; OpenSSH's client goes on."""
    banner = ssh.BANNER_9_2.rstrip(b"\r\n") + b" " + b"x" * 280 + b"\r\n"
    report, _ = asked("ssh", ssh.openssh(banner, load("ssh/openssh9.2-kexinit.s2c.hex")))
    expect(report, Verdict.READY)


def test_an_empty_software_version_is_what_the_ssh_client_refuses() -> None:
    report, _ = asked("ssh", ssh.openssh(b"SSH-2.0-\r\n", load("ssh/openssh9.2-kexinit.s2c.hex")))
    expect(report, Verdict.BLOCKED, "handshake.malformed", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_a_banner_longer_than_we_keep_is_our_limit() -> None:
    banner = (b"y" * 4000 + b"\n") * 17 + ssh.BANNER_9_2
    report, _ = asked("ssh", ssh.openssh(banner, load("ssh/openssh9.2-kexinit.s2c.hex")))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)


def test_a_protocol_version_of_the_future() -> None:
    report, _ = asked("ssh", ssh.openssh(b"SSH-3.0-x\r\n", load("ssh/openssh9.2-kexinit.s2c.hex")))
    unknown(report, "the version of the SSH protocol is '3.0'", Step.HANDSHAKE)


# --- the others ------------------------------------------------------------------------------------------------------


def test_a_db2_that_asks_for_an_unknown_mechanism_only() -> None:
    report, _ = asked("db2", db2.server(mechanisms=(0x7F,)))
    unknown(report, "127 (0x7f)", Step.AUTH)
    passed(report, Step.HANDSHAKE)


@pytest.mark.parametrize("code", [0x17, 0x40, 0xFF])
def test_an_unknown_security_check_code_refuses_nobody(code: int) -> None:
    report, _ = asked("db2", db2.server(mechanisms=(3,), check=code), ER, database="SAMPLE", **CLEAR)
    unknown(report, f"the security check code (SECCHKCD) is {code} (0x{code:x})", Step.LOGIN)
    passed(report, Step.HANDSHAKE, Step.AUTH)


def test_an_unknown_reply_of_db2_is_no_broken_protocol() -> None:
    report, _ = asked("db2", db2.server(attributes=db2.reply(0x14FF, "")))
    unknown(report, "the codepoint of a reply is 5375 (0x14ff)", Step.HANDSHAKE)


def test_an_unknown_type_of_an_informix_packet() -> None:
    packet = informix.ACCEPTED[:2] + b"\x0e" + informix.ACCEPTED[3:]
    report, _ = asked("informix", informix.server(answer=packet), allow_login_probe=True)
    unknown(report, "the type of an SQLI packet is 14 (0xe)", Step.HANDSHAKE)


def test_a_later_tibero() -> None:
    greeting = load("tibero/SYNTH-greeting.s2c.hex")
    later = greeting[:16] + struct.pack(">I", 21) + greeting[20:]
    report, _ = asked("tibero", misbehave.says(later))
    unknown(report, "is 21 (0x15)", Step.HANDSHAKE)


def test_a_port_of_teradata_that_is_neither_on_nor_off() -> None:
    told = teradata.CONFIGURATION.replace(b"\0\x10\0\x06\x01\x01", b"\0\x10\0\x06\x07\x01")
    assert told != teradata.CONFIGURATION
    report, _ = asked("teradata", teradata.server(told))
    expect(report, Verdict.READY)


@pytest.mark.parametrize("flavors", [(42,), (390003, 7)])
def test_an_unknown_flavor_is_not_kerberos_only(flavors: tuple[int, ...]) -> None:
    with pytest.raises(Failure) as caught:
        refusals.refuse_kerberos_only(flavors)
    assert caught.value.cause is common.LIMIT
    assert "a flavor that it accepts in place of sys is" in caught.value.detail


def test_a_known_flavor_beside_an_unknown_one_is_enough() -> None:
    refusals.refuse_kerberos_only((42, 1))
    with pytest.raises(Failure, match=r"nfs\.kerberos-only"):
        refusals.refuse_kerberos_only((390003, 390004))


def test_an_rpc_state_of_the_future() -> None:
    reply = bytes.fromhex("63530001 00000001 00000000 00000000 00000000 00000007")

    report, _ = asked("nfs", _replying(reply))
    unknown(report, "the state of an accepted RPC call is 7 (0x7)", Step.HANDSHAKE)


def _replying(reply: bytes) -> Behaviour:
    async def behaviour(reader: Any, writer: Any, record: Any) -> None:
        while True:
            mark = int.from_bytes(await reader.readexactly(4), "big")
            call = await reader.readexactly(mark & 0x7FFFFFFF)
            own = call[:4] + reply[4:]
            writer.write((0x80000000 | len(own)).to_bytes(4, "big") + own)

    return behaviour


@pytest.mark.parametrize(
    ("status", "value"), [("600 Odd", "the status is 600"), ("299 Odd", "the status is 299"), ("999 No", "999")]
)
def test_a_status_that_no_class_has(status: str, value: str) -> None:
    report, _ = asked("http", site({"/": answer(status, body=b"<p>hello</p>")}))
    unknown(report, value, Step.HANDSHAKE)


def test_a_way_to_log_in_that_nobody_knows() -> None:
    report, _ = asked("http", site({"/": answer("401 Unauthorized", "WWW-Authenticate: X-Corp realm=a")}))
    unknown(report, "the login scheme that the server asks for is 'x-corp'", Step.AUTH)


def test_a_transfer_coding_that_nobody_knows() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: br-stream\r\n\r\n"
    report, _ = asked("http", misbehave.says(head))
    unknown(report, "the transfer coding is b'br-stream'", Step.HANDSHAKE)
