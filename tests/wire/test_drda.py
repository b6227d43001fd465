from __future__ import annotations

import contextlib
import struct
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, OurLimit, UnknownValue, WireError, drda
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


def _structures(flight: bytes) -> list[tuple[int, int, int, list[tuple[int, bytes]]]]:
    """Flags, number, codepoint and parameters of each structure of a request, whose lengths must fit."""
    found = []
    while flight:
        length, magic, flags, number, inner, codepoint = struct.unpack_from(">HBBHHH", flight)
        assert (magic, inner) == (0xD0, length - 6)
        found.append((flags, number, codepoint, _parameters(flight[10:length])))
        flight = flight[length:]
    return found


def _parameters(content: bytes) -> list[tuple[int, bytes]]:
    found = []
    while content:
        length, codepoint = struct.unpack_from(">HH", content)
        assert 4 <= length <= len(content)
        found.append((codepoint, content[4:length]))
        content = content[length:]
    return found


def test_every_parameter_of_our_requests() -> None:
    """The values of the flight that Derby answered, and of IBM's and Derby's drivers."""
    ours = _structures(drda.exchange_attributes("canscan", then=drda.access_security(3, "SAMPLE")))
    theirs = _structures(load("drda/excsat-accsec.c2s.hex"))
    theirs[0][3][3] = (0x1147, "QDB2/JVM".encode("cp500"))  # the product that we are to be taken for
    assert ours == theirs
    assert _structures(drda.exchange_attributes("x"))[0][:3] == (1, 1, 0x1041)
    assert drda.MECHANISMS[drda.UNLIKELY] == "DCE"
    token = bytes(range(32))
    (encrypted,) = _structures(drda.access_security(9, None, token))
    assert encrypted == (1, 2, 0x106D, [(0x11A2, b"\0\x09"), (0x11DC, token)])
    database = "sample".ljust(18).encode("cp500")
    check, access = _structures(load("drda/derby10.14-jdbc-login.c2s.hex"))
    plain = _structures(drda.security_check(3, "sample", b"u1", b"wrong"))
    assert plain == [(1, *check[1:3], [check[3][0], (0x2110, database), *check[3][2:]])]
    secret = _structures(drda.security_check(drda.ENCRYPTED, "sample", b"U", b"P", number=7))
    assert secret == [(1, 7, 0x106E, [(0x11A2, b"\0\x09"), (0x2110, database), (0x11DC, b"U"), (0x11DC, b"P")])]
    ((flags, number, codepoint, opened),) = _structures(drda.access_database("sample"))
    assert (flags, number, codepoint) == (1, 1, access[2])
    values = dict(access[3])
    assert dict(opened)[0x210F] == values[0x210F] == b"\x24\x07"
    assert dict(opened)[0x2110] == database
    assert (dict(opened)[0x112E].decode("cp500"), dict(opened)[0x002F].decode("cp500")) == ("SQL11055", "QTDSQLASC")
    assert _parameters(dict(opened)[0x0035]) == [(point, b"\x04\xb8") for point, _ in _parameters(values[0x0035])]
    assert dict(opened)[0x2135] == "scanrdy.00".encode("cp500") + bytes(8)


def test_every_parameter_of_a_query() -> None:
    sent = drda.open_query("a-database-of-more-than-18", "SELECT 1")
    length = int.from_bytes(sent[:2])
    prepare, rest = sent[:length], sent[length:]
    named = "a-database-of-more-than-18".encode("cp500") + "".join(
        name.ljust(18) for name in ("NULLID", "SYSSH200")
    ).encode("cp500")
    package = [(0x2113, named + b"SYSLVL01\0\1")]
    assert _structures(prepare) == [(0x41, 1, 0x200D, package)]
    statement = b"\0\0\0\0\x08SELECT 1\xff"
    head = struct.pack(">HBBHHH", 10 + len(statement), 0xD0, 0x53, 1, 4 + len(statement), 0x2414)
    assert rest.startswith(head + statement)
    assert _structures(rest[10 + len(statement) :]) == [(1, 2, 0x200C, [*package, (0x2114, b"\0\0\x7f\xff")])]


def structure(content: bytes = b"", codepoint: int = 0x1443, flags: int = 2) -> bytes:
    return struct.pack(">HBBHHH", len(content) + 10, 0xD0, flags, 1, len(content) + 4, codepoint) + content


def test_the_longest_chain() -> None:
    assert len(drda.read_replies(Buffer(structure(flags=0x42) * 31 + structure())) or ()) == 32
    with pytest.raises(WireError, match="of more than 65536 bytes or 32 structures"):
        drda.read_replies(Buffer(structure(flags=0x42) * 32 + structure()))
    two = structure(bytes(32_753), flags=0x42) * 2
    assert len(drda.read_replies(Buffer(two + structure())) or ()) == 3
    with pytest.raises(WireError, match="of more than 65536 bytes or 32 structures"):
        drda.read_replies(Buffer(two + structure(b"x")))
    with pytest.raises(WireError, match="a DRDA structure of 32768 bytes"):
        drda.read_replies(Buffer(structure(bytes(32_758))))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"db2 inst~", "db2 inst~"),
        ("db2 inst".encode("cp500"), "db2 inst"),
        (b"x" * 300, "x" * 255),
        (b"", ""),
        (b"ab\x7f", b"ab\x7f".decode("cp500")),
    ],
)
def test_names_are_in_either_code(name: bytes, text: str) -> None:
    def given_as(point: int, value: bytes) -> bytes:
        return struct.pack(">HH", len(value) + 4, point) + value

    content = given_as(0x115E, b"first") + b"".join(given_as(point, name) for point in (0x116D, 0x1147, 0x115A, 0x115E))
    levels = struct.pack(">HHHH", 0x1C08, 1208, 0x2407, 7)
    found = drda.attributes_of(drda.Object(0x1443, content + given_as(0x1404, levels)))
    assert found == drda.ServerAttributes(
        " ".join(text.split()), found.server_name, found.release, "first", found.managers
    )
    assert found.product_class == found.server_name == found.release
    assert (found.managers, found.unicode) == ({0x1C08: 1208, 0x2407: 7}, True)
    other = drda.attributes_of(drda.Object(0x1443, given_as(0x1404, struct.pack(">HH", 0x1C08, 0))))
    assert (other.unicode, other.external_name) == (False, "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("0007 1404 140300", "manager levels of odd length"),
        ("0003 1404", "a parameter of 3 bytes with 4 bytes left"),
        ("0005 1404", "a parameter of 5 bytes with 4 bytes left"),
        ("0004 1404 00", "without its header"),
        ("0004 1404 000000", "without its header"),
    ],
)
def test_broken_parameters(content: str, words: str) -> None:
    with pytest.raises(WireError, match=words):
        drda.attributes_of(drda.Object(0x1443, bytes.fromhex(content)))


@pytest.mark.parametrize(
    ("content", "offer"),
    [
        ("0006 11a2 0003", drda.SecurityOffer((3,))),
        ("0008 11a2 0003 0009 0005 11a4 01", drda.SecurityOffer((3, 9), 1)),
        ("0004 11a4 0006 11a2 0004", drda.SecurityOffer((4,))),
        ("0006 11a2 0009 0006 11dc abcd", drda.SecurityOffer((9,), None, b"\xab\xcd")),
        ("0004 2110 0006 11a2 0003", drda.SecurityOffer((3,))),
        ("", drda.SecurityOffer(())),
    ],
)
def test_offers(content: str, offer: drda.SecurityOffer) -> None:
    assert drda.security_of(drda.Object(0x14AC, bytes.fromhex(content))) == offer


@pytest.mark.parametrize("content", ["0004 11a2", "0007 11a2 000300", "0005 11a2 03"])
def test_a_mechanism_has_two_octets(content: str) -> None:
    with pytest.raises(WireError, match="a security mechanism of odd length"):
        drda.security_of(drda.Object(0x14AC, bytes.fromhex(content)))


def test_what_is_not_known_is_told() -> None:
    with pytest.raises(UnknownValue, match=r"an ACCSECRD without mechanisms is 8464 \(0x2110\)"):
        drda.security_of(drda.Object(0x14AC, bytes.fromhex("0004 2110 0004 2111")))
    with pytest.raises(UnknownValue, match=r"\(SECCHKCD\) is 23 "):
        drda.check_code(drda.Object(0x1219, bytes.fromhex("0005 11a4 17")))
    assert drda.check_code(drda.Object(0x1219, bytes.fromhex("0006 1149 0008 0005 11a4 16 0005 11a4 00"))) == 22
    for content in ("", "0004 11a4"):
        with pytest.raises(WireError, match="without a code"):
            drda.check_code(drda.Object(0x1219, bytes.fromhex(content)))
    known, unknown = drda.Object(0x2201, b""), drda.Object(0x7777, b"")
    assert str(drda.unexpected((known,))) == "neither an answer nor a refusal"
    assert type(drda.unexpected((known,))) is WireError
    assert "the codepoint of a reply is 30583" in str(drda.unexpected((known, unknown)))


@pytest.mark.parametrize("order", ["big", "little"])
def test_the_card_is_in_the_byte_order_of_the_server(order: Literal["big", "little"]) -> None:
    for code in (-30082, -1060, -2, 0, 100):
        card = b"\0" + code.to_bytes(4, order, signed=True) + b"08004" + b"SQLERRPR" + b"?a\xffb"
        assert drda.sql_error(drda.Object(0x2408, card)) == drda.SqlError(code, "08004", "?a b")
    shortest = bytes(5) + b"00000" + bytes(8)
    assert drda.sql_error(drda.Object(0x2408, shortest)) == drda.SqlError(0, "00000", "")
    assert drda.sql_error(drda.Object(0x2408, b"\xff")) is None
    long = drda.sql_error(drda.Object(0x2408, shortest + b"x" * 300))
    assert long is not None
    assert long.text == "x" * 255
    with pytest.raises(WireError, match="of a few bytes"):
        drda.sql_error(drda.Object(0x2408, bytes(17)))


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
        ("SQL110X5", None),
        ("SQL1105A", "11.05.A"),
        ("ARI07030", "07.03.0"),
        ("IFX01210 and more", "01.21.0"),
        ("CSS10140", "10.14.0"),
        ("SQL/11055", None),
        ("CSS10140/10.14.2.0 - (1828579)", "10.14.2.0"),
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
    with pytest.raises(OurLimit, match="32 structures"):
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


def test_the_header_of_a_request() -> None:
    sent = drda.security_check(drda.USER_AND_PASSWORD, "SAMPLE", b"er", b"pw")
    assert drda.header_of(sent[: drda.HEADER]) == (len(sent), drda.SECCHK)
    asked = drda.access_security(drda.USER_AND_PASSWORD, "SAMPLE")
    assert drda.header_of(asked[: drda.HEADER]) == (len(asked), drda.ACCSEC)
    assert drda.header_of(b"\0\x0a\xd1" + asked[3 : drda.HEADER])[1] not in drda.BEFORE_THE_SECRET


@pytest.mark.parametrize("octets", [0, 1, drda.HEADER - 1])
def test_less_than_the_header_of_a_request(octets: int) -> None:
    with pytest.raises(WireError, match="cut short"):
        drda.header_of(bytes(octets))
