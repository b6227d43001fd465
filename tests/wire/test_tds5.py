from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, UnknownValue, WireError, tds5
from tests.readers import reads, survives
from tests.wire import fuzz

REPLIES = [load(name) for name in names("tds5", "*.s2c.hex")]


def answer(name: str) -> tds5.Answer:
    return reads(tds5.read_answer, load(f"tds5/SYNTH-ase-{name}.s2c.hex"))


def records(flight: bytes) -> bytes:
    """The payload of all packets."""
    payload = b""
    while flight:
        length = struct.unpack_from(">H", flight, 2)[0]
        payload, flight = payload + flight[8:length], flight[length:]
    return payload


def test_our_login_is_laid_out_like_freetds() -> None:
    ours = records(tds5.login(b"u1", b"p1", host="vm", server="127.0.0.1", application="TSQL"))
    theirs = records(load("tds5/freetds1.3-login.c2s.hex"))
    assert len(ours) == len(theirs) == 603
    differing = {at for at in range(603) if ours[at] != theirs[at]}
    allowed = {*range(93, 124), *range(171, 202), *range(462, 473), *range(525, 556)}  # pid, server, library, charset
    assert differing <= allowed, sorted(differing - allowed)


def test_the_record_of_tds_4_2_is_the_same_but_for_its_version() -> None:
    """The same client, set to the older protocol: what it adds to the record since is the capabilities behind it."""
    old = records(load("tds5/freetds1.3-tds4.2-login.c2s.hex"))
    ours = records(tds5.login(b"u1", b"p1", host="vm", server="127.0.0.1", application="TSQL"))
    assert (old[458:462], ours[458:462]) == (b"\x04\x02\x00\x00", b"\x05\x00\x00\x00")
    assert old[:93] == ours[:93]
    assert ours[568] == 0xE2
    assert 0xE2 not in old[568:569]


def test_packets_are_of_512_bytes() -> None:
    flight = tds5.login(b"u1", b"p1", host="vm", server="db")
    assert [flight[0], flight[1], flight[512], flight[513]] == [2, 0, 2, 1]
    assert len(flight) == 512 + 107


@pytest.mark.parametrize(("user", "password"), [(b"u" * 31, b"p"), (b"u", b"p" * 31)])
def test_what_has_no_room_is_not_cut(user: bytes, password: bytes) -> None:
    with pytest.raises(ValueError, match="30"):
        tds5.login(user, password, host="vm", server="db")


def test_an_accepted_login() -> None:
    found = answer("accepted")
    assert found.acknowledged == tds5.LoginAck(tds5.ACCEPTED, "ASE", (16, 0, 4, 0))
    assert (found.errors, found.failed) == ((), False)


@pytest.mark.parametrize(("name", "program"), [("refused-eed", "ASE"), ("refused-error", "sql server")])
def test_a_refused_login(name: str, program: str) -> None:
    found = answer(name)
    assert found.acknowledged is not None
    assert (found.acknowledged.status, found.acknowledged.program) == (tds5.REFUSED, program)
    assert found.errors == (tds5.Message(4002, 1, 14, "Login failed.", "ASE160"),)
    assert found.failed


def test_a_demand_for_an_encrypted_password() -> None:
    found = answer("negotiate")
    assert found.acknowledged is not None
    assert found.acknowledged.status == tds5.NEGOTIATE


def reply(payload: bytes) -> bytes:
    return struct.pack(">BBHI", 4, 1, len(payload) + 8, 0) + payload


DONE, FAILED = b"\xfd" + bytes(8), b"\xfd\x02" + bytes(7)


def test_a_statement() -> None:
    assert tds5.language("select 1") == b"\x0f\1\0\x16\0\0\0\0" + b"\x21\x09\0\0\0\0select 1"


@pytest.mark.parametrize(
    ("token", "content"),
    [
        (0xA6, b"\2\0ab"),  # a length of two octets
        (0xEA, b"\0\0"),
        (0x30, b"a"),  # 1, 2, 4 and 8 octets, by two bits of the token
        (0x75, b"ab"),
        (0x3A, b"abcd"),
        (0xBC, b"abcdefgh"),
    ],
)
def test_unknown_tokens_are_stepped_over_by_their_form(token: int, content: bytes) -> None:
    """TDS 5.0 specification, "Token streams"."""
    found = reads(tds5.read_answer, reply(bytes([token]) + content + FAILED))
    assert found == tds5.Answer(None, (), row=False, failed=True, unknown=(token,))


@pytest.mark.parametrize(
    "content",
    [
        b"\x65\2ab",  # MSG: an octet of length
        b"\xe2\2\0ab",  # CAPABILITY: two
        b"\x20\2\0\0\0ab",  # PARAMFMT2, ORDERBY2, ROWFMT2: four
        b"\x22\2\0\0\0ab",
        b"\x79abcd",  # RETURNSTATUS, LOGOUT, PROCID: always so long
        b"\x71a",
        b"\x7cabcdefgh",
        b"\xfe" + bytes(8),
        b"\xff" + bytes(8),
    ],
)
def test_tokens_of_no_interest(content: bytes) -> None:
    assert reads(tds5.read_answer, reply(content + DONE)) == tds5.Answer(None, (), row=False, failed=False)


@pytest.mark.parametrize("content", [b"\x61\2\0\0\0ab", b"\xa0\2\0ab", b"\xa1\2\0ab", b"\xee\2\0ab"])
def test_the_format_of_rows_is_a_result(content: bytes) -> None:
    found = reads(tds5.read_answer, reply(content + DONE))
    assert (found.columns, found.row) == (True, False)


@pytest.mark.parametrize("token", [0xFD, 0xFE, 0xFF])
def test_the_last_done_says_whether_it_failed(token: int) -> None:
    failed = bytes([token, 2]) + bytes(7)
    assert reads(tds5.read_answer, reply(failed)).failed
    assert not reads(tds5.read_answer, reply(failed + DONE)).failed
    assert not reads(tds5.read_answer, reply(b"\x71\0")).failed, "without one, nothing says so"


@pytest.mark.parametrize(("token", "data"), [(0x01, b""), (0x80, b"\0\0"), (0xC5, b"")])
def test_a_token_without_a_form_is_told(token: int, data: bytes) -> None:
    with pytest.raises(UnknownValue, match=f"a token in the answer is {token} "):
        tds5.read_answer(Buffer(reply(bytes([token]) + data)))


def test_a_token_without_a_form_ends_an_answer_whose_login_was_judged() -> None:
    ack = b"\xad\x0d\0" + b"\5\5\0\0\0\x0aASE\x10\0\4\7"
    found = reads(tds5.read_answer, reply(ack + b"\x01" + DONE))
    assert found.acknowledged == tds5.LoginAck(5, "ASE", (16, 0, 4, 7))
    assert found.unread is not None
    assert found.unread.value == 0x01


@pytest.mark.parametrize(
    ("status", "taken_for"), [(1, 5), (5, 5), (6, 6), (7, 7), (0x85, 5), (0x86, 6), (0x87, 7), (0x81, 0x81), (9, 9)]
)
def test_the_statuses_of_a_loginack(status: int, taken_for: int) -> None:
    content = bytes([status]) + b"\5\0\0\0\x0aASE\x10\0\4\7"  # 10 for a name of 3: clients read what is left
    acknowledged = reads(tds5.read_answer, reply(b"\xad\x0d\0" + content + DONE)).acknowledged
    assert acknowledged == tds5.LoginAck(taken_for, "ASE", (16, 0, 4, 7))
    nameless = reads(tds5.read_answer, reply(b"\xad\x0a\0" + content[:6] + content[-4:])).acknowledged
    assert nameless == tds5.LoginAck(taken_for, "", (16, 0, 4, 7))


def test_the_fields_of_the_messages() -> None:
    head = struct.pack("<IBB", 4002, 3, 14)
    extended = head + b"\5ZZZZZ\0\1\0" + b"\2\0no\3ASE\4proc\7\0"
    plain = struct.pack("<IBB", 1, 2, 10) + b"\2\0hi\1S\0\0\0"
    tokens = b"".join(
        bytes([token]) + struct.pack("<H", len(content)) + content
        for token, content in ((0xE5, extended), (0xAA, plain), (0xAB, plain))
    )
    found = reads(tds5.read_answer, reply(tokens + DONE))
    note = tds5.Message(1, 2, 10, "hi", "S")
    assert found.messages == (tds5.Message(4002, 3, 14, "no", "ASE"), note, note)
    assert found.errors == found.messages[:1], "10 is a note, 11 an error"
    long = struct.pack("<IBBH", 1, 2, 11, 1025) + b"x" * 1025 + b"\0"
    (error,) = reads(tds5.read_answer, reply(b"\xaa" + struct.pack("<H", len(long)) + long)).errors
    assert error.text == "x" * 1024


def test_the_most_that_is_read() -> None:
    assert reads(tds5.read_answer, reply(b"\x71\0" * 511 + FAILED)).failed
    with pytest.raises(WireError, match="of more than 512 tokens"):
        tds5.read_answer(Buffer(reply(b"\x71\0" * 512 + FAILED)))
    part = b"\4\0\xff\xff\0\0\0\0\xd1" + bytes(65_526)
    whole = part * 4 + b"\4\1\0%b\0\0\0\0"
    with pytest.raises(WireError, match="a TDS reply of more than 262144 bytes"):
        tds5.read_answer(Buffer(whole % b"\x09" + b"x"))
    shorter = b"\4\0\xff\xfb\0\0\0\0\xd1" + bytes(65_522)
    found = tds5.read_answer(Buffer(shorter + whole[65_535:] % b"\x08"))
    assert found is not None
    assert found.row


def test_a_row_ends_what_is_read() -> None:
    rowformat = b"\xee\x02\x00\x00\x00"
    payload = rowformat + b"\xd1\x99\x98\x97"
    found = reads(tds5.read_answer, struct.pack(">BBHI", 4, 1, len(payload) + 8, 0) + payload)
    assert found.row
    assert reads(tds5.read_answer, reply(b"\xd7\xff\xff")) == tds5.Answer(None, (), row=False, failed=False)


def test_a_reply_in_two_packets_is_one() -> None:
    whole = records(load("tds5/SYNTH-ase-refused-eed.s2c.hex"))
    first, second = whole[:20], whole[20:]
    cut = b"".join(struct.pack(">BBHI", 4, last, len(part) + 8, 0) + part for last, part in ((0, first), (1, second)))
    assert reads(tds5.read_answer, cut) == answer("refused-eed")


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x04\x01\x00\x07\x00\x00\x00\x00",  # shorter than its header
        b"\x04\x01\x00\x09\x00\x00\x00\x00\x01",  # an unknown token
        b"\x04\x01\x00\x0b\x00\x00\x00\x00\xad\xff\xff",  # a token beyond the end
        reply(b"\xad\x09\0" + bytes(9)),  # a LOGINACK without room for its fields
        reply(b"\xe2\2\0a"),
        reply(b"\xfd" + bytes(7)),
        reply(b"\xaa\4\0" + bytes(4)),
    ],
)
def test_what_is_no_reply(data: bytes) -> None:
    with pytest.raises(WireError):
        tds5.read_answer(Buffer(data))


@given(fuzz.hostile(*REPLIES), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(tds5.read_answer, data, eof=eof)
