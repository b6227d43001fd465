from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, WireError, nbt
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
