from __future__ import annotations

import struct
import uuid
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, OurLimit, WireError, dcerpc
from tests.readers import reads, survives
from tests.wire import fuzz

EPM = (uuid.UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3, 0)
EXPORTER = (uuid.UUID("99fcfec4-5260-101b-bbcb-00aa0021347a"), 0, 0)
ACTIVATOR = (uuid.UUID("000001a0-0000-0000-c000-000000000046"), 0, 0)
FROM_SERVERS = tuple(load(name) for folder in ("dcerpc", "epm") for name in names(folder, "*.s2c.hex"))
ACCEPTED, ABSENT, NOT_NOW = dcerpc.Result(0, 0), dcerpc.Result(2, 1), dcerpc.Result(2, 2)


def server(name: str) -> bytes:
    return load(f"dcerpc/{name}.s2c.hex")


def pdu(kind: int, body: bytes, flags: int = 3, call: int = 1, order: str = "<") -> bytes:
    drep = b"\x10\0\0\0" if order == "<" else bytes(4)
    return struct.pack(order + "BBBB4sHHI", 5, 0, kind, flags, drep, 16 + len(body), 0, call) + body


def response(part: bytes, flags: int = 3, call: int = 1) -> bytes:
    return pdu(2, struct.pack("<IHBB", len(part), 0, 0, 0) + part, flags, call)


class TestBindAck:
    @pytest.mark.parametrize(
        ("name", "results"),
        [
            ("samba4.17-bind-ack-multi", (ACCEPTED, ABSENT, ABSENT)),
            ("samba4.17-bind-oxid", (ABSENT,)),
            ("samba4.17-bind-ack-one-taken-up", (ACCEPTED, NOT_NOW, ABSENT)),
            ("samba4.17-bind-ack-features", (ACCEPTED, ABSENT, ABSENT, dcerpc.Result(3, 1))),
            ("samba4.17-alter-ack-absent", (ABSENT,)),
        ],
    )
    def test_a_result_for_each_interface(self, name: str, results: tuple[dcerpc.Result, ...]) -> None:
        assert reads(dcerpc.read_answer, server(name)) == dcerpc.BindAck(results, b"")

    def test_one_that_was_not_taken_up_is_there_all_the_same(self) -> None:
        assert NOT_NOW.accepted is NOT_NOW.absent is False
        assert (ACCEPTED.accepted, ABSENT.absent) == (True, True)

    @pytest.mark.parametrize("name", ["samba4.17-bindack-ntlm2", "samba4.17-alter-ack-ntlm2"])
    def test_the_login_comes_as_it_is(self, name: str) -> None:
        answer = reads(dcerpc.read_answer, server(name))
        assert isinstance(answer, dcerpc.BindAck)
        assert answer.results == (ACCEPTED,)
        assert answer.token == server(name)[-int.from_bytes(server(name)[10:12], "little") :]
        assert answer.token.startswith(b"NTLMSSP\0\2\0\0\0")

    def test_a_secondary_address_of_any_length_is_stepped_over(self) -> None:
        for address in (b"", b"135\0", b"49664\0", rb"\PIPE\epmapper" + b"\0"):
            body = struct.pack("<HHIH", 5840, 5840, 1, len(address)) + address
            body += bytes(-len(body) % 4) + b"\1\0\0\0" + struct.pack("<HH", 2, 2) + bytes(20)
            assert reads(dcerpc.read_answer, pdu(12, body)) == dcerpc.BindAck((NOT_NOW,), b"")

    def test_big_endian_servers_are_understood_so_far(self) -> None:
        body = (
            struct.pack(">HHIH", 5840, 5840, 1, 4) + b"135\0\0\0" + b"\1\0\0\0" + struct.pack(">HH", 2, 1) + bytes(20)
        )
        assert reads(dcerpc.read_answer, pdu(12, body, order=">")) == dcerpc.BindAck((ABSENT,), b"")
        with pytest.raises(WireError, match="big-endian"):
            dcerpc.read_answer(Buffer(pdu(2, bytes(12), order=">")))

    @pytest.mark.parametrize(("named", "pad"), [(0, 2), (1, 1), (2, 0), (3, 3), (4, 2)])
    def test_results_begin_at_a_multiple_of_four(self, named: int, pad: int) -> None:
        """C706, 12.6.3.1: behind the secondary address and what aligns it."""
        results = b"".join(struct.pack("<HH20x", kind, reason) for kind, reason in ((0, 0), (2, 1), (3, 0x0102)))
        body = struct.pack("<HHIH", 5840, 5840, 1, named) + b"x" * (named + pad) + b"\3\xee\xee\xee" + results
        expected = (ACCEPTED, ABSENT, dcerpc.Result(3, 0x0102))
        assert reads(dcerpc.read_answer, pdu(12, body)) == dcerpc.BindAck(expected, b"")
        assert reads(dcerpc.read_answer, pdu(15, body)) == dcerpc.BindAck(expected, b"")
        with pytest.raises(WireError, match=f"a PDU of type 12 that ends after {16 + len(body) - 1} bytes"):
            dcerpc.read_answer(Buffer(pdu(12, body[:-1])))

    def test_sixteen_interfaces_and_no_more(self) -> None:
        body = struct.pack("<HHIHHB3x", 5840, 5840, 1, 0, 0, 16) + bytes(24 * 16)
        assert reads(dcerpc.read_answer, pdu(12, body)) == dcerpc.BindAck((ACCEPTED,) * 16, b"")
        with pytest.raises(WireError, match="results for 17 interfaces"):
            dcerpc.read_answer(Buffer(pdu(12, body[:12] + b"\x11" + body[13:] + bytes(24))))

    @pytest.mark.parametrize(
        ("result", "reason", "known"),
        [
            (0, 9, True),
            (1, 0, True),
            (1, 3, True),
            (1, 4, False),
            (2, 3, True),
            (2, 4, False),
            (3, 77, True),
            (4, 0, False),
        ],
    )
    def test_results_that_the_specification_has(self, result: int, reason: int, known: bool) -> None:
        found = dcerpc.Result(result, reason)
        assert (found.known, found.accepted, found.absent) == (known, result == 0, (result, reason) == (2, 1))


class TestRefusals:
    @pytest.mark.parametrize(
        ("reason", "words"),
        [
            (0, "no reason given"),
            (1, "temporary congestion"),
            (2, "local limit"),
            (3, "address is unknown"),
            (4, "version of the protocol"),
            (8, "kind of login"),
            (9, "invalid checksum"),
            (5, "reason (5)"),
            (0x108, "(264)"),
        ],
    )
    def test_every_reason_has_words(self, reason: int, words: str) -> None:
        answer = reads(dcerpc.read_answer, pdu(13, struct.pack("<H", reason)))
        assert answer == dcerpc.BindNak(reason)
        assert words in str(answer)

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (0x6D9, "no more endpoints"),
            (0x721, "security package"),
            (0x1C010002, "no such operation"),
            (0x1C00001A, "context that does not fit"),
            (0x1C01000B, "protocol error"),
            (0x1C010014, "too busy"),
        ],
    )
    def test_every_fault_has_words(self, status: int, words: str) -> None:
        for order in "<>":
            body = struct.pack(order + "IHBBI", 32, 0, 0, 0, status)
            answer = reads(dcerpc.read_answer, pdu(3, body, order=order))
            assert str(answer) == f"fault 0x{status:x} ({dcerpc.FAULTS[status]})"
            assert words in str(answer)

    def test_a_bind_nak(self) -> None:
        answer = reads(dcerpc.read_answer, server("samba4.17-bind-nak"))
        assert answer == dcerpc.BindNak(0)
        assert str(answer) == "bind_nak: no reason given (0)"
        assert "not recognised (8)" in str(reads(dcerpc.read_answer, pdu(13, b"\x08\0\1\5\0")))
        assert str(dcerpc.BindNak(77)) == "bind_nak: reason (77)"

    def test_a_fault(self) -> None:
        answer = reads(dcerpc.read_answer, server("samba4.17-fault-unknown-interface"))
        assert answer == dcerpc.Fault(dcerpc.UNKNOWN_INTERFACE)
        assert str(answer) == "fault 0x1c010003 (unknown interface)"
        assert str(dcerpc.Fault(5)) == "fault 0x5 (access denied)"
        assert "no name known" in str(dcerpc.Fault(0x1234))

    def test_a_fault_in_the_middle_of_a_response(self) -> None:
        data = response(b"half", flags=1) + pdu(3, struct.pack("<IHBBI", 32, 0, 0, 0, 5))
        assert reads(dcerpc.read_answer, data) == dcerpc.Fault(5)


class TestResponses:
    def test_one_fragment(self) -> None:
        answer = reads(dcerpc.read_answer, load("epm/samba4.17-ept_lookup.s2c.hex"))
        assert answer == dcerpc.Response(load("epm/samba4.17-ept_lookup.s2c.hex")[24:])

    def test_many(self) -> None:
        data = response(b"first", flags=1) + response(b"", flags=0) + response(b"last", flags=2)
        assert reads(dcerpc.read_answer, data) == dcerpc.Response(b"firstlast")

    @pytest.mark.parametrize("flags", [(0, 2), (1, 1), (2,)])
    def test_out_of_order(self, flags: tuple[int, ...]) -> None:
        with pytest.raises(WireError, match="out of order"):
            dcerpc.read_answer(Buffer(b"".join(response(b"x", one) for one in flags)))

    @pytest.mark.parametrize("part", [b"", b"\0" * 5800])
    def test_without_end(self, part: bytes) -> None:
        buffer = Buffer(response(part, flags=1))
        for _ in range(300):
            if isinstance(survives(dcerpc.read_answer, buffer.everything()), WireError):
                break
            buffer.feed(response(part, flags=0))
        assert len(buffer) <= dcerpc.MOST + 65_536
        with pytest.raises(OurLimit, match="which are all that is read"):
            dcerpc.read_answer(buffer)

    def test_the_most_that_is_read(self) -> None:
        """256 KiB before the last fragment, and 256 fragments."""
        size = 0x8000 - 24
        full = response(bytes(size), flags=1) + response(bytes(size), flags=0) * 7
        assert len(full) == dcerpc.MOST
        answer = dcerpc.read_answer(Buffer(full + response(b"x", flags=2)))
        assert answer == dcerpc.Response(bytes(size * 8) + b"x")
        with pytest.raises(WireError, match=f"an answer of more than {len(full) + 1} bytes"):
            dcerpc.read_answer(Buffer(response(bytes(size + 1), flags=1) + full[len(full) // 8 :]))
        many = response(b"", flags=1) + response(b"", flags=0) * 254
        assert dcerpc.read_answer(Buffer(many + response(b"", flags=2))) == dcerpc.Response(b"")
        with pytest.raises(WireError, match="of more than 6144 bytes"):
            dcerpc.read_answer(Buffer(many + response(b"", flags=0)))

    def test_the_stub_begins_behind_four_fields(self) -> None:
        assert reads(dcerpc.read_answer, pdu(2, b"AAAACCxxstub")) == dcerpc.Response(b"stub")
        assert reads(dcerpc.read_answer, pdu(2, bytes(8))) == dcerpc.Response(b"")

    def test_of_another_call(self) -> None:
        with pytest.raises(WireError, match="an answer to call 7, where call 2 was asked"):
            dcerpc.read_answer(Buffer(response(b"", call=7)), call=2)
        assert reads(partial(dcerpc.read_answer, call=7), response(b"x", call=7)) == dcerpc.Response(b"x")

    def test_with_the_trailer_of_a_login(self) -> None:
        signed = bytearray(response(b"stub" + bytes(8) + bytes(16)))
        signed[10] = 16
        with pytest.raises(WireError, match="login trailer although no login"):
            dcerpc.read_answer(Buffer(bytes(signed)))


class TestWhatWeSend:
    """Against bytes that Samba answered as it should."""

    def test_bind(self) -> None:
        contexts = [dcerpc.Context(number, wanted) for number, wanted in enumerate((EPM, EXPORTER, ACTIVATOR))]
        assert dcerpc.bind(contexts) == load("dcerpc/bind-epm-oxid-scm.c2s.hex")
        assert dcerpc.bind([dcerpc.Context(0, EXPORTER)]) == load("dcerpc/bind-oxid.c2s.hex")

    def test_bind_with_a_login(self) -> None:
        captured = load("dcerpc/bind-epm-ntlm1.c2s.hex")
        token = captured[captured.index(b"NTLMSSP") :]
        assert dcerpc.bind([dcerpc.Context(0, EPM)], token) == captured
        altered = dcerpc.alter_context([dcerpc.Context(0, EPM)], token, call=1)
        assert altered == captured[:2] + b"\x0e" + captured[3:]

    def test_features_are_asked_for_as_a_transfer_syntax(self) -> None:
        sent = dcerpc.bind([dcerpc.Context(3, EPM, dcerpc.SEVERAL_LOGINS)])
        assert sent.endswith(bytes.fromhex("2c1cb76c129840450100000000000000 01000000"))

    def test_every_field_of_a_request(self) -> None:
        head = struct.pack("<BBBB4sHHI", 5, 0, 0, 3, b"\x10\0\0\0", 24 + 5816, 0, 9)
        whole = dcerpc.request(7, 11, b"s" * 5816, call=9)
        assert whole == head + struct.pack("<IHH", 5816, 7, 11) + b"s" * 5816
        with pytest.raises(ValueError, match="one fragment"):
            dcerpc.request(7, 11, b"s" * 5817, call=9)
        plain = dcerpc.bind([dcerpc.Context(1, EPM)])
        assert (plain[10:12], plain[12:16]) == (b"\0\0", b"\1\0\0\0")
        trailer = dcerpc.bind([dcerpc.Context(1, EPM)], b"T", call=3)[len(plain) :]
        assert trailer == b"\x0a\2\0\0SC\0\0T"

    def test_request(self) -> None:
        assert dcerpc.request(0, 5, call=2) == load("dcerpc/serveralive2.c2s.hex")
        with pytest.raises(ValueError, match="one fragment"):
            dcerpc.request(0, 5, bytes(5840), call=2)

    def test_the_login_is_what_follows_its_trailer(self) -> None:
        whole = b"\5\1\x0c\3\x10\0\0\0\x30\0\x08\0\1\0\0\0" + bytes(16) + b"trailer.TOKENISH"
        assert reads(dcerpc.read_answer, whole) == dcerpc.BindAck((), b"TOKENISH")


class TestOtherProtocols:
    @pytest.mark.parametrize("first_bytes", [b"H", b"S", b"\x15\x03", b"\x16\x03\x03", b"\x00\x00\x00\x48\xfeSMB"])
    def test_they_are_recognised_at_their_first_byte(self, first_bytes: bytes) -> None:
        with pytest.raises(WireError, match="not DCE/RPC"):
            dcerpc.read_answer(Buffer(first_bytes))

    @pytest.mark.parametrize(
        ("broken", "sentence"),
        [
            (b"\x05\x07" + server("samba4.17-bind-oxid")[2:], "version 5"),
            (b"\x05\0\x0c\3\x11" + server("samba4.17-bind-oxid")[5:], "version 5"),
            (b"\4" + server("samba4.17-bind-oxid")[1:], "version 5"),
            (b"\5\2" + server("samba4.17-bind-oxid")[2:], "version 5"),
            (pdu(12, b"")[:4] + b"\x20" + pdu(12, b"")[5:], "version 5"),
            (pdu(12, b"")[:4] + b"\x01" + pdu(12, b"")[5:], "version 5"),
            (pdu(1, b""), "answers nothing"),
            (pdu(11, b""), "answers nothing"),
            (pdu(14, b""), "answers nothing"),
            (b"\5\0\x0c\3\x10\0\0\0\x20\0\x09\0\1\0\0\0" + bytes(16), "of 32 bytes with a login token of 9"),
            (pdu(0, b""), "answers nothing"),
            (pdu(99, b""), "answers nothing"),
            (b"\5\0\x0c\3\x10\0\0\0\x0f\0\0\0\1\0\0\0", "15 bytes"),
            (b"\5\0\x0c\3\x10\0\0\0\x20\0\xff\xff\1\0\0\0" + bytes(16), "token of 65535"),
            (pdu(12, bytes(8)), "ends after 24 bytes"),
            (pdu(12, struct.pack("<HHIH", 1, 1, 1, 0xFFFF)), "ends after"),
            (pdu(12, bytes(12) + b"\xff\0\0\0"), "255 interfaces"),
            (pdu(12, bytes(12) + b"\2\0\0\0" + bytes(24)), "ends after"),
            (pdu(13, b"\1"), "ends after"),
            (pdu(3, bytes(11)), "ends after"),
            (pdu(2, bytes(7)), "ends after"),
        ],
    )
    def test_broken_ones(self, broken: bytes, sentence: str) -> None:
        with pytest.raises(WireError, match=sentence):
            dcerpc.read_answer(Buffer(broken))


@given(fuzz.hostile(*FROM_SERVERS), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(dcerpc.read_answer, data, eof=eof)


@given(fuzz.mutations(*FROM_SERVERS))
def test_nor_from_a_pdu_that_is_whole(data: bytes) -> None:
    """Mutations seldom keep the length true; with it they reach the fields."""
    if len(data) >= 16:
        survives(dcerpc.read_answer, data[:8] + struct.pack("<H", len(data) & 0xFFFF) + data[10:])
