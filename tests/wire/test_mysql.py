from __future__ import annotations

import io
import struct
from functools import partial
from typing import Any

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, Reader, UnknownValue, WireError, mysql
from tests.readers import reads, survives
from tests.wire import fuzz

MARIADB_10 = load("mysql/mariadb10.11-greeting.s2c.hex")
MARIADB_11 = load("mysql/mariadb11.8-greeting.s2c.hex")
MYSQL_8 = load("mysql/SYNTH-mysql8.0-greeting.s2c.hex")
GREETINGS = (MARIADB_10, MARIADB_11, MYSQL_8)
FROM_SERVERS = tuple(load(name) for name in names("mysql", "*.s2c.hex"))

# Capabilities of the captured client: LONG_PASSWORD LONG_FLAG PROTOCOL_41 SECURE_CONNECTION PLUGIN_AUTH.
PLAIN = mysql.PROTOCOL_41 | mysql.SECURE_CONNECTION | mysql.PLUGIN_AUTH


def packet(payload: bytes, sequence: int = 0) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload


class TestGreeting:
    def test_mariadb_10_prefixes_its_version(self) -> None:
        greeting = reads(mysql.read_greeting, MARIADB_10)
        assert greeting == mysql.Greeting(
            protocol=10,
            version="10.11.19-MariaDB-0+deb12u1-log",
            thread_id=358,
            salt=b"I`)Eb@Ui4e!o1A4!F{^A",
            capabilities=0x81FFFFFE,
            charset=8,
            auth_plugin="mysql_native_password",
            mariadb=True,
        )
        assert greeting.product == "MariaDB"
        assert greeting.tls

    def test_tls_is_one_capability(self) -> None:
        """CLIENT_SSL is 0x800, so bit 3 of the upper of the two low bytes: ``fe ff`` becomes ``fe f7``."""
        without = reads(mysql.read_greeting, MARIADB_10.replace(b"\xfe\xff\x08", b"\xfe\xf7\x08"))
        assert isinstance(without, mysql.Greeting)
        assert not without.tls

    def test_mariadb_11_does_not(self) -> None:
        greeting = reads(mysql.read_greeting, MARIADB_11)
        assert isinstance(greeting, mysql.Greeting)
        assert greeting.version == "11.8.6-MariaDB-0+deb13u1 from Debian-log"
        assert greeting.thread_id == 149
        assert greeting.mariadb
        assert greeting.tls

    def test_mysql_8(self) -> None:
        greeting = reads(mysql.read_greeting, MYSQL_8)
        assert isinstance(greeting, mysql.Greeting)
        assert (greeting.product, greeting.version, greeting.thread_id) == ("", "8.0.39", 42)
        assert greeting.salt == b"abcdefghijklmnopqrst"
        assert greeting.auth_plugin == "caching_sha2_password"
        assert greeting.tls
        assert not greeting.mariadb

    @pytest.mark.parametrize(
        ("version", "shown", "product"),
        [
            (b"8.0.35-27 Percona Server (GPL)", "8.0.35-27 Percona Server (GPL)", "Percona Server"),
            (b"8.0.11-TiDB-v7.5.0", "8.0.11-TiDB-v7.5.0", "TiDB"),
            (b"5.5.5-m3", "5.5.5-m3", ""),  # a real milestone release of MySQL
            (b"5.5.5-10.1.48", "10.1.48", "MariaDB"),  # an administrator who hides the name keeps the prefix
            (b"5.7\xff\x1b[2J", "5.7\\xff\x1b[2J", ""),
            (b"9.1.0-commercial MySQL", "9.1.0-commercial MySQL", "MySQL"),
            (b"2.0.4-id64-release (r3135)", "2.0.4-id64-release (r3135)", ""),  # Sphinx
            (b"5.5.5-10.4.2 for 5.5.5-10.4.2", "10.4.2 for 5.5.5-10.4.2", "MariaDB"),
        ],
    )
    def test_products_tell_themselves_apart_by_their_version(self, version: bytes, shown: str, product: str) -> None:
        greeting = reads(mysql.read_greeting, packet(MYSQL_8[4:].replace(b"8.0.39", version)))
        assert isinstance(greeting, mysql.Greeting)
        assert (greeting.version, greeting.product) == (shown, product)

    def test_mariadb_under_a_false_version_is_told_by_its_capabilities(self) -> None:
        renamed = MARIADB_11[4:].replace(b"11.8.6-MariaDB-0+deb13u1 from Debian-log", b"8.0.39")
        greeting = reads(mysql.read_greeting, packet(renamed))
        assert isinstance(greeting, mysql.Greeting)
        assert greeting.mariadb

    def test_a_plugin_name_without_its_nul(self) -> None:
        """MySQL 5.5.7 to 5.5.9 (bug 59453)."""
        greeting = reads(mysql.read_greeting, packet(MYSQL_8[4:-1]))
        assert isinstance(greeting, mysql.Greeting)
        assert greeting.auth_plugin == "caching_sha2_password"

    def test_mysql_4_0_stops_after_the_capabilities_or_goes_on_with_zeros(self) -> None:
        head = b"\x0a4.0.30\0" + struct.pack("<I8sxH", 7, b"saltsalt", 0x002C)
        for tail in (b"", b"\x08\x02\x00" + bytes(13)):
            greeting = reads(mysql.read_greeting, packet(head + tail))
            assert isinstance(greeting, mysql.Greeting)
            assert (greeting.version, greeting.salt, greeting.auth_plugin) == ("4.0.30", b"saltsalt", "")
            assert not greeting.capabilities & mysql.PROTOCOL_41
            assert not greeting.mariadb

    def test_protocol_9_is_its_own_answer(self) -> None:
        greeting = reads(mysql.read_greeting, packet(b"\x093.21.33\0\x05\6\7\x08abcdefgh\0"))
        assert greeting == mysql.AncientGreeting("3.21.33", 0x08070605, b"abcdefgh")
        assert reads(mysql.read_greeting, packet(b"\x093\0\1\0\0\0")) == mysql.AncientGreeting("3", 1, b"")
        with pytest.raises(WireError, match="ends before its thread number"):
            mysql.read_greeting(Buffer(packet(b"\x093\0\1\0\0")))

    HEAD = b"\x0a9.1-MariaDB\0" + struct.pack("<I8sxH", 0x01020304, b"saltsalt", 0x8001)

    @pytest.mark.parametrize(
        ("rest", "salt", "plugin", "charset", "capabilities"),
        [
            (b"", b"", "", 0, 0x8001),
            (bytes(15), b"", "", 0, 0x8001),  # one octet less than the next part
            (struct.pack("<BxxHB6xI", 33, 0, 0, 0) + b"x" * 12, b"x" * 12, "", 33, 0x8001),
            (struct.pack("<BxxHB6xI", 33, 0, 21, 0) + b"x" * 12 + b"\0", b"x" * 12, "", 33, 0x8001),
            (struct.pack("<BxxHB6xI", 33, 8, 21, 0) + b"x" * 12 + b"\0p\0q", b"x" * 12, "p", 33, 0x88001),
            (struct.pack("<BxxHB6xI", 33, 8, 24, 0) + b"x" * 15 + b"\0p", b"x" * 15, "p", 33, 0x88001),
        ],
    )
    def test_a_greeting_may_stop_early(
        self, rest: bytes, salt: bytes, plugin: str, charset: int, capabilities: int
    ) -> None:
        greeting = reads(mysql.read_greeting, packet(self.HEAD + rest))
        assert greeting == mysql.Greeting(
            10, "9.1-MariaDB", 0x01020304, b"saltsalt" + salt, capabilities, charset, plugin, mariadb=True
        )

    def test_a_greeting_without_its_salt_is_kept_apart_by_its_capabilities(self) -> None:
        plain = b"\x0a4.1.0\0" + struct.pack("<I8sxH", 1, b"saltsalt", 0x0201)
        greeting = reads(mysql.read_greeting, packet(plain + struct.pack("<BxxHB6xI", 8, 0, 0, 0)))
        assert greeting == mysql.Greeting(10, "4.1.0", 1, b"saltsalt", 0x0201, 8, "", mariadb=False)

    @pytest.mark.parametrize(
        ("payload", "sentence"),
        [
            (b"\x0a9\0" + bytes(14), "ends before the capabilities"),
            (HEAD + struct.pack("<BxxHB6xI", 33, 0, 21, 0) + b"x" * 11, "ends within the salt"),
            (b"\x0a9", "without its terminating NUL"),
        ],
    )
    def test_a_broken_greeting(self, payload: bytes, sentence: str) -> None:
        with pytest.raises(WireError, match=sentence):
            mysql.read_greeting(Buffer(packet(payload)))

    @pytest.mark.parametrize("number", [0x0B, 0x0C, 0x1F])
    def test_a_later_number_without_a_version_text_is_no_greeting(self, number: int) -> None:
        with pytest.raises(WireError, match=f"X Protocol|starts with 0x{number:02x}"):
            mysql.read_greeting(Buffer(packet(bytes([number]) + b"a chat, 24 words long" + bytes(9))))


class TestErrors:
    @pytest.mark.parametrize(
        ("name", "code", "host"),
        [
            ("mariadb10.11-err1040-too-many-connections", 1040, None),
            ("mariadb10.11-err1129-host-blocked", 1129, "127.0.1.2"),
            ("mariadb10.11-err1130-host-not-allowed", 1130, "p1-24.lab"),
        ],
    )
    def test_before_the_greeting_there_is_no_sqlstate(self, name: str, code: int, host: str | None) -> None:
        error = reads(mysql.read_greeting, load(f"mysql/{name}.s2c.hex"))
        assert isinstance(error, mysql.ServerError)
        assert (error.code, error.sqlstate) == (code, "")
        assert error.message[:4] in ("Host", "Too ")
        assert mysql.host_seen(error.message) == host

    @pytest.mark.parametrize(
        ("name", "code", "sqlstate", "host"),
        [
            ("mariadb10.11-err1045-anon", 1045, "28000", "p1-23.lab"),
            ("mariadb10.11-err1156-http", 1156, "08S01", None),
            ("SYNTH-mysql8.0-err3159", 3159, "HY000", None),
        ],
    )
    def test_after_it_there_is_one(self, name: str, code: int, sqlstate: str, host: str | None) -> None:
        # "expected" does not bind an error: 1156 says itself that somebody lost count.
        error = reads(partial(mysql.read_login_answer, expected=2), load(f"mysql/{name}.s2c.hex"))
        assert isinstance(error, mysql.ServerError)
        assert (error.code, error.sqlstate) == (code, sqlstate)
        assert mysql.host_seen(error.message) == host

    @pytest.mark.parametrize(
        ("payload", "expected"),
        [
            (b"\xff\x10\x04", mysql.ServerError(1040, "", "")),
            (b"\xff\x10\x04#0800", mysql.ServerError(1040, "", "#0800")),
            (b"\xff\x10\x04#08004", mysql.ServerError(1040, "08004", "")),
            (b"\xff\x10\x04#08004no\xff", mysql.ServerError(1040, "08004", "no\\xff")),
        ],
    )
    def test_an_sqlstate_has_five_letters(self, payload: bytes, expected: mysql.ServerError) -> None:
        assert reads(mysql.read_greeting, packet(payload)) == expected

    def test_an_error_without_a_number_is_broken(self) -> None:
        with pytest.raises(WireError, match="without an error number"):
            mysql.read_greeting(Buffer(packet(b"\xff\x10")))


class TestLoginAnswer:
    def test_the_longest_packet(self) -> None:
        assert mysql.read_login_answer(Buffer(packet(b"\0" + bytes(65_535), 2))) == mysql.Ok(2)
        with pytest.raises(WireError, match="a packet of 65537 bytes"):
            mysql.read_login_answer(Buffer(packet(b"\0" + bytes(65_536), 2)))

    def test_a_switch_keeps_its_salt(self) -> None:
        answer = reads(partial(mysql.read_login_answer, expected=4), packet(b"\xfepl\0salt\0\0", 4))
        assert answer == mysql.AuthSwitch("pl", b"salt\0", 4)

    def test_a_switch_names_plugin_and_salt(self) -> None:
        answer = reads(mysql.read_login_answer, load("mysql/mariadb10.11-authswitch.s2c.hex"))
        assert answer == mysql.AuthSwitch("mysql_native_password", b"#&1f0XMWOg7y},\\m0DDj", 2)
        assert mysql.auth_switch_answer(answer.sequence) == b"\0\0\0\x03"

    def test_a_switch_to_the_old_password_names_nothing(self) -> None:
        answer = reads(mysql.read_login_answer, packet(b"\xfe", 2))
        assert answer == mysql.AuthSwitch("mysql_old_password", b"", 2)

    def test_ok(self) -> None:
        assert reads(mysql.read_login_answer, load("mysql/mariadb10.11-ok.s2c.hex")) == mysql.Ok(2)

    def test_a_plugin_that_goes_on(self) -> None:
        assert reads(mysql.read_login_answer, packet(b"\x01\x04", 2)) == mysql.AuthMore(b"\x04", 2)

    def test_out_of_order(self) -> None:
        with pytest.raises(WireError, match="numbered 2, not 3"):
            mysql.read_login_answer(Buffer(load("mysql/mariadb10.11-authswitch.s2c.hex")), expected=3)

    def test_sequence_numbers_wrap(self) -> None:
        assert mysql.read_login_answer(Buffer(packet(b"\0\0\0\2\0\0\0", 0)), expected=256) == mysql.Ok(0)
        assert mysql.auth_switch_answer(255) == b"\0\0\0\0"

    @pytest.mark.parametrize("payload", [b"\x02", b"\x0a", b"\xfemysql_native_password"])
    def test_anything_else_is_broken(self, payload: bytes) -> None:
        with pytest.raises(WireError):
            mysql.read_login_answer(Buffer(packet(payload, 2)))


class TestWhatWeSend:
    """Against bytes that MariaDB 10.11 answered as its documentation says."""

    def test_ssl_request(self) -> None:
        assert mysql.ssl_request(PLAIN) == load("mysql/sslrequest.c2s.hex")

    def test_login(self) -> None:
        anonymous = mysql.login("", "mysql_native_password", 1, capabilities=PLAIN)
        assert anonymous == load("mysql/anon-login.c2s.hex")
        unknown = mysql.login("u", "canscan_none", 1, capabilities=PLAIN)
        assert unknown == load("mysql/login-unknown-plugin.c2s.hex")

    def test_attributes_go_to_servers_that_take_them(self) -> None:
        plain = mysql.login("scanready_probe", "p", 2, capabilities=PLAIN, tls=True)
        named = mysql.login("scanready_probe", "p", 2, capabilities=PLAIN | mysql.CONNECT_ATTRS, tls=True)
        assert b"program_name" not in plain
        assert named.endswith(b"p\0\x17\x0cprogram_name\x09scanready")
        assert int.from_bytes(named[4:8], "little") == int.from_bytes(plain[4:8], "little") | mysql.CONNECT_ATTRS
        assert named[:4] == struct.pack("<I", len(named) - 4 | 2 << 24)
        assert named[4:36] == mysql.ssl_request(PLAIN | mysql.CONNECT_ATTRS)[4:]

    def test_long_attributes_have_long_lengths(self) -> None:
        sent = mysql.login("u", "p", 1, capabilities=PLAIN | mysql.CONNECT_ATTRS, attributes={"k": "x" * 300})
        assert sent.endswith(b"\xfc\x31\x01" + b"\x01k" + b"\xfc\x2c\x01" + b"x" * 300)
        with pytest.raises(ValueError, match="64 KiB"):
            mysql.login("u", "p", 1, capabilities=PLAIN | mysql.CONNECT_ATTRS, attributes={"k": "x" * 70_000})

    def test_servers_without_plugins_are_not_told_one(self) -> None:
        sent = mysql.login("u", "p", 1, capabilities=mysql.PROTOCOL_41)
        assert sent.endswith(b"u\0\0")

    def test_mysql_4_0_gets_the_short_form(self) -> None:
        assert mysql.login("u", "p", 1, capabilities=0x002C) == b"\x07\0\0\x01\x05\x00\xff\xff\xffu\0"

    def test_the_capabilities_are_those_of_another_client(self) -> None:
        names = (
            "LONG_PASSWORD",
            "LONG_FLAG",
            "PROTOCOL_41",
            "SSL",
            "SECURE_CONNECTION",
            "PLUGIN_AUTH",
            "CONNECT_ATTRS",
        )
        for name in names:
            assert getattr(mysql, name) == getattr(pymysql.constants.CLIENT, name)
        encrypted = mysql.login("u", "p", 1, capabilities=0x002C, tls=True)
        assert encrypted == b"\x07\0\0\x01\x05\x08\xff\xff\xffu\0"
        assert mysql.ssl_request(0)[4:12] == struct.pack("<II", 0x8A05, 1 << 24)
        assert mysql.login("u", "p", 1, capabilities=PLAIN)[4:13] == struct.pack("<IIB", 0x88205, 1 << 24, 33)

    @pytest.mark.parametrize(("size", "length"), [(250, b"\xfa"), (251, b"\xfc\xfb\0"), (0xFFF0, b"\xfc\xf0\xff")])
    def test_the_length_of_an_attribute(self, size: int, length: bytes) -> None:
        sent = mysql.login("u", "p", 1, capabilities=PLAIN | mysql.CONNECT_ATTRS, attributes={"": "x" * size})
        assert sent.endswith(
            b"p\0" + b"\xfc" + (1 + len(length) + size).to_bytes(2, "little") + b"\0" + length + b"x" * size
        )

    def test_quit(self) -> None:
        assert mysql.quit() == b"\x01\0\0\0\x01"

    def test_a_nul_cannot_cut_a_name(self) -> None:
        with pytest.raises(ValueError, match="NUL"):
            mysql.login("a\0b", "p", 1, capabilities=PLAIN)


class TestOtherProtocols:
    @pytest.mark.parametrize(
        ("first_bytes", "sentence"),
        [
            (b"SSH-2.0-OpenSSH_9.2\r\n", "number 45, not 0"),
            (b"HTTP/1.1 400 Bad Request\r\n", "number 80, not 0"),
            (b"220 mail ESMTP\r\n", "this is not MySQL"),
            (b"* OK IMAP4 ready\r\n", "this is not MySQL"),
            (b"\x15\x03\x01\x00\x02\x02\x46", "neither a MySQL greeting nor an error|this is not MySQL"),
            (b"\x05\0\0\0\x0b\x08\x05\x1a\0", "X Protocol"),
            (b"\0\0\0\0", "a packet of 0 bytes"),
            (b"\xff\xff\xff\0\x0a8.0", "a packet of 16777215 bytes"),
        ],
    )
    def test_they_are_recognised_within_five_bytes(self, first_bytes: bytes, sentence: str) -> None:
        with pytest.raises(WireError, match=sentence):
            mysql.read_greeting(Buffer(first_bytes[:5]))

    def test_the_fifth_byte_tells_whenever_it_comes(self) -> None:
        for kind in sorted({*range(256)} - {9, 10, 11, 255}):
            buffer = Buffer(b"\x05\0\0\0")
            assert mysql.read_greeting(buffer) is None
            buffer.feed(bytes([kind]))
            with pytest.raises(WireError, match=f"starts with 0x{kind:02x}: neither"):
                mysql.read_greeting(buffer)

    def test_every_cut_of_a_greeting_is_broken_or_old(self) -> None:
        """A packet that is whole by its length but ends early never yields a salt or plugin that was not there."""
        whole = MYSQL_8[4:]
        for end in range(1, len(whole)):
            answer = survives(mysql.read_greeting, packet(whole[:end]))
            if isinstance(answer, mysql.Greeting):
                assert whole[:end].startswith(b"\x0a8.0.39\0")
                assert b"abcdefghijklmnopqrst".startswith(answer.salt)
                assert "caching_sha2_password".startswith(answer.auth_plugin)
            else:
                assert isinstance(answer, WireError)


class TestAgainstPyMySQL:
    """An independent implementation reads the same bytes, without a network."""

    @staticmethod
    def connection(data: bytes) -> Any:
        connection: Any = pymysql.connections.Connection(defer_connect=True)
        connection._rfile = io.BytesIO(data)
        connection._next_seq_id = 0
        connection._current_timeout = connection._read_timeout
        return connection

    @pytest.mark.parametrize("data", GREETINGS)
    def test_greetings(self, data: bytes) -> None:
        theirs = self.connection(data)
        theirs._get_server_information()
        ours = mysql.read_greeting(Buffer(data))
        assert isinstance(ours, mysql.Greeting)
        assert theirs.server_version.removeprefix("5.5.5-") == ours.version
        assert theirs.server_thread_id == (ours.thread_id,)
        assert theirs.salt == ours.salt
        assert theirs.server_capabilities == ours.capabilities
        assert theirs.server_language == ours.charset
        assert theirs._auth_plugin_name == ours.auth_plugin

    @pytest.mark.parametrize("name", [name for name in names("mysql", "*-err*.s2c.hex") if load(name)[3] == 0])
    def test_errors(self, name: str) -> None:
        ours = mysql.read_greeting(Buffer(load(name)))
        assert isinstance(ours, mysql.ServerError)
        with pytest.raises(pymysql.err.OperationalError) as caught:
            self.connection(load(name))._get_server_information()
        assert caught.value.args == (ours.code, ours.message)


END = b"\xfe\0\0\2\0"
COLUMN = b"\3def\0\0\0\1x\0\x0c\x3f\0\x10\0\0\0\xfd\0\0\0\0\0"


def result(*payloads: bytes) -> bytes:
    return b"".join(packet(payload, number) for number, payload in enumerate(payloads, 1))


class TestQuery:
    """COM_QUERY and its answer in the text protocol."""

    def test_what_is_sent(self) -> None:
        assert mysql.query("SELECT 1") == packet(b"\x03SELECT 1")

    @pytest.mark.parametrize(
        ("row", "text"), [(b"\4er@%", "er@%"), (b"\4er@%\1x", "er@%"), (b"\xfb", ""), (END, ""), (b"\1\xff", "\\xff")]
    )
    def test_the_first_column_of_the_first_row(self, row: bytes, text: str) -> None:
        assert reads(mysql.read_query_answer, result(b"\1", COLUMN, END, row)) == text
        assert reads(mysql.read_query_answer, result(b"\2", COLUMN, COLUMN, END, row)) == text

    def test_errors(self) -> None:
        refused = b"\xff\x28\x04#42000no such function"
        for data in (result(refused), result(b"\1", COLUMN, END, refused)):
            error = reads(mysql.read_query_answer, data)
            assert isinstance(error, mysql.ServerError)
            assert (error.code, error.message) == (1064, "no such function")

    @pytest.mark.parametrize("first", [b"\0\0\0\2\0\0\0", b"\xfb", b"\xfe"])
    def test_what_is_no_number_of_columns(self, first: bytes) -> None:
        with pytest.raises(UnknownValue, match="the number of columns of a result"):
            mysql.read_query_answer(Buffer(result(first)))

    def test_columns_without_an_end(self) -> None:
        with pytest.raises(WireError, match="the columns of a result have no end"):
            mysql.read_query_answer(Buffer(result(b"\1", COLUMN, b"\4er@%")))


@pytest.mark.parametrize("reader", [mysql.read_greeting, mysql.read_login_answer, mysql.read_query_answer])
@given(fuzz.hostile(*FROM_SERVERS), st.booleans())
def test_nothing_but_wire_error_escapes(reader: Reader[object], data: bytes, eof: bool) -> None:
    survives(reader, data, eof=eof)


@given(fuzz.mutations(*(greeting[4:] for greeting in GREETINGS)))
def test_nor_from_a_packet_that_is_whole(payload: bytes) -> None:
    """Mutations seldom keep the length true; with it they reach the fields."""
    for data in (packet(payload), packet(payload, 2)):
        survives(mysql.read_greeting, data)
        survives(mysql.read_login_answer, data)


@given(st.text(max_size=600))
def test_host_seen_never_fails(message: str) -> None:
    for prefix in ("", "Host '", "Access denied for user '"):
        mysql.host_seen(prefix + message)


@pytest.mark.parametrize(
    ("heard", "found"),
    [
        (b"\x17\0\0\2\xff\x10\x04#08004Too many conns", mysql.ServerError(1040, "08004", "Too many conns")),
        (b"\x07\0\0\2\0\0\0\2\0\0\0", None),  # OK
        (b"\x16\0\0\2\xff\x10\x04#08004Too", None),  # not whole
        (b"\x02\0\0\2\xff\x10", None),  # no number
        (b"", None),
    ],
)
def test_an_error_instead_of_tls(heard: bytes, found: mysql.ServerError | None) -> None:
    assert mysql.error_instead_of_tls(heard) == found
