from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, WireError, tns
from tests.readers import reads, survives
from tests.wire import fuzz

ANSWERS = [load(name) for name in names("tns", "*.s2c.hex")]
REFUSALS = [name for name in names("tns", "SYNTH-refuse-*.s2c.hex") if name[17:18].isdigit()]


def answer(name: str) -> tns.Answer:
    found = reads(tns.read_answer, load(f"tns/SYNTH-{name}.s2c.hex"), trailing=b"\x00\x08\x00\x00")
    assert isinstance(found, tns.Answer)
    return found


def test_our_ping_is_laid_out_like_the_captured_one() -> None:
    theirs = load("tns/ping.c2s.hex")
    ours = tns.connect(tns.ping())
    assert ours[74:] == theirs[74:] == tns.ping().encode()
    assert [ours[at : at + 2] for at in (0, 8, 24, 26)] == [theirs[at : at + 2] for at in (0, 8, 24, 26)]


def test_our_connect_has_the_layout_of_a_drivers() -> None:
    theirs = load("tns/oracledb26.1-connect.c2s.hex")
    data = theirs[74 + 10 :].decode()
    ours = tns.connect(data)
    assert len(ours) == len(theirs)
    differing = {at for at in range(len(ours)) if ours[at] != theirs[at]}
    assert differing <= {12, 13, 70, 71, 72, 73}, sorted(differing)  # service options; out-of-band check


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_have_their_number(name: str) -> None:
    found = answer(name.removeprefix("tns/SYNTH-").removesuffix(".s2c.hex"))
    assert isinstance(found, tns.Refused)
    assert found.number == int("".join(c for c in name.partition("refuse-")[2].partition(".")[0] if c.isdigit()))


@pytest.mark.parametrize("name", ["refuse-empty", "refuse-noerr"])
def test_refusals_without_a_number(name: str) -> None:
    found = answer(name)
    assert isinstance(found, tns.Refused)
    assert found.number is None


def test_what_a_real_listener_was_seen_to_answer_a_ping() -> None:
    found = reads(tns.read_answer, load("tns/oracle-ping-answered.s2c.hex"))
    assert isinstance(found, tns.Refused)
    assert (found.number, found.alias, found.version) == (0, "LISTENER", "")


def test_a_ping_is_answered_by_a_refusal_without_an_error() -> None:
    text = b"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=0)(ALIAS=LISTENER))"
    packet = (
        (len(text) + 12).to_bytes(2, "big") + b"\x00\x00\x04\x00\x00\x00\x16\x00" + len(text).to_bytes(2, "big") + text
    )
    found = reads(tns.read_answer, packet)
    assert isinstance(found, tns.Refused)
    assert (found.number, found.alias, found.version) == (0, "LISTENER", "19.0.0.0.0")


@pytest.mark.parametrize(
    ("name", "version", "encrypted"),
    [
        ("accept-318", 318, False),
        ("accept-314-11g", 314, False),
        ("accept-313-old", 313, False),
        ("accept-318-na-required", 318, True),
    ],
)
def test_sessions(name: str, version: int, encrypted: bool) -> None:
    assert answer(name) == tns.Accepted(version, encrypted)


@pytest.mark.parametrize("name", [name[10:-8] for name in names("tns", "SYNTH-redirect-[it]*.s2c.hex")])
def test_redirects(name: str) -> None:
    found = answer(name)
    assert isinstance(found, tns.Redirected)
    assert found.host == "127.0.0.1"
    assert "SERVICE_NAME=SVC1" in found.connect_data


def test_a_resend() -> None:
    assert answer("resend-then-refuse") == tns.Resend()


@pytest.mark.parametrize(
    ("number", "version"),
    [
        (0, ""),
        (318767104, "19.0.0.0.0"),
        (352321536, "21.0.0.0.0"),
        (186647552, "11.2.0.4.0"),
        (169870592, "10.2.0.5.0"),
    ],
)
def test_versions(number: int, version: str) -> None:
    assert tns.version_of(number) == version


def test_a_name_cannot_break_out_of_its_place() -> None:
    said = tns.service("h", 1521, name="X))(COMMAND=stop", sid=None, agent="a")
    assert "COMMAND=" not in said
    assert said.count("(") == said.count(")")


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x00\x04\x00\x00\x04\x00\x00\x00",
        b"\xff\xff\x00\x00\x04\x00\x00\x00",
        b"\x00\x0a\x00\x00\x05\x00\x00\x00\x00\x00" + b"\x00\x09\x00\x00\x04\x00\x00\x00\x00",
        b"\x00\x0e\x00\x00\x05\x00\x00\x00\x00\x04(X=)",
        b"\x00\x08\x00\x00\x02\x00\x00\x00",
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(WireError):
        tns.read_answer(Buffer(data))


@given(fuzz.hostile(*ANSWERS), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(tns.read_answer, data, eof=eof)
