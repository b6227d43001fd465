from __future__ import annotations

import re
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.emulators import mssql as emulated
from fixtures.transcripts import load, names
from scanready.wire import Buffer, Reader, WireError, tds7
from scanready.wire.tds7 import Encryption
from tests.readers import reads, survives
from tests.wire import fuzz

FROM_SERVERS = {name: load(name) for name in names("tds7", "*.s2c.hex")}
PRELOGINS = {name: data for name, data in FROM_SERVERS.items() if "prelogin" in name}
REFUSED = load("tds7/SYNTH-login-refused-18456.s2c.hex")
ACCEPTED = load("tds7/SYNTH-login-accepted.s2c.hex")
SERVER_HELLO = load("tds7/SYNTH-tls1.2-server-hello-in-packets.s2c.hex")
FINISHED = load("tds7/SYNTH-tls1.2-server-finished-in-packets.s2c.hex")
BARE = load("tds7/SYNTH-tls1.2-answer-in-a-bare-record.s2c.hex")


def reply(payload: bytes, size: int = 4096) -> bytes:
    return emulated.packet(payload, size=size)


class TestPrelogin:
    @pytest.mark.parametrize(
        ("name", "version", "product", "encryption"),
        [
            ("sqlserver2008sp2-prelogin-on", "10.0.4000", "2008", Encryption.ON),
            ("sqlserver2014-prelogin-off", "12.0.6024", "2014", Encryption.OFF),
            ("sqlserver2017-prelogin-not-supported", "14.0.2027", "2017", Encryption.NOT_SUPPORTED),
            ("SYNTH-prelogin-off", "16.0.4135", "2022", Encryption.OFF),
            ("SYNTH-prelogin-on", "16.0.4135", "2022", Encryption.ON),
            ("SYNTH-prelogin-not-supported", "16.0.4135", "2022", Encryption.NOT_SUPPORTED),
            ("SYNTH-prelogin-required", "16.0.4135", "2022", Encryption.REQUIRED),
        ],
    )
    def test_what_servers_say(self, name: str, version: str, product: str, encryption: Encryption) -> None:
        answer = reads(tds7.read_prelogin, load(f"tds7/{name}.s2c.hex"), trailing=b"\x04\x01\x00")
        assert isinstance(answer, tds7.Prelogin)
        assert (answer.version_text, answer.product) == (version, f"Microsoft SQL Server {product}")
        assert answer.encryption == encryption
        assert answer.instance_matches is (None if "2017" in name else True)  # which was not asked

    def test_another_instance(self) -> None:
        answer = bytearray(load("tds7/SYNTH-prelogin-off.s2c.hex"))
        answer[8 + 0x21] = 1  # the value of INSTOPT: its offset in the table
        other = reads(tds7.read_prelogin, bytes(answer))
        assert isinstance(other, tds7.Prelogin)
        assert other.instance_matches is False

    @pytest.mark.parametrize(
        ("version", "product", "text"),
        [
            ("090003e8 0000", "2005", "9.0.1000"),
            ("0a320658 0000", "2008 R2", "10.50.1624"),
            ("0b000834 0000", "2012", "11.0.2100"),
            ("0c001770 0000", "2014", "12.0.6000"),
            ("0c0007d0 0000", "2014 or Azure SQL", "12.0.2000"),
            ("0d000641 0005", "2016", "13.0.1601.5"),
            ("0f0007d0 0005", "2019", "15.0.2000.5"),
            ("11001194 0001", "2025", "17.0.4500.1"),
            ("0c0007d0 0008", "2014 or Azure SQL", "12.0.2000.8"),
            ("ff000001 0000", "", "255.0.1"),
        ],
    )
    def test_versions(self, version: str, product: str, text: str) -> None:
        table = "00 001a 0006 01 0020 0001 02 0021 0001 03 0022 0000 04 0022 0001 ff"
        answer = reads(tds7.read_prelogin, reply(bytes.fromhex(table + version + "00 00 00")))
        assert isinstance(answer, tds7.Prelogin)
        assert (answer.product, answer.version_text) == (f"Microsoft SQL Server {product}".strip(), text)

    def test_an_encryption_that_nobody_knows_is_kept(self) -> None:
        answer = reads(tds7.read_prelogin, reply(bytes.fromhex("00 000b 0006 01 0011 0001 ff 10001027 0000 07")))
        assert isinstance(answer, tds7.Prelogin)
        assert answer.encryption == 7

    def test_without_the_option_there_is_no_encryption(self) -> None:
        answer = reads(tds7.read_prelogin, reply(bytes.fromhex("00 0006 0006 ff 08000202 0000")))
        assert isinstance(answer, tds7.Prelogin)
        assert (answer.encryption, answer.product) == (None, "Microsoft SQL Server 2000")

    @pytest.mark.parametrize(
        ("version", "parts", "name"),
        [
            ("", (), "Microsoft SQL Server"),
            ("10", (16,), "Microsoft SQL Server 16"),
            ("10001027", (16, 0, 4135), "Microsoft SQL Server 2022 16.0.4135"),
            ("1000102700", (16, 0, 4135), "Microsoft SQL Server 2022 16.0.4135"),
            ("10001027 0003 ffff", (16, 0, 4135, 3), "Microsoft SQL Server 2022 16.0.4135.3"),
        ],
    )
    def test_a_version_of_another_length_is_read_as_far_as_it_goes(
        self, version: str, parts: tuple[int, ...], name: str
    ) -> None:
        value = bytes.fromhex(version)
        table = struct.pack(">BHHBHH", 0, 11, len(value), 1, 11 + len(value), 1) + b"\xff" + value + b"\2"
        answer = reads(tds7.read_prelogin, reply(table))
        assert isinstance(answer, tds7.Prelogin)
        assert (answer.version, answer.name, answer.encryption) == (parts, name, Encryption.NOT_SUPPORTED)

    @pytest.mark.parametrize(
        ("payload", "words"),
        [
            ("00 0000 0006 00", "no end"),
            ("00 000b 0006 01 00ff 0001 ff 10001027 0000 07", "beyond the end"),
            ("00", "no end"),
        ],
    )
    def test_a_broken_table(self, payload: str, words: str) -> None:
        with pytest.raises(WireError, match=words):
            tds7.read_prelogin(Buffer(reply(bytes.fromhex(payload))))

    @pytest.mark.parametrize("first", [b"SSH-2.0-OpenSSH", b"\x15\x03\x01\x00\x02\x02\x28", b"HTTP/1.1 400", b"\x00"])
    def test_no_server_at_all_is_told_by_its_first_byte(self, first: bytes) -> None:
        with pytest.raises(WireError, match="not a TDS reply"):
            tds7.read_prelogin(Buffer(first[:1]))

    @pytest.mark.parametrize(("value", "matches"), [(b"\0\1", True), (b"\1\0", False), (b"\2\0", None), (b"", None)])
    def test_the_first_octet_says_whether_the_instance_matches(self, value: bytes, matches: bool | None) -> None:
        table = struct.pack(">BHHBHH", 0, 11, 6, 2, 17, len(value)) + b"\xff\x10\0\x10\x27\0\0" + value
        answer = reads(tds7.read_prelogin, reply(table))
        assert isinstance(answer, tds7.Prelogin)
        assert answer.instance_matches is matches

    def test_the_first_of_two_options_counts(self) -> None:
        table = struct.pack(">BHHBHHBHH", 0, 16, 6, 1, 22, 1, 1, 23, 1) + b"\xff\x10\0\x10\x27\0\0\3\1"
        answer = reads(tds7.read_prelogin, reply(table))
        assert isinstance(answer, tds7.Prelogin)
        assert answer.encryption == Encryption.REQUIRED

    def test_the_most_that_is_read(self) -> None:
        first, done = b"\x04\0\x7f\xff\0\0\1\0", b"\xfd" + bytes(12)
        whole = first + done + bytes(0x7FFF - 21)
        exact = whole + b"\x04\1\x7f\xff\0\0\2\0" + bytes(0x7FFF - 8)
        assert tds7.read_login_answer(Buffer(exact)) == tds7.Tokens()
        assert len(exact) == 65_534
        head = b"\x04\0\x7f\xfd\0\0\1\0" + done + bytes(0x7FFD - 21) + b"\x04\0\x7f\xfb\0\0\1\0" + bytes(0x7FFB - 8)
        assert tds7.read_login_answer(Buffer(head + b"\x04\1\0\x08\0\0\1\0")) == tds7.Tokens()
        with pytest.raises(WireError, match="more than 65536 bytes"):
            tds7.read_login_answer(Buffer(head + b"\x04\1\0\x09\0\0\1\0"))
        empty = 127 * b"\x04\0\0\x08\0\0\1\0"
        assert tds7.read_login_answer(Buffer(empty + reply(done))) == tds7.Tokens()

    def test_no_vast_message_is_waited_for(self) -> None:
        large = b"\x04\x00\x7f\xff\0\0\x01\0" + bytes(0x7FFF - 8)
        with pytest.raises(WireError, match="more than"):
            tds7.read_prelogin(Buffer(3 * large))
        with pytest.raises(WireError, match="or 128 packets"):
            tds7.read_prelogin(Buffer(129 * b"\x04\x00\x00\x08\0\0\x01\0"))
        with pytest.raises(WireError, match="more than the protocol allows"):
            tds7.read_prelogin(Buffer(b"\x04\x00\x80\x00\0\0\x01\0"))
        with pytest.raises(WireError, match="less than its header"):
            tds7.read_prelogin(Buffer(b"\x04\x01\x00\x07\0\0\x01\0"))
        with pytest.raises(WireError, match="inside a reply"):
            tds7.read_prelogin(Buffer(b"\x04\x00\x00\x08\0\0\x01\0\x12\x01\x00\x08\0\0\x01\0"))

    def test_an_error_in_its_place(self) -> None:
        answer = reads(tds7.read_prelogin, reply(emulated.REFUSALS[17809]))
        assert isinstance(answer, tds7.Tokens)
        assert [error.number for error in answer.errors] == [17809]

    def test_other_tokens_in_its_place(self) -> None:
        assert reads(tds7.read_prelogin, reply(b"\xfd" + bytes(12))) == tds7.Tokens()
        with pytest.raises(WireError, match="ends before"):
            tds7.read_prelogin(Buffer(reply(b"\xaa\0")))

    def test_sybase(self) -> None:
        """A real ASE answers unknown bytes like this (from nmap's service probes); its numbers are big-endian."""
        text = b"Login failed.\n"
        tokens = b"\xaa\x00\x14\x00\x00\x0f\xa2\x01\x0e" + text + b"\xfd\x00\x02\0\0\0\0\0\0"
        assert reads(tds7.read_prelogin, reply(tokens)) == tds7.OtherTds("Login failed.")
        body = b"\x00\x00\x0f\xa2\x01\x0e\x05ZZZZZ\0\0\0\x00\x0e" + text
        assert reads(tds7.read_prelogin, reply(b"\xaa\0\x13\0\0\x0f\xa2\1\x0dLogin failed.")) == tds7.OtherTds(
            "Login failed."
        )
        assert reads(tds7.read_prelogin, reply(b"\xe5\0\0")) == tds7.OtherTds("")
        assert reads(tds7.read_prelogin, reply(b"\xaa\0\4abcd")) == tds7.OtherTds("abcd")
        with pytest.raises(WireError, match="ends before"):  # too long for either of them
            tds7.read_prelogin(Buffer(reply(b"\xaa\1\1" + bytes(256))))
        fits_both = b"\xaa\0\0" + bytes(4)  # an empty error of TDS 7 breaks off in its fields
        with pytest.raises(WireError, match="ends before"):
            tds7.read_prelogin(Buffer(reply(fits_both)))
        exactly = b"\xaa\x00\x01" + struct.pack("<IBBHB", 7, 1, 14, 0, 0) + bytes(256 - 9)
        answer = tds7.read_prelogin(Buffer(reply(exactly)))
        assert isinstance(answer, tds7.Tokens), "its length fits TDS 7"
        assert answer.errors[0].number == 7
        extended = b"\xe5" + len(body).to_bytes(2, "big") + body
        assert reads(tds7.read_prelogin, reply(extended)) == tds7.OtherTds("Login failed.")


class TestWhatWeSend:
    def test_it_is_laid_out_as_others_lay_it_out(self) -> None:
        """The table of the captured PRELOGIN, which all emulators answer; only the version differs."""
        captured = load("tds7/prelogin.c2s.hex")
        ours = tds7.prelogin(Encryption.OFF)
        assert ours[: 8 + 26] == captured[: 8 + 26]
        assert ours[8 + 32 :] == captured[8 + 32 :]
        assert ours[8 + 26 : 8 + 32] == load("tds7/pytds1.17-prelogin.c2s.hex")[8 + 26 : 8 + 32]

    def test_the_instance_is_named(self) -> None:
        options = dict(emulated._options(tds7.prelogin(Encryption.ON, "SALES")[8:]))
        assert (options[1], options[2]) == (b"\x01", b"SALES\0")
        with pytest.raises(ValueError, match="ascii"):
            tds7.prelogin(Encryption.ON, "GEHÄLTER")

    def test_strict_clients_say_that_they_cannot_encrypt(self) -> None:
        options = dict(emulated._options(load("tds7/odbc18.6-strict-prelogin.c2s.hex")[8:]))
        assert options[1] == bytes([Encryption.NOT_SUPPORTED])
        assert b"tds/8.0" in load("tds7/odbc18-strict-client-hello.c2s.hex")
        assert tds7.ALPN == "tds/8.0"


class TestTlsInPackets:
    def test_a_flight_is_wrapped_as_odbc_wraps_it(self) -> None:
        captured = load("tds7/odbc18-tls-hello-in-packets.c2s.hex")
        ours = tds7.wrap_tls(captured[8:])
        assert ours[:6] == captured[:6]  # the packet's number: ODBC leaves it 0
        assert ours[8:] == captured[8:]

    def test_a_long_flight_takes_several_packets(self) -> None:
        flight = bytes(range(256)) * 40
        wrapped = tds7.wrap_tls(flight)
        assert tds7.wrap_tls(bytes(4088 * 256 + 1))[4096 * 255 + 6 :: 4096] == b"\0\1"
        heads, rest, at = list[tuple[int, int, int]](), b"", 0
        while at < len(wrapped):
            kind, status, length, process, number, window = struct.unpack_from(">BBHHBB", wrapped, at)
            assert (process, number, window) == (0, len(heads) + 1, 0)
            heads.append((kind, status, length))
            rest += wrapped[at + 8 : at + length]
            at += length
        assert heads == [(0x12, 0, 4096), (0x12, 0, 4096), (0x12, 1, 2072)]
        assert rest == flight
        assert tds7.wrap_tls(b"") == b"\x12\x01\x00\x08\0\0\x01\0"

    @pytest.mark.parametrize("packet", [SERVER_HELLO, FINISHED])
    def test_a_servers_flight_is_unwrapped(self, packet: bytes) -> None:
        assert reads(tds7.unwrap_tls, packet, trailing=b"\x17") == packet[8:]

    def test_a_bare_record_passes(self) -> None:
        assert reads(tds7.unwrap_tls, BARE) == BARE

    def test_an_error_instead_of_tls_is_told(self) -> None:
        with pytest.raises(WireError, match="not ready to accept"):
            tds7.unwrap_tls(Buffer(reply(emulated.REFUSALS[17187])))
        with pytest.raises(WireError, match="without an error"):
            tds7.unwrap_tls(Buffer(reply(emulated.DONE)))

    @pytest.mark.parametrize("data", [b"H", b"\x00", b"\x18"])
    def test_anything_else_is_refused_at_its_first_byte(self, data: bytes) -> None:
        with pytest.raises(WireError, match="neither TLS nor"):
            tds7.unwrap_tls(Buffer(data))

    def test_a_packet_shorter_than_its_header(self) -> None:
        with pytest.raises(WireError, match="less than its header"):
            tds7.unwrap_tls(Buffer(b"\x12\x01\x00\x03\0\0\x01\0"))


class TestLoginAnswer:
    def test_a_refusal(self) -> None:
        answer = reads(tds7.read_login_answer, REFUSED, trailing=b"\x04")
        error = tds7.ServerError(18456, 1, 14, "Login failed for user 'u1'.", "SQLSRV01\\INST1")
        assert answer == tds7.Tokens(errors=(error,))

    def test_an_acceptance(self) -> None:
        answer = reads(tds7.read_login_answer, ACCEPTED)
        assert answer == tds7.Tokens(tds7.LoginAck(0x74000004, "Microsoft SQL Server"), database="master")

    @pytest.mark.parametrize("size", [16, 64, 4096])
    def test_in_however_many_packets(self, size: int) -> None:
        answer = reads(tds7.read_login_answer, reply(emulated.accepting(b"\x04\0\0\x74", "hr"), size))
        assert answer.ack == tds7.LoginAck(0x74000004, "Microsoft SQL Server")
        assert answer.database == "hr"

    def test_a_database_that_is_not_opened_says_two_things(self) -> None:
        answer = reads(tds7.read_login_answer, reply(emulated.REFUSALS[4060]))
        assert [error.number for error in answer.errors] == [4060, 18456]

    def test_a_route(self) -> None:
        accepted = emulated.accepting(b"\x04\0\0\x74", extra=emulated.routing("db2.example", 11001))
        answer = reads(tds7.read_login_answer, reply(accepted))
        assert answer.route == tds7.Route("db2.example", 11001)

    def test_a_challenge(self) -> None:
        assert reads(tds7.read_login_answer, reply(b"\xed\x03\x00abc")).challenge

    def test_tokens_of_no_interest(self) -> None:
        features = b"\xae\x05\x02\0\0\0ab\x0a\x01\0\0\0\x01\xff"
        session_state, fed_auth = b"\xe4\x02\0\0\0ab", b"\xee\x02\0\0\0ab"
        more = b"\xfd\x01\0\0\0" + bytes(8)
        answer = reads(tds7.read_login_answer, reply(features + session_state + fed_auth + more + emulated.DONE_ERROR))
        assert answer == tds7.Tokens()

    @pytest.mark.parametrize(
        ("token", "body"),
        [
            (0xA6, b"\2\0ab"),  # a length of two octets
            (0x31, b"a"),  # 1, 2, 4 and 8 octets, by two bits of the token
            (0x36, b"ab"),
            (0x39, b"abcd"),
            (0x7E, b"abcdefgh"),
            (0x91, b""),
        ],
    )
    def test_unknown_tokens_are_stepped_over_by_their_form(self, token: int, body: bytes) -> None:
        """[MS-TDS] 2.2.4.2.1: the bits 4 and 5 say how long a token is."""
        error = b"\xaa\x09\0" + struct.pack("<IBBHB", 18456, 2, 14, 0, 0)
        answer = reads(tds7.read_login_answer, reply(bytes([token]) + body + error + b"\xfd\2\0" + bytes(10)))
        assert answer == tds7.Tokens(errors=(tds7.ServerError(18456, 2, 14, "", ""),), unknown=(token,))

    @pytest.mark.parametrize("done", [0xFD, 0xFE, 0xFF])
    def test_the_last_done_ends_what_is_read(self, done: int) -> None:
        more, last = bytes([done]) + b"\1\0" + bytes(10), bytes([done]) + b"\x10\0"
        answer = reads(tds7.read_login_answer, reply(more + b"\xed\0\0" + last + b"\x01 belongs to no login"))
        assert answer == tds7.Tokens(challenge=True)
        assert reads(tds7.read_login_answer, reply(last + b"\xed\0\0")) == tds7.Tokens()

    def test_the_fields_of_the_tokens(self) -> None:
        name = "SQL\0\0".encode("utf-16-le")
        ack = b"\xad" + struct.pack("<HBBBBBB", 6 + len(name) + 4, 1, 0x74, 0, 0, 4, 5) + name + b"\x10\0\x10\x27"
        host = "db2".encode("utf-16-le")
        route = b"\xe3" + struct.pack("<HBHBHH", 3 + 5 + len(host) + 2, 20, 5 + len(host), 0, 11001, 3) + host + b"\0\0"
        other = b"\xe3" + struct.pack("<HBBB", 3, 2, 0, 0)
        database = b"\xe3" + struct.pack("<HBB", 7, 1, 2) + "hr".encode("utf-16-le") + b"\0"
        answer = reads(tds7.read_login_answer, reply(ack + route + other + database + b"\xab\1\0x" + b"\xfd\0\0"))
        assert answer == tds7.Tokens(tds7.LoginAck(0x74000004, "SQL"), (), tds7.Route("db2", 11001), "hr")

    @pytest.mark.parametrize(
        ("payload", "words"),
        [
            (b"\xaa\xff\xff", "ends before"),
            (b"\xaa\x06\x00" + bytes(6), "ends before"),
            (b"\xad\x01\x00\x01", "ends before"),
            (b"\xe3\x05\x00\x14\xff\xff\x00\x00", "ends before"),
            (b"\xae\x01", "ends before"),
            (b"\x89\x00\x00", "a token in the answer to the login is 137"),
        ],
    )
    def test_broken_tokens(self, payload: bytes, words: str) -> None:
        with pytest.raises(WireError, match=words):
            tds7.read_login_answer(Buffer(reply(payload)))


READERS = (tds7.read_prelogin, tds7.read_login_answer, tds7.unwrap_tls)
SEEDS = (
    *FROM_SERVERS.values(),
    reply(emulated.accepting(b"\x04\0\0\x74", extra=emulated.routing("db2.example", 11001)), 64),
    *(reply(refusal) for refusal in emulated.REFUSALS.values()),
)


@given(fuzz.hostile(*SEEDS), st.sampled_from(READERS), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, reader: Reader[Any], eof: bool) -> None:
    survives(reader, data, eof=eof)


def test_no_password_is_in_the_transcripts_but_those_made_up() -> None:
    """The capturing clients logged in as "u1" with "p1"; whatever else had been captured would be somebody's."""
    for name in names("tds7", "*login7.c2s.hex"):
        login = load(name)[8:]
        since, length = struct.unpack_from("<HH", login, 44)
        password = bytes((byte ^ 0xA5) >> 4 | ((byte ^ 0xA5) << 4 & 0xF0) for byte in login[since : since + 2 * length])
        assert re.fullmatch("p1", password.decode("utf-16-le")), name
