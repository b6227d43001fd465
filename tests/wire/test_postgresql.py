from __future__ import annotations

import os
import select
import socket
import struct
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.pq import PGconn, PollingStatus

from fixtures.transcripts import load, names
from scanready.wire import Buffer, Reader, WireError
from scanready.wire import postgresql as pg
from tests.readers import reads, survives
from tests.wire import fuzz

READERS: tuple[Reader[object], ...] = (
    pg.read_ssl_answer,
    pg.read_startup_answer,
    pg.read_login_step,
    pg.read_session,
    pg.read_query_answer,
)
FROM_SERVERS = tuple(load(name) for name in names("postgresql", "*.s2c.hex"))
TRUST = load("postgresql/pg15-auth-cleartext.s2c.hex")[:-1] + b"\0"


def captured(name: str) -> bytes:
    return load(f"postgresql/pg15-{name}.s2c.hex")


def message(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack(">I", 4 + len(payload)) + payload


class TestWhatWeSend:
    def test_as_captured(self) -> None:
        assert load("postgresql/sslrequest.c2s.hex") == pg.SSL_REQUEST
        assert pg.startup("canscan", "postgres", "canscan") == load("postgresql/startup-v3.c2s.hex")
        assert message(b"X", b"") == pg.TERMINATE

    def test_we_name_ourselves(self) -> None:
        assert pg.startup("u", "d").endswith(b"application_name\0scanready\0\0")

    def test_a_nul_cannot_add_a_parameter(self) -> None:
        with pytest.raises(ValueError, match="NUL"):
            pg.startup("u\0replication\0true", "d")


class TestSslAnswer:
    def test_one_byte(self) -> None:
        for byte, offered in ((captured("sslrequest-yes"), True), (b"N", False)):
            buffer = Buffer(byte)
            assert pg.read_ssl_answer(buffer) is offered
            assert len(buffer) == 0
        assert pg.read_ssl_answer(Buffer()) is None

    @pytest.mark.parametrize(
        "data", [b"SSH-2.0-OpenSSH_9.2\r\n", b"SMTP ready\r\n", b"S\x16\x03\x03", b"NO\r\n", b"NN"]
    )
    def test_nothing_may_follow_it(self, data: bytes) -> None:
        buffer = Buffer(data)
        with pytest.raises(WireError, match="more than one byte"):
            pg.read_ssl_answer(buffer)
        assert buffer.everything() == data

    @pytest.mark.parametrize(
        "data", [b"* OK IMAP4", b"HTTP/1.1 400", b"\x15\x03\x01", b"G", b"220 ", b"\x4a\0\0\0\x0a"]
    )
    def test_another_byte_is_another_protocol(self, data: bytes) -> None:
        with pytest.raises(WireError, match="neither S nor N"):
            pg.read_ssl_answer(Buffer(data))

    def test_an_error_of_today(self) -> None:
        error = reads(pg.read_ssl_answer, captured("53300-too-many"))
        assert isinstance(error, pg.ErrorResponse)
        assert error.sqlstate == "53300"

    @pytest.mark.parametrize("reader", READERS[:2])
    def test_an_error_of_old(self, reader: Reader[object]) -> None:
        """Protocol 2 had text ended by NUL; a server that cannot fork still uses it (report_fork_failure_to_client)."""
        text = "unsupported frontend protocol 1234.5679: server supports 1.0 to 2.0"
        assert reads(reader, f"EFATAL:  {text}\n\0".encode()) == pg.ErrorResponse("FATAL", "", text)
        answer = reads(reader, b"Ecould not fork new process for connection: Cannot allocate memory\n\0")
        assert isinstance(answer, pg.ErrorResponse)
        assert answer.message.startswith("could not fork new process")

    def test_text_without_its_nul_is_awaited_but_not_for_ever(self) -> None:
        assert survives(pg.read_ssl_answer, b"EFATAL: half a") is None
        assert survives(pg.read_ssl_answer, b"EFATAL: half a", eof=True) is None
        assert isinstance(survives(pg.read_ssl_answer, b"E" + b"x" * pg.MESSAGE_LIMIT), WireError)
        assert isinstance(survives(pg.read_ssl_answer, b"E\x1b[2J\0"), WireError)


class TestStartupAnswer:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (TRUST, pg.AuthenticationRequest(0, "trust")),
            (captured("auth-cleartext"), pg.AuthenticationRequest(3, "password")),
            (captured("auth-md5"), pg.AuthenticationRequest(5, "md5", salt=bytes.fromhex("0ff219a8"))),
            (captured("auth-sasl"), pg.AuthenticationRequest(10, "scram-sha-256", ("SCRAM-SHA-256",))),
            (message(b"R", b"\0\0\0\x07"), pg.AuthenticationRequest(7, "gss")),
            (message(b"R", b"\0\0\0\x09"), pg.AuthenticationRequest(9, "sspi")),
            (message(b"R", b"\0\0\0\x0d"), pg.AuthenticationRequest(13, "code 13")),
            (
                message(b"R", b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
                pg.AuthenticationRequest(10, "scram-sha-256", ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")),
            ),
            (message(b"R", b"\0\0\0\x0aOAUTHBEARER\0\0"), pg.AuthenticationRequest(10, "oauth", ("OAUTHBEARER",))),
            (message(b"R", b"\0\0\0\x0aX-NEW\0\0"), pg.AuthenticationRequest(10, "sasl", ("X-NEW",))),
        ],
    )
    def test_methods(self, data: bytes, expected: pg.AuthenticationRequest) -> None:
        assert reads(pg.read_startup_answer, data) == expected

    @pytest.mark.parametrize(
        ("name", "sqlstate", "begins", "routine"),
        [
            ("53300-too-many", "53300", "sorry, too many clients", "InitProcess"),
            ("57P03-shutting-down", "57P03", "the database system is shutting down", "ProcessStartupPacket"),
            ("bad-version-0A000", "0A000", "unsupported frontend protocol 9.0", "ProcessStartupPacket"),
            ("hba-reject-28000", "28000", "pg_hba.conf rejects connection", "ClientAuthentication"),
            ("no-hba-entry-28000", "28000", "no pg_hba.conf entry", "ClientAuthentication"),
            ("no-user-28000", "28000", "no PostgreSQL user name", "ProcessStartupPacket"),
        ],
    )
    def test_errors(self, name: str, sqlstate: str, begins: str, routine: str) -> None:
        error = reads(pg.read_startup_answer, captured(name))
        assert isinstance(error, pg.ErrorResponse)
        assert (error.severity, error.sqlstate, error.routine) == ("FATAL", sqlstate, routine)
        assert error.message.startswith(begins)
        assert error.file.endswith(".c")
        assert error.line.isdigit()

    def test_the_severity_that_is_not_translated_wins(self) -> None:
        translated = message(b"E", b"SFATAL \xc3\x9cbel\0VFATAL\0C28000\0Mnein\0Dgenau\0Hgeh heim\0\0")
        expected = pg.ErrorResponse("FATAL", "28000", "nein", detail="genau", hint="geh heim")
        assert reads(pg.read_startup_answer, translated) == expected
        older = reads(pg.read_startup_answer, message(b"E", b"SFATAL\0C28000\0Mno\xff\0\0"))
        assert older == pg.ErrorResponse("FATAL", "28000", "no\\xff")

    def test_negotiation_comes_before_the_answer(self) -> None:
        flight = captured("negotiate-version")
        answer = reads(pg.read_startup_answer, flight[:13], trailing=flight[13:])
        assert answer == pg.NegotiateProtocol((3, 0), ())
        assert reads(pg.read_startup_answer, flight[13:]) == pg.AuthenticationRequest(
            10, "scram-sha-256", ("SCRAM-SHA-256",)
        )
        named = message(b"v", struct.pack(">II", 2, 1) + b"_pq_.x\0")
        assert reads(pg.read_startup_answer, named) == pg.NegotiateProtocol((3, 2), ("_pq_.x",))

    def test_notices_before_it_are_skipped(self) -> None:
        notice = message(b"N", b"SWARNING\0C01000\0Mhello\0\0")
        for answer in (captured("auth-md5"), captured("no-hba-entry-28000")):
            assert reads(pg.read_startup_answer, notice * 3 + answer) == reads(pg.read_startup_answer, answer)
        endless = message(b"N", bytes(20_000)) * 4
        assert isinstance(survives(pg.read_startup_answer, endless), WireError)

    @pytest.mark.parametrize(
        "data",
        [
            b"HTTP/1.1 400 Bad Request\r\n",
            b"SSH-2.0-x\r\n",
            b"RFB 003.008\n",
            b"R\xff\xff\xff\xff",
            b"R\0\0\0\x03",
            b"E\0\xff\xff\xff",
            message(b"R", b"\0"),
            message(b"R", b"\0\0\0\x05abc"),
            message(b"R", b"\0\0\0\x0a"),
            message(b"R", b"\0\0\0\x0a\0\0"),
            message(b"R", b"\0\0\0\x0aSCRAM-SHA-256"),
            message(b"E", b"SFATAL\0\0"),
            message(b"E", b"Mcut"),
            b"R\1\0\0\x08\0\0\0\0",
            message(b"R", b"\0\0\0"),
            message(b"v", b"\0\3\0\0"),
            message(b"v", b"\0\3\0\0\0\0\0"),
            message(b"v", struct.pack(">II", 0, 1) + b"a"),
            message(b"v", struct.pack(">II", 0, 1) + b"a\0b\0"),
            message(b"v", struct.pack(">II", 0, 0xFFFFFFFF)),
            message(b"Z", b"I"),
        ],
    )
    def test_broken_or_foreign(self, data: bytes) -> None:
        assert isinstance(survives(pg.read_startup_answer, data), WireError)

    @pytest.mark.parametrize(
        ("code", "data", "method", "known"),
        [
            (0, b"", "trust", True),
            (2, b"", "kerberos-v5", True),
            (4, b"xy", "crypt", True),
            (6, b"", "scm", True),
            (8, b"", "code 8", False),
            # openGauss, GaussDB, Vastbase: their own methods under PostgreSQL's later numbers
            (10, b"\0\0\0\2" + b"0123456789abcdef" * 4 + b"00002710", "sha256 (openGauss)", False),
            (11, b"\0\0\0\0" + b"a" * 64, "md5-sha256 (openGauss)", False),
            (13, b"f" * 64, "sm3 (openGauss)", False),
            (13, b"\0\0\0\x10" + b"f" * 64, "code 13", False),
            (11, b"f" * 63, "code 11", False),
        ],
    )
    def test_every_method_has_a_name(self, code: int, data: bytes, method: str, known: bool) -> None:
        request = reads(pg.read_startup_answer, message(b"R", code.to_bytes(4) + data))
        assert request == pg.AuthenticationRequest(code, method)
        assert isinstance(request, pg.AuthenticationRequest)
        assert request.known is known

    def test_sasl_is_known_by_its_mechanisms(self) -> None:
        listed = {
            b"SCRAM-SHA-256-PLUS\0": ("scram-sha-256", True),
            b"X\0OAUTHBEARER\0": ("oauth", True),
            b"X\0": ("sasl", False),
        }
        for mechanisms, expected in listed.items():
            request = reads(pg.read_startup_answer, message(b"R", b"\0\0\0\x0a" + mechanisms + b"\0"))
            assert isinstance(request, pg.AuthenticationRequest)
            assert (request.method, request.known) == expected

    def test_the_longest_message_and_the_longest_talk(self) -> None:
        longest = message(b"E", b"M" + b"x" * 29_993 + b"\0\0")
        assert reads(pg.read_startup_answer, longest, trailing=b"") == pg.ErrorResponse("", "", "x" * 29_993)
        with pytest.raises(WireError, match="a message of 30001 bytes"):
            pg.read_startup_answer(Buffer(message(b"E", b"M" + b"x" * 29_994 + b"\0\0")))
        request = message(b"R", bytes(4))
        notices = message(b"N", bytes(20_000)) * 3
        rest = 65_536 - len(notices) - len(request) - 5
        for reader in (pg.read_startup_answer, pg.read_login_step):
            assert reader(Buffer(notices + message(b"N", bytes(rest)) + request)) is not None
        with pytest.raises(WireError, match="bytes of notices"):
            pg.read_startup_answer(Buffer(notices + message(b"N", bytes(rest + 1)) + request))
        with pytest.raises(WireError, match="bytes of notices"):
            pg.read_login_step(Buffer(notices + message(b"N", bytes(rest + 10))))
        assert pg.read_login_step(Buffer(notices + message(b"N", bytes(rest + 9)))) is None


class TestLoginStep:
    """The bytes that libpq is shown where its talk is inside a TLS that is not its own."""

    def test_the_mechanism_that_binds_is_left_out(self) -> None:
        both = message(b"R", b"\0\0\0\nSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
        assert reads(pg.read_login_step, both).shown == captured("auth-sasl")

    @pytest.mark.parametrize(
        "name", ["auth-sasl", "auth-md5", "auth-cleartext", "53300-too-many", "no-hba-entry-28000"]
    )
    def test_all_else_is_as_it_came(self, name: str) -> None:
        assert reads(pg.read_login_step, captured(name)).shown == captured(name)

    @pytest.mark.parametrize(
        ("code", "secret", "ends"),
        [
            (0, False, True),
            (2, False, False),
            (3, True, False),
            (4, True, False),
            (5, True, False),
            (7, False, False),
            (10, True, False),
            (11, False, False),
            (12, False, False),
        ],
    )
    def test_what_a_request_asks_for(self, code: int, secret: bool, ends: bool) -> None:
        step = reads(pg.read_login_step, message(b"R", code.to_bytes(4) + b"x"))
        assert (step.asks, step.wants_secret, step.ends) == (code, secret, ends)
        assert step.opens_scram == (code == 10)
        refused = reads(pg.read_login_step, captured("53300-too-many"))
        assert (refused.asks, refused.wants_secret, refused.ends) == (None, False, True)

    def test_only_a_list_of_mechanisms_is_changed(self) -> None:
        plus = b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0\0"
        for kind, payload in ((b"N", plus), (b"R", b"\0\0\0\x0b" + plus[4:])):
            flight = message(kind, payload) + (captured("auth-md5") if kind == b"N" else b"")
            assert reads(pg.read_login_step, flight).shown == flight

    def test_notices_and_a_negotiation_come_before_it(self) -> None:
        before = message(b"N", b"SNOTICE\0Mhello\0\0") + captured("negotiate-version").removesuffix(
            captured("auth-sasl")
        )
        step = reads(pg.read_login_step, before + captured("auth-sasl"))
        assert step == pg.LoginStep(before + captured("auth-sasl"), 10)

    @pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH_9.2\r\n", b"R\0\0\0\3", b"N\0\1\0\0"])
    def test_what_is_none(self, data: bytes) -> None:
        with pytest.raises(WireError):
            pg.read_login_step(Buffer(data))


class TestSession:
    def test_the_whole_of_it(self) -> None:
        flight = Buffer(captured("trust-session"))
        assert pg.read_startup_answer(flight) == pg.AuthenticationRequest(0, "trust")
        session = reads(pg.read_session, flight.everything())
        assert isinstance(session, pg.Session)
        assert session.server_version == "15.18 (Debian 15.18-0+deb12u1)"
        assert session.parameters["session_authorization"] == "admin"
        assert len(session.parameters) == 13
        assert session.process_id == 0x2ABC
        assert "12f08575a" not in repr(session)

    @pytest.mark.parametrize(("name", "sqlstate"), [("norole-28000", "28000"), ("no-database-3D000", "3D000")])
    def test_trusted_and_then_refused(self, name: str, sqlstate: str) -> None:
        flight = Buffer(captured(f"trust-{name}"))
        assert pg.read_startup_answer(flight) == pg.AuthenticationRequest(0, "trust")
        error = reads(pg.read_session, flight.everything())
        assert isinstance(error, pg.ErrorResponse)
        assert error.sqlstate == sqlstate

    @pytest.mark.parametrize(
        "data",
        [
            message(b"S", b"server_version"),
            message(b"S", b"a\0b\0c\0"),
            message(b"K", b"\0"),
            message(b"R", b"\0\0\0\0"),
        ],
    )
    def test_broken(self, data: bytes) -> None:
        assert isinstance(survives(pg.read_session, data), WireError)

    def test_notices_in_it_are_skipped(self) -> None:
        flight = message(b"N", b"SNOTICE\0Mhello\0\0") + message(b"K", bytes(7) + b"\1") + message(b"Z", b"I")
        assert reads(pg.read_session, flight) == pg.Session({}, 0)
        untold = reads(pg.read_session, message(b"Z", b"I"))
        assert isinstance(untold, pg.Session)
        assert untold.server_version == ""

    def test_the_longest_session(self) -> None:
        parameter = message(b"S", b"a\0" + b"x" * 20_000 + b"\0")
        rest = 65_536 - 3 * len(parameter) - 6 - 8
        for more in (0, 1):
            last = message(b"S", b"b\0" + b"y" * (rest + more) + b"\0") + message(b"Z", b"I")
            found = survives(pg.read_session, parameter * 3 + last)
            assert isinstance(found, WireError if more else pg.Session)

    def test_it_has_an_end(self) -> None:
        assert isinstance(survives(pg.read_session, message(b"S", b"a\0" + b"x" * 999 + b"\0") * 100), WireError)


class TestHba:
    @pytest.mark.parametrize(
        ("text", "encryption"),
        [
            (", no encryption", "no encryption"),  # 14 and later
            (", SSL encryption", "SSL encryption"),
            (", GSS encryption", "GSS encryption"),
            (", SSL off", "no encryption"),  # before
            (", SSL on", "SSL encryption"),
            ("", None),  # built without TLS
        ],
    )
    def test_wordings(
        self, text: str, encryption: Literal["no encryption", "SSL encryption", "GSS encryption"] | None
    ) -> None:
        kinds: tuple[tuple[str, Literal["no entry", "rejected"]], ...]
        kinds = (("no pg_hba.conf entry", "no entry"), ("pg_hba.conf rejects connection", "rejected"))
        for begin, kind in kinds:
            refusal = pg.hba_refusal(f'{begin} for host "fe80::1%eth0", user "a b", database "hr"{text}')
            assert refusal == pg.HbaRefusal(kind, "fe80::1%eth0", "a b", "hr", encryption)

    @pytest.mark.parametrize(("name", "kind"), [("hba-reject", "rejected"), ("no-hba-entry", "no entry")])
    def test_captured(self, name: str, kind: str) -> None:
        error = pg.read_startup_answer(Buffer(captured(f"{name}-28000")))
        assert isinstance(error, pg.ErrorResponse)
        refusal = pg.hba_refusal(error.message)
        assert refusal is not None
        assert (refusal.kind, refusal.user, refusal.encryption) == (kind, "canscan", "no encryption")

    @pytest.mark.parametrize(
        "text",
        [
            'role "x" does not exist',
            "kein pg_hba.conf-Eintrag für Host »10.0.0.1«, Benutzer »u«, Datenbank »d«, keine Verschlüsselung",
            'no pg_hba.conf entry for replication connection from host "h", user "u", no encryption',
            'no pg_hba.conf entry for host "h", user "u", database "d", something new',
            'no pg_hba.conf entry for host "h", user "' + '", database "' * 1000,
        ],
    )
    def test_what_is_not_understood_is_not_guessed(self, text: str) -> None:
        assert pg.hba_refusal(text) is None

    @given(st.text(max_size=200), st.text(max_size=200))
    def test_names_come_back_as_they_were(self, user: str, database: str) -> None:
        refusal = pg.hba_refusal(f'no pg_hba.conf entry for host "h", user "{user}", database "{database}"')
        if refusal is not None and '"' not in user + database:
            assert (refusal.user, refusal.database) == (user, database)
        assert refusal is not None


@dataclass(frozen=True)
class Libpq:
    """Hold the first message of libpq and its reaction to the answer."""

    sent: bytes
    needs_password: bool
    error: str
    server_version: bytes | None


def libpq(answer: bytes) -> Libpq:
    """Let libpq connect, over loopback, to a server that says ``answer`` and then nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = PGconn.connect_start(
            f"host=127.0.0.1 port={listener.getsockname()[1]} user=canscan dbname=postgres application_name=canscan "
            "sslmode=disable gssencmode=disable passfile=/nonexistent".encode()
        )
        listener.settimeout(10)
        peer, _ = listener.accept()
    sent = b""
    with peer:
        peer.settimeout(10)
        while (status := connection.connect_poll()) in (PollingStatus.READING, PollingStatus.WRITING):
            if status == PollingStatus.READING and not sent:
                sent = peer.recv(4096)
                peer.sendall(answer)
            waiting = ([connection.socket], []) if status == PollingStatus.READING else ([], [connection.socket])
            assert any(select.select(*waiting, [], 10)), "libpq wants more than the captured answer"
        version = connection.parameter_status(b"server_version") if status == PollingStatus.OK else None
        needs_password, error = bool(connection.needs_password), connection.error_message.decode()
        connection.finish()
    return Libpq(sent, needs_password, error, version)


class TestAgainstLibpq:
    """The reference client must send what we send and read what we read."""

    @pytest.fixture(autouse=True)
    def _no_surroundings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in os.environ if name.startswith("PG")]:
            monkeypatch.delenv(name)

    @pytest.mark.parametrize("name", ["auth-cleartext", "auth-md5", "auth-sasl"])
    def test_a_password_is_asked_for(self, name: str) -> None:
        theirs = libpq(captured(name))
        ours = pg.read_startup_answer(Buffer(captured(name)))
        assert theirs.needs_password
        assert isinstance(ours, pg.AuthenticationRequest)
        assert ours.method in ("password", "md5", "scram-sha-256")
        assert theirs.sent == pg.startup("canscan", "postgres", "canscan")

    @pytest.mark.parametrize(
        "answer",
        [
            *map(captured, ("53300-too-many", "57P03-shutting-down", "hba-reject-28000", "no-hba-entry-28000")),
            b"Ecould not fork new process for connection: Cannot allocate memory\n\0",
        ],
    )
    def test_errors(self, answer: bytes) -> None:
        ours = pg.read_startup_answer(Buffer(answer))
        assert isinstance(ours, pg.ErrorResponse)
        theirs = libpq(answer)
        assert theirs.error.strip().endswith(ours.message)
        assert not theirs.needs_password

    def test_a_session(self) -> None:
        flight = captured("trust-session")
        session = pg.read_session(Buffer(flight[len(TRUST) :]))
        assert isinstance(session, pg.Session)
        assert libpq(flight).server_version == session.server_version.encode()


COLUMN = message(b"T", b"\0\1version\0" + bytes(6) + struct.pack(">IhIh", 25, -1, 0xFFFFFFFF, 0))
READY, COMPLETE = message(b"Z", b"I"), message(b"C", b"SELECT 1\0")


class TestQuery:
    """A simple query and its answer."""

    def test_what_is_sent(self) -> None:
        assert pg.query("SELECT 1") == b"Q\0\0\0\x0dSELECT 1\0"

    @pytest.mark.parametrize(
        ("rows", "text"),
        [
            ((b"\0\1\0\0\0\4PG15",), "PG15"),
            ((b"\0\1\0\0\0\4PG15", b"\0\1\0\0\0\1x"), "x"),
            ((b"\0\1\xff\xff\xff\xff",), ""),
            ((), ""),
        ],
    )
    def test_the_first_column_of_the_last_row(self, rows: tuple[bytes, ...], text: str) -> None:
        data = COLUMN + b"".join(message(b"D", row) for row in rows) + COMPLETE + READY
        assert reads(pg.read_query_answer, data) == text

    @pytest.mark.parametrize(("severity", "rest"), [(b"ERROR", READY), (b"FATAL", b""), (b"PANIC", b"")])
    def test_an_error_ends_the_answer_where_it_ends_the_session(self, severity: bytes, rest: bytes) -> None:
        fields = b"S" + severity + b"\0V" + severity + b"\0C42883\0Mno such function\0\0"
        error = reads(pg.read_query_answer, message(b"E", fields) + rest)
        assert isinstance(error, pg.ErrorResponse)
        assert (error.sqlstate, error.is_fatal) == ("42883", severity != b"ERROR")

    def test_the_most_that_is_read(self) -> None:
        notice = message(b"N", b"M" + b"x" * 2000 + b"\0\0")
        with pytest.raises(WireError, match=f"more than {pg.SESSION_LIMIT} bytes"):
            pg.read_query_answer(Buffer(notice * (pg.SESSION_LIMIT // 2000 + 1)))


@pytest.mark.parametrize("reader", READERS)
@given(fuzz.hostile(*FROM_SERVERS, b"EFATAL:  old\n\0"), st.booleans())
def test_nothing_but_wire_error_escapes(reader: Reader[object], data: bytes, eof: bool) -> None:
    survives(reader, data, eof=eof)


@pytest.mark.parametrize("reader", READERS)
@given(st.sampled_from([b"R", b"E", b"N", b"v", b"S", b"K", b"Z"]), fuzz.hostile(*(data[5:] for data in FROM_SERVERS)))
def test_nor_from_a_message_that_is_whole(reader: Reader[object], kind: bytes, payload: bytes) -> None:
    """Mutations seldom keep the length true; with it they reach the fields."""
    survives(reader, message(kind, payload))


@given(st.text(max_size=3000))
def test_hba_refusal_never_fails(text: str) -> None:
    pg.hba_refusal(text)


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        (b"E\0\0\0\x19SFATAL\0C53300\0Mfull\0\0", pg.ErrorResponse("FATAL", "53300", "full")),
        (b"E\0\0\0\x19SFATAL\0C53300\0Mfu", None),  # not whole
        (b"R\0\0\0\x08\0\0\0\0", None),  # no error
        (b"HTTP/1.1 400 Bad Request", None),
        (b"", None),
    ],
)
def test_an_error_instead_of_tls(heard: bytes, found: pg.ErrorResponse | None) -> None:
    assert pg.error_instead_of_tls(heard) == found
