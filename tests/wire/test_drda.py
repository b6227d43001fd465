from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, WireError, drda
from tests.readers import reads, survives
from tests.wire import fuzz

REPLIES = [load(name) for name in names("drda", "*.s2c.hex")]


def replies(name: str) -> tuple[drda.Object, ...]:
    return reads(drda.read_replies, load(f"drda/{name}.s2c.hex"), trailing=b"\x00\x15\xd0")


def test_our_first_flight_is_the_one_that_derby_answered() -> None:
    assert load("drda/excsat-accsec.c2s.hex")[:4] == bytes.fromhex("004dd041")
    ours = drda.exchange_attributes("canscan", then=drda.access_security(3, "SAMPLE"))
    assert _shape(ours) == _shape(load("drda/excsat-accsec.c2s.hex"))


def _shape(flight: bytes) -> list[tuple[int, int]]:
    """Flags and codepoint of each structure."""
    found = []
    while flight:
        length = int.from_bytes(flight[:2], "big")
        found.append((flight[3], int.from_bytes(flight[8:10], "big")))
        flight = flight[length:]
    return found


def test_derby_says_who_it_is() -> None:
    (reply,) = replies("derby10.14-excsatrd")
    assert reply.codepoint == drda.EXCSATRD
    found = drda.attributes_of(reply)
    assert found.product_class == "Apache Derby"
    assert found.server_name == "NetworkServerControl"
    assert drda.version_of(found.release) == "10.14.2.0"
    assert found.managers[drda.SQLAM] == 7
    assert not found.unicode


def test_derby_lists_its_mechanisms_to_ibms_driver() -> None:
    attributes, offer = replies("derby10.14-excsatrd-mechanisms")
    assert drda.attributes_of(attributes).product_class == "Apache Derby"
    assert drda.security_of(offer) == drda.SecurityOffer((3, 4, 8), code=1)


def test_what_comes_out_of_order_is_told_so() -> None:
    (reply,) = replies("derby10.14-prccnvrm")
    assert drda.REFUSALS[reply.codepoint][0] == "PRCCNVRM"


def test_a_card_that_reports_no_error() -> None:
    end, card = replies("derby10.14-enduowrm")
    assert (end.codepoint, card.codepoint) == (0x220C, drda.SQLCARD)
    error = drda.sql_error(card)
    assert error is not None
    assert error.code == 0


def test_db2_says_who_it_is() -> None:
    attributes, refusal = replies("SYNTH-db2-excsatrd-accsecrd")
    found = drda.attributes_of(attributes)
    assert (found.product_class, found.server_name) == ("QDB2/LINUXX8664", "db2inst1")
    assert drda.version_of(found.release) == "11.05.8"
    assert drda.security_of(refusal) == drda.SecurityOffer((3,), code=1)


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("SQL11055", "11.05.5"),
        ("DSN12015", "12.01.5"),
        ("QSQ07040", "07.04.0"),
        ("CSS10140/10.14.2.0", "10.14.2.0"),
        ("SQL1", None),
        ("XYZ11055", None),
        ("", None),
        ("CSS/", None),
    ],
)
def test_releases(release: str, version: str | None) -> None:
    assert drda.version_of(release) == version


def test_the_login_prompt() -> None:
    _, offer = replies("derby10.14-accsecrd")
    assert drda.security_of(offer) == drda.SecurityOffer((3,))


def test_all_mechanisms_are_listed_if_ours_is_not_among_them() -> None:
    _, offer = replies("SYNTH-db2-mechanisms")
    found = drda.security_of(offer)
    assert (found.mechanisms, found.code) == ((3, 4), 1)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("derby10.14-secchkrm-refused", 0x13),
        ("SYNTH-db2-expired", 0x0E),
        ("SYNTH-db2-badpw", 0x0F),
        ("SYNTH-db2-baduser", 0x13),
    ],
)
def test_refused_logins(name: str, code: int) -> None:
    answer = next(reply for reply in replies(name) if reply.codepoint == drda.SECCHKRM)
    assert drda.check_code(answer) == code


def test_a_database_that_is_not_there() -> None:
    found = replies("derby10.14-rdbnfnrm")
    assert [reply.codepoint for reply in found] == [drda.SECCHKRM, 0x2211, drda.SQLCARD]
    assert drda.REFUSALS[0x2211][0] == "RDBNFNRM"
    error = drda.sql_error(found[2])
    assert error is not None
    assert "Database 'nosuchdb' not found" in error.text


def test_an_accepted_login() -> None:
    found = replies("derby10.14-accrdbrm")
    assert [reply.codepoint for reply in found][:2] == [drda.SECCHKRM, drda.ACCRDBRM]
    assert drda.check_code(found[0]) == 0


def test_the_login_is_laid_out_like_a_vendors() -> None:
    sent = drda.security_check(drda.USER_AND_PASSWORD, "sample", drda.ebcdic("u1"), drda.ebcdic("wrong"))
    theirs = load("drda/derby10.14-jdbc-login.c2s.hex")
    points = [_points(flight[10 : int.from_bytes(flight[:2], "big")]) for flight in (sent, theirs)]
    assert points[0] == points[1] == [drda.SECMEC, drda.RDBNAM, drda.USRID, drda.PASSWORD]


def test_a_database_is_opened_like_a_vendor_does() -> None:
    theirs = load("drda/derby10.14-jdbc-login.c2s.hex")
    second = theirs[int.from_bytes(theirs[:2], "big") :]
    ours = drda.access_database("sample")
    assert set(_points(ours[10:])) <= set(_points(second[10:]))


def _points(content: bytes) -> list[int]:
    found = []
    while content:
        found.append(int.from_bytes(content[2:4], "big"))
        content = content[int.from_bytes(content[:2], "big") :]
    return found


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes.fromhex("0085d0010001007f1443"),  # a request, not a reply
        bytes.fromhex("8085d0020001007f1443"),  # continued
        bytes.fromhex("0085d0020001007e1443"),  # the object does not fill it
        bytes.fromhex("0009d002000100031443"),
    ],
)
def test_what_is_no_reply(data: bytes) -> None:
    with pytest.raises(WireError):
        drda.read_replies(Buffer(data))


def test_an_endless_chain_ends() -> None:
    one = bytes.fromhex("000ad042000100041443")
    with pytest.raises(WireError, match="without an end"):
        drda.read_replies(Buffer(one * 40))


def test_what_a_server_calls_itself_is_printable() -> None:
    name = "evil\x1b[2J\u202e".encode("cp500", "replace") + b"\x27[2J"
    parameter = (len(name) + 4).to_bytes(2, "big") + drda.SRVNAM.to_bytes(2, "big") + name
    assert drda.attributes_of(drda.Object(drda.EXCSATRD, parameter)).server_name.isprintable()


@given(fuzz.hostile(*REPLIES), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    found = survives(drda.read_replies, data, eof=eof)
    if isinstance(found, tuple):
        for reply in found:
            for read in (drda.attributes_of, drda.security_of, drda.check_code, drda.sql_error):
                with contextlib.suppress(WireError):
                    read(reply)


def test_a_statement_is_laid_out_like_a_vendors() -> None:
    """SQLSTT as ibm_db sends it: nullable mixed text with a four-byte length, then no single-byte text."""
    sent = drda.open_query("SAMPLE", "SELECT 1 FROM T")
    assert bytes.fromhex("2414 00 0000000f") + b"SELECT 1 FROM T\xff" in sent
    assert _shape(sent) == [(0x41, 0x200D), (0x53, 0x2414), (0x01, 0x200C)]
