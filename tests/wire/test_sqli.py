from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, WireError, sqli
from tests.readers import reads, survives
from tests.wire import fuzz

ANSWERS = [load(name) for name in names("sqli", "*.s2c.hex")]


def answer(name: str) -> sqli.Answer:
    return reads(sqli.read_answer, load(f"sqli/SYNTH-ids-{name}.s2c.hex"))


def test_our_request_has_the_blocks_of_a_drivers() -> None:
    ours = sqli.connect("u1", "p1", "ifxsrv", host="vm")
    theirs = load("sqli/informix_driver2026.9-conreq.c2s.hex")
    assert int.from_bytes(ours[:2], "big") == len(ours)
    upto = theirs.index(b"\x00\x6a")  # their environment and process differ from ours
    assert ours[2:upto] == theirs[2:upto]
    assert ours[-2:] == theirs[-2:]


def test_an_accepted_connection() -> None:
    found = answer("accepted")
    assert found.kind == sqli.CONACC
    assert found.version == "IBM Informix Dynamic Server Version 14.10.FC7"
    assert (found.code, found.host) == (0, "dbhost01")


@pytest.mark.parametrize("code", [761, 908, 951, 956])
def test_refusals(code: int) -> None:
    found = answer(f"refused-{code}")
    assert (found.kind, found.code) == (sqli.CONREJ, -code)


def test_a_refusal_as_informix_1150_gives_it() -> None:
    found = answer("refused-951-ids11.50")
    assert (found.kind, found.code, found.os_error) == (sqli.CONREJ, -951, 0)
    assert found.about == "nmap@agent01"
    assert found.host == "dbhost01"


def test_a_redirect() -> None:
    found = answer("redirect-destination")
    assert found.kind == sqli.REDIRECT
    assert found.destination == sqli.Destination("ol_hr2", "db2.corp", "9088")
    assert found.destination.port == 9088


def test_a_redirect_that_does_not_say_where_to() -> None:
    found = answer("redirect")
    assert (found.kind, found.destination) == (sqli.REDIRECT, None)


@pytest.mark.parametrize(
    ("text", "destination"),
    [
        ("redirect:ol_hr2|10.0.0.7|sqlexec", ("ol_hr2", "10.0.0.7", "sqlexec")),
        ("x=ol_hr2:db2:99999", ("ol_hr2", "db2", "99999")),
        ("redirect=ol_hr2|db2.corp", None),
        ("redirect=ol_hr2|db2.corp|9088|more", None),
        ("redirect=ol_hr2|fe80::1|9088", None),  # the marks are within it: nobody could tell
        ("redirect=ol_hr2||9088", None),
        ("redirect=ol_hr2|db2, port: 1, server: x|9088", None),
        ("", None),
    ],
)
def test_what_a_redirect_says(text: str, destination: tuple[str, str, str] | None) -> None:
    found = sqli.Answer(sqli.REDIRECT, "", 0, 0, text, "").destination
    assert found == (sqli.Destination(*destination) if destination else None)
    assert found is None or found.port is None


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x00\x10\x03\x3c\x10\x00",  # shorter than its fixed part
        b"\xff\xff\x03\x3c\x10\x00",
        b"\x00\xc6\x01\x3c\x10\x00",  # a request
        b"\x00\x46\x03\x3c\x10\x00" + b"\x01" * 64,
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(WireError):
        sqli.read_answer(Buffer(data))


@given(fuzz.hostile(*ANSWERS), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(sqli.read_answer, data, eof=eof)
