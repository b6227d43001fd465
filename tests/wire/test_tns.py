from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, ForeignBytes, UnknownValue, WireError, tns
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
        # the widths of the parts: 8, 8, 4, 8 and 4 bits from 18 on, before it 8, 4, 8, 4 and 8
        (0x12A595A6, "18.165.9.90.6"),
        (0x175A6A59, "23.90.6.165.9"),
        (0x11A5A5A5, "17.10.90.5.165"),
        (0x0B5A5A5A, "11.5.165.10.90"),
    ],
)
def test_versions(number: int, version: str) -> None:
    assert tns.version_of(number) == version


def test_a_name_cannot_break_out_of_its_place() -> None:
    data = tns.service("h", 1521, name="X))(COMMAND=stop", sid=None, agent="a")
    assert "COMMAND=" not in data
    assert data.count("(") == data.count(")")


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">HHBBH", 8 + len(body), 0, kind, 0, 0) + body


def test_every_octet_of_our_connect() -> None:
    """The layout of the driver's packet: versions, sizes, characteristics, where the data begins, its largest."""
    head = bytes.fromhex("013f 012c 0c01 2000 2000 4f98 0000 0001 0003 004a 00000000 8484")
    body = head + bytes(24) + bytes.fromhex("00002000 00002000 00000000 00000000")
    assert tns.connect("(x)") == struct.pack(">HHBBH", 77, 0, 1, 0, 0) + body + b"(x)"
    assert tns.connect("(x)", tns.AFTER_REDIRECT)[4:6] == b"\1\4"
    inside, apart = tns.connect("x" * 230), tns.connect("x" * 231)
    assert (len(inside), inside[:2], inside[24:26]) == (74 + 230, b"\x01\x30", b"\x00\xe6")
    assert apart[74:] == packet(6, b"\0\0" + b"x" * 231)
    assert (apart[:2], apart[24:26]) == (b"\x00\x4a", b"\x00\xe7")


def test_goodbyes() -> None:
    assert tns.goodbye(314) == bytes.fromhex("000a 0000 06 00 0000 0040")
    assert tns.goodbye(315) == bytes.fromhex("0000000a 06 00 0000 0040")


def test_connect_data() -> None:
    agent = "(CID=(PROGRAM=scanready)(HOST=a)(USER=scanready))"
    address = "(DESCRIPTION=(ADDRESS=(PROTOCOL=tcp)(HOST=h)(PORT=1521))(CONNECT_DATA="
    assert tns.service("h", 1521, name="S", sid=None, agent="a") == f"{address}(SERVICE_NAME=S){agent}))"
    assert tns.service("h", 1521, name=None, sid="X", agent="a (\"'\\=)") == f"{address}(SID=X){agent}))"
    assert "(SID=)" in tns.service("h", 1521, name="", sid=None, agent="a")


@pytest.mark.parametrize(
    ("body", "version", "encrypted"),
    [
        (b"\x01\x2c", 300, False),
        (b"\x01\x3f" + bytes(12), 319, False),
        (b"\x01\x3f" + bytes(12) + b"\xef", 319, False),
        (b"\x01\x3f" + bytes(12) + b"\x10", 319, True),
        (b"\x01\x3f" + b"\xff" * 12, 319, False),
        (b"\x01\x3f" + b"\xff" * 12 + b"\0\xff", 319, False),
    ],
)
def test_the_head_of_an_accept(body: bytes, version: int, encrypted: bool) -> None:
    assert reads(tns.read_answer, packet(2, body)) == tns.Accepted(version, encrypted)


@pytest.mark.parametrize("version", [299, 320])
def test_a_version_that_was_not_asked_for(version: int) -> None:
    with pytest.raises(UnknownValue, match=f"the version of an ACCEPT is {version} "):
        tns.read_answer(Buffer(packet(2, struct.pack(">H", version))))


def test_the_text_of_a_refusal_begins_at_its_fifth_octet() -> None:
    text = b"(DESCRIPTION=(ERR=12514)(VSNNUM=0)(CODE=1))"
    found = reads(tns.read_answer, packet(4, b"\x22zAB" + text))
    assert found == tns.Refused(12514, "", "", text.decode())
    assert reads(tns.read_answer, packet(4, bytes(4) + b"(CODE=1189)")) == tns.Refused(1189, "", "", "(CODE=1189)")


def told(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


ADDRESS = b"(ADDRESS=(PROTOCOL=tcp)(HOST=h)(PORT=%d))"


@pytest.mark.parametrize(
    ("flight", "port", "data"),
    [
        (packet(5, told(ADDRESS % 1 + b"\0S")), 1, "S"),
        (packet(5, told((ADDRESS % 1 + b"\0").ljust(256, b"D"))), 1, "D" * (256 - len(ADDRESS % 1) - 1)),
        (packet(5, told(ADDRESS % 65535) + b"\0more"), 65535, ""),
        (packet(5, b"\0\x2a") + packet(6, b"\0\0" + ADDRESS % 99 + b"\0DATA"), 99, "DATA"),
        (packet(5, b"\0\x2a") + packet(5, ADDRESS % 99), 99, ""),
        (packet(5, b"\0\0" + ADDRESS % 7) + packet(6, ADDRESS % 99), 99, ""),
    ],
)
def test_where_a_redirect_leads(flight: bytes, port: int, data: str) -> None:
    assert reads(tns.read_answer, flight) == tns.Redirected("h", port, data)


@pytest.mark.parametrize(
    "address",
    [
        b"(ADDRESS=(PORT=99)(PROTOCOL=tcp)(HOST=h))",
        b"(ADDRESS=(HOST=h)(PROTOCOL=tcp)(PORT=99))",
        b"(ADDRESS=(PROTOCOL=tcp)(HOST=\"h\")(PORT='99'))",
        b'( address = ( host = h ) ( port = "99" ) )',
        b"(DESCRIPTION=(CID=(HOST=other))(ADDRESS=(PORT=99)(HOST=h))(ADDRESS=(PORT=1)(HOST=i)))",
        b"(HOST=h)(PORT=99)",
    ],
)
def test_an_address_in_any_order_and_in_quotes(address: bytes) -> None:
    assert reads(tns.read_answer, packet(5, told(address))) == tns.Redirected("h", 99, "")


@pytest.mark.parametrize(
    "error", ["(ERR=12514)", "(ERR = 12514)", "( ERR =\t12514 )", '(err="12514")', "(CODE = 12514)"]
)
def test_the_parts_of_a_refusal_may_have_blanks_round_them(error: str) -> None:
    text = f"( DESCRIPTION = ( VSNNUM = 318767104 ) {error} ( ALIAS = LISTENER ) )"
    found = reads(tns.read_answer, packet(4, bytes(4) + text.encode()))
    assert isinstance(found, tns.Refused)
    assert (found.number, found.alias, found.version) == (12514, "LISTENER", "19.0.0.0.0")


def test_the_blanks_of_a_description_cost_no_more_than_its_length() -> None:
    def spent(size: int) -> float:
        hostile = packet(4, bytes(4) + (b"(A=x" + b" " * 250) * (size // 254))
        begun = time.process_time()
        for _ in range(10):
            tns.read_answer(Buffer(hostile))
        return time.process_time() - begun

    assert spent(16_000) < 40 * spent(1_600) + 0.05, "linear, with room for noise"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0\x08\0\x01\x04", "not an answer"),
        (b"\0\x08\0\0\x06\0\0\1", "not an answer"),
        (b"\0\x08\0\0\x01", "not an answer"),  # a CONNECT, as an echo has it
        (b"\0\x07\0\0\x04\0\0\0", "a TNS packet of 7 bytes"),
        (b"\x40\x01\0\0\x04\0\0\0", "a TNS packet of 16385 bytes"),
        (packet(2, b"\1"), "without a version"),
        (packet(5, b"\0\1x") + packet(6, b""), "an address without host and port"),
        (packet(5, b"\0\0") + b"\0\x07\0\0\x06\0\0\0", "a redirect without its text"),
        (packet(5, b"\0\0") + b"\x40\x01\0\0\x06\0\0\0", "a redirect without its text"),
        (packet(5, b"\0\0") + packet(4, ADDRESS % 9), "a redirect without its text"),
        (packet(5, b"\0\0") + packet(6, b""), "an address without host and port"),
        (packet(5, told(ADDRESS % 0)), "an address without host and port"),
        (packet(5, told(ADDRESS % 65536)), "an address without host and port"),
    ],
)
def test_broken_answers(data: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words) as caught:
        tns.read_answer(Buffer(data))
    assert type(caught.value) in (WireError, ForeignBytes)


@pytest.mark.parametrize("kind", [3, 6, 7, 9, 12, 13, 14])
def test_a_packet_of_another_type_is_tns_and_decides_nothing(kind: int) -> None:
    with pytest.raises(UnknownValue, match=f"the type of the packet that answers CONNECT is {kind} "):
        tns.read_answer(Buffer(packet(kind, b"\1\0\2")))


@pytest.mark.parametrize("address", [b"(ADDRESS=(PROTOCOL=IPC)(KEY=ora))", b"(ADDRESS=(PROTOCOL=beq)(PROGRAM=oracle))"])
def test_a_redirect_to_an_address_that_is_not_of_tcp_is_told(address: bytes) -> None:
    with pytest.raises(UnknownValue, match="the address of a redirect") as caught:
        tns.read_answer(Buffer(packet(5, told(address))))
    assert caught.value.value == address.decode()


def test_the_longest_packet() -> None:
    assert tns.read_answer(Buffer(packet(4, bytes(16_376)))) == tns.Refused(None, "", "", "")
    assert tns.read_answer(Buffer(packet(5, b"\0\0") + packet(6, ADDRESS % 9 + bytes(16_336)))) is not None


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


def data(message: bytes) -> bytes:
    """A client's DATA packet, of a session that was handed over."""
    return struct.pack(">IBBHH", 10 + len(message), tns.DATA, 0, 0, 0) + message


@pytest.mark.parametrize(
    "packet",
    [
        tns.connect(tns.ping()),
        tns.connect("(DESCRIPTION=" + "x" * 300)[-315:],
        tns.goodbye(319),
        *(data(bytes(message)) for message in ([1, 6, 0], [2, 0, 0], [34, 1, 0], [3, 118, 1])),
    ],
)
def test_what_comes_before_the_secret(packet: bytes) -> None:
    assert not tns.may_have_secret(packet)


@pytest.mark.parametrize("message", [b"\3\x73\2", b"\3", b"\3\x5e\1", b"\x11\x69", b"\xff"])
def test_whatever_is_not_known_to_come_before_the_secret_may_have_it(message: bytes) -> None:
    assert tns.may_have_secret(data(message))
