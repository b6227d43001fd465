from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, WireError, tds5
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


def test_a_row_ends_what_is_read() -> None:
    rowformat = b"\xee\x02\x00\x00\x00"
    payload = rowformat + b"\xd1\x99\x98\x97"
    found = reads(tds5.read_answer, struct.pack(">BBHI", 4, 1, len(payload) + 8, 0) + payload)
    assert found.row


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
    ],
)
def test_what_is_no_reply(data: bytes) -> None:
    with pytest.raises(WireError):
        tds5.read_answer(Buffer(data))


@given(fuzz.hostile(*REPLIES), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(tds5.read_answer, data, eof=eof)
