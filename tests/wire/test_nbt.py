from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, UnknownValue, WireError, nbt
from tests.readers import reads, survives
from tests.wire import fuzz
from tests.wire.carried import behind_a_length, measured

FRAMES = [load(name) for name in (*names("nbt", "*session*.s2c.hex"), *names("smb", "*.s2c.hex"))]
NODE_STATUS = [load(name) for name in names("nbt", "*nbstat.s2c.hex")]
TRANSACTION = 0x1234


def test_a_session_request_is_a_captured_clients() -> None:
    theirs = load("nbt/session-request-smbserver.c2s.hex")
    ours = nbt.session_request()
    assert ours[:38] == theirs[:38], "the called name"
    assert len(ours) == len(theirs) == 72


def test_the_calling_name_is_ours() -> None:
    letters = nbt.session_request("FS01")[39:71]
    raw = bytes((high - 65) << 4 | low - 65 for high, low in zip(letters[::2], letters[1::2], strict=True))
    assert raw == b"SCANREADY".ljust(15) + b"\0"


@pytest.mark.parametrize("called", ["", "SIXTEEN-LETTERS-", "münchen"])
def test_what_is_no_netbios_name(called: str) -> None:
    with pytest.raises(ValueError, match="no NetBIOS name"):
        nbt.session_request(called)


def test_answers_to_a_session_request() -> None:
    assert reads(nbt.read_frame, load("nbt/samba4.17-session-positive.s2c.hex")) == nbt.Positive()
    denied = reads(nbt.read_frame, load("nbt/samba4.17-session-host-denied.s2c.hex"))
    assert denied == nbt.Negative(nbt.NOT_LISTENING_FOR_CALLING)
    assert isinstance(denied, nbt.Negative)
    assert denied.reason == "not listening for this caller (0x81)"
    assert reads(nbt.read_frame, load("nbt/SYNTH-session-not-present.s2c.hex")) == nbt.Negative(nbt.NOT_PRESENT)
    assert reads(nbt.read_frame, load("nbt/SYNTH-session-retarget.s2c.hex")) == nbt.Retarget("10.0.1.9", 139)


@pytest.mark.parametrize("name", names("smb", "*.s2c.hex"))
def test_every_captured_message_is_a_frame(name: str) -> None:
    found = reads(nbt.read_frame, load(name))
    assert isinstance(found, nbt.Message)
    assert nbt.message(found.payload) == load(name)


def test_a_message_too_long() -> None:
    with pytest.raises(ValueError, match="bytes"):
        nbt.message(bytes(0x20000))


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x00\xff\xff\xff\xfeSMB",  # 16 MiB
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x40\x04\x01\x00\x25",
        b"\x82\x00\x00\x01\x00",
        b"\x83\x00\x01\x00",
        b"\x85\x00\x00\x00",
        b"\x15\x03\x01\x00\x02\x02\x0a",
    ],
)
def test_what_is_no_frame(data: bytes) -> None:
    with pytest.raises(WireError):
        nbt.read_frame(Buffer(data))


def test_the_node_status_question_is_a_captured_clients() -> None:
    assert nbt.node_status_question(TRANSACTION) == load("nbt/nbstat-query.c2s.hex")


def node_status(name: str) -> nbt.NodeStatus:
    found = nbt.read_node_status(load(f"nbt/{name}.s2c.hex"), TRANSACTION)
    assert found is not None
    return found


def test_names_of_nmbd() -> None:
    found = node_status("samba4.17-nbstat")
    assert (found.server, found.domain, found.mac) == ("SMBLABB", "LABB", "00:00:00:00:00:00")
    assert nbt.Name("LABB", 0x1E, group=True) in found.names


def test_names_of_windows() -> None:
    found = node_status("SYNTH-windows2003-nbstat")
    assert (found.server, found.domain, found.mac) == ("OLD", "CORP", "00:15:5d:01:02:03")


def row(name: bytes, suffix: int, flags: int) -> bytes:
    return name.ljust(15) + bytes([suffix]) + struct.pack(">H", flags)


def told(
    *rows: bytes, flags: int = 0x8400, answers: int = 1, mac: bytes = b"\0\x15\x5d\1\2\3", length: int = 0
) -> bytes:
    """RFC 1002, 4.2.18: header, the name that was asked for, type, class, time, and the table behind its length."""
    length = length or 1 + 18 * len(rows) + len(mac)
    header = struct.pack(">HHHHHH", TRANSACTION, flags, 0, answers, 0, 0) + b"\x20" + b"CK" + b"A" * 30 + b"\0"
    return header + struct.pack(">HHIHB", 0x21, 1, 0, length, len(rows)) + b"".join(rows) + mac


def test_a_table_of_names() -> None:
    rows = (
        row(b"CORP", 0x00, 0x8400),
        row(b"FS01", 0x1D, 0x0400),
        row(b"FS02", 0x20, 0x7FFF),
        row(b"\xe9\0 ", 0, 0x7FFF),
    )
    found = nbt.read_node_status(told(*rows), TRANSACTION | 0x10000)
    names = (nbt.Name("CORP", 0, True), nbt.Name("FS01", 29, False), nbt.Name("FS02", 32, False))
    assert found == nbt.NodeStatus((*names, nbt.Name("\ufffd", 0, False)), "00:15:5d:01:02:03")
    assert (found.server, found.domain) == ("FS02", "CORP")
    groups = nbt.read_node_status(told(row(b"A", 0x20, 0x8000), row(b"B", 0x00, 0)), TRANSACTION)
    assert groups is not None
    assert (groups.server, groups.domain) == (None, None)
    assert nbt.read_node_status(told(mac=b""), TRANSACTION) == nbt.NodeStatus((), "")
    within = told(rows[0], mac=b"\1\2\3\4\5\6", length=1 + 18 + 2)
    assert nbt.read_node_status(within, TRANSACTION) == nbt.NodeStatus(names[:1], "01:02")
    assert nbt.read_node_status(told(rows[0], mac=b"1234567"), TRANSACTION) is not None


@pytest.mark.parametrize(
    ("datagram", "words"),
    [
        (told()[:12], "ends before its names"),
        (told(mac=b"")[:-1], "ends before its names"),
        (told(mac=b"", answers=0), "answers with nothing"),
        (told(row(b"A", 0, 0), mac=b"", length=18), "ends within its 1 names"),
        (told(flags=0x8401), "answers with error 1"),
        (told(flags=0x8407), "answers with error 7"),
    ],
)
def test_broken_tables(datagram: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        nbt.read_node_status(datagram, TRANSACTION)


def test_what_answers_another_question() -> None:
    assert nbt.read_node_status(told(flags=0x7FF0), TRANSACTION) is None
    assert nbt.read_node_status(told()[:11], TRANSACTION) is None
    assert nbt.read_node_status(told(), TRANSACTION + 1) is None
    for code in range(8, 16):
        with pytest.raises(UnknownValue, match=f"the result of a question to the name service is {code} "):
            nbt.read_node_status(told(flags=0x8400 | code), TRANSACTION)


def test_the_sizes_of_a_message() -> None:
    for size in (4, 0x1FFFF):
        payload = b"\xfdSMB".ljust(size, b"x")
        frame = nbt.message(payload)
        assert frame[:4] == size.to_bytes(4, "big")
        assert nbt.read_frame(Buffer(frame)) == nbt.Message(payload)
    assert reads(nbt.read_frame, nbt.message(b"\xfcSMBx")) == nbt.Message(b"\xfcSMBx")
    for head in (b"\0\0\0\3", b"\0\2\0\0"):
        with pytest.raises(WireError, match="before any login: this is not SMB"):
            nbt.read_frame(Buffer(head))
    for head in (b"\x82\0\0\1", b"\x83\0\0\0", b"\x84\0\0\5", b"\x81\0\0\0", b"\x85\0\0\0"):
        with pytest.raises(WireError, match="neither an SMB message nor an answer"):
            nbt.read_frame(Buffer(head))
    with pytest.raises(WireError, match=r"it starts with b'\\xfbSMB'"):
        nbt.read_frame(Buffer(nbt.message(b"\xfbSMB")))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0x80, "not listening on the called name (0x80)"),
        (0x82, "called name not present (0x82)"),
        (0x83, "called name present, but out of resources (0x83)"),
        (0x8F, "unspecified error (0x8f)"),
        (0x05, "no known reason (0x05)"),
    ],
)
def test_the_reasons_of_a_refusal(code: int, reason: str) -> None:
    denied = reads(nbt.read_frame, b"\x83\0\0\1" + bytes([code]))
    assert isinstance(denied, nbt.Negative)
    assert (denied.code, denied.reason) == (code, reason)


def test_names_are_of_one_to_fifteen_octets() -> None:
    """RFC 1001, 14.1: each half octet is a letter from A on."""
    request = nbt.session_request("f" * 15)
    assert request[:4] == b"\x81\0\0\x44"
    assert request[4:38] == b"\x20" + b"EG" * 15 + b"CA\0"
    assert (
        request[38:]
        == b"\x20" + b"".join(bytes((65 + (octet >> 4), 65 + (octet & 15))) for octet in b"SCANREADY      \0") + b"\0"
    )
    assert nbt.session_request("x") != request
    assert nbt.node_status_question(0x1FFFF)[:2] == b"\xff\xff"


def test_the_answer_to_another_question_is_none_of_ours() -> None:
    assert nbt.read_node_status(load("nbt/samba4.17-nbstat.s2c.hex"), 1) is None
    assert nbt.read_node_status(load("nbt/nbstat-query.c2s.hex"), TRANSACTION) is None
    assert nbt.read_node_status(b"", TRANSACTION) is None


@pytest.mark.parametrize(
    ("at", "with_"),
    [(3, b"\x03"), (7, b"\x00"), (0x2F, b"\x20"), (0x38, b"\xff"), (12, b"\xff"), (6, b"")],
    ids=["an error", "no answer", "another type", "more names than there are", "a name without end", "cut"],
)
def test_broken_node_status(at: int, with_: bytes) -> None:
    whole = load("nbt/samba4.17-nbstat.s2c.hex")
    broken = whole[:at] + with_ + whole[at + len(with_) :] if with_ else whole[:70]
    with pytest.raises(WireError):
        nbt.read_node_status(broken, TRANSACTION)


@given(fuzz.hostile(*FRAMES), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(nbt.read_frame, data, eof=eof)


@given(fuzz.hostile(*NODE_STATUS))
def test_nothing_but_wire_error_escapes_a_datagram(data: bytes) -> None:
    survives(behind_a_length(lambda datagram: nbt.read_node_status(datagram, TRANSACTION)), measured(data))
