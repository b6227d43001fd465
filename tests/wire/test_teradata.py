from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, OurLimit, UnknownValue, WireError, teradata
from tests.readers import reads, survives
from tests.wire import fuzz

ANSWERS = [load(name) for name in names("teradata", "*.s2c.hex")]


def answer(name: str) -> teradata.Configuration | teradata.Refusal:
    found = reads(teradata.read_answer, load(f"teradata/SYNTH-{name}.s2c.hex"), trailing=b"\x03\x02\x0a")
    assert isinstance(found, teradata.Configuration | teradata.Refusal)
    return found


def test_we_ask_as_the_vendors_driver_does() -> None:
    assert teradata.config_request() == load("teradata/teradatasql20.0-config.c2s.hex")


def test_the_configuration() -> None:
    found = answer("config-response")
    assert found == teradata.Configuration("17.20.03.20", "17.20.03.19", "17.20.3.1", ("", "", ""), True, True)


def test_the_mechanisms_by_name() -> None:
    found = reads(teradata.read_answer, load("teradata/SYNTH-config-response-td2.s2c.hex"))
    assert isinstance(found, teradata.Configuration)
    assert found.mechanisms == ("TD2", "LDAP", "KRB5")


def test_a_system_that_takes_https_alone() -> None:
    found = answer("config-response-https-only")
    assert isinstance(found, teradata.Configuration)
    assert (found.legacy_port, found.https_port) == (False, True)


@pytest.mark.parametrize("name", ["error-8011", "error-8011-little-endian"])
def test_an_error_in_either_byte_order(name: str) -> None:
    assert answer(name) == teradata.Refusal(8011, "The LAN message Format field is invalid.")


def message(body: bytes, length: int | None = None) -> bytes:
    """A LAN header: format, class, kind, the length of the body at offset 6."""
    return b"\3\2\x0a\0\0\7" + struct.pack(">I", len(body) if length is None else length) + bytes(42) + body


def parcel(flavor: int, content: bytes, order: str = ">") -> bytes:
    return struct.pack(order + "HH", flavor, len(content) + 4) + content


VERSIONS = b"\0\x0d\0\x3e" + b"PDE 17.20.03.19b".ljust(30, b"\0") + b"Teradata 17.20.03.20".ljust(32)
CONFIG = parcel(43, VERSIONS)


def configured(body: bytes) -> teradata.Configuration:
    found = reads(teradata.read_answer, message(body))
    assert isinstance(found, teradata.Configuration)
    return found


@pytest.mark.parametrize(
    ("content", "pde", "database"),
    [
        (VERSIONS, "17.20.03.19b", "17.20.03.20"),
        (b"before" + VERSIONS + b"and 99.99 behind", "17.20.03.19b", "17.20.03.20"),
        (VERSIONS[:-1], "", ""),
        (VERSIONS[:4] + b"x".ljust(28) + b"1." + b"2".ljust(32), "", ""),  # neither half has a whole one
        (VERSIONS[:4] + b"PDE".ljust(19) + b"17.20.03.19" + b"17.20".ljust(32), "17.20.03.19", "17.20"),
        (b"17.20.03.19".ljust(80), "", ""),  # not where the versions are
        (b"", "", ""),
    ],
)
def test_the_versions_of_the_configuration(content: bytes, pde: str, database: str) -> None:
    found = configured(parcel(43, content))
    assert found == teradata.Configuration(database, pde, "", (), None, None)


def offers(*listed: tuple[int, bytes]) -> bytes:
    return parcel(165, b"\0\0\0\1" + b"".join(parcel(kind, value) for kind, value in listed))


@pytest.mark.parametrize(
    ("ports", "legacy", "https"),
    [
        (b"\1\0", True, False),
        (b"\0\1", False, True),
        (b"\2\1", None, True),
        (b"\1\2x", True, None),
        (b"\1", None, None),
        (b"", None, None),
    ],
)
def test_the_offers_of_the_gateway(ports: bytes, legacy: bool | None, https: bool | None) -> None:
    found = configured(CONFIG + offers((7, b""), (2, b"\x11\x14\3\1"), (16, ports)))
    assert (found.tdgss, found.legacy_port, found.https_port) == ("17.20.3.1", legacy, https)
    assert configured(CONFIG + offers()).legacy_port is None
    assert configured(CONFIG + offers((16, b"\1\0")) + offers((16, b"\0\1"))).legacy_port is True
    assert configured(CONFIG + parcel(165, b"\0\0\0\1" + parcel(16, b"\1\0") + b"end")).legacy_port is True


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("00000000 0000000d 2b06010401813f018774010109", "TD2"),
        ("00000001 0000000c 2b06010401813f0187740114 ffff", "LDAP"),
        ("00000009 00000009 2a864886f712010202", "KRB5"),
        ("00000000 00000008 2a864886f712010202", ""),
        ("00000000 00010009 2b0601", ""),
        ("", ""),
    ],
)
def test_each_mechanism_has_a_name(content: str, name: str) -> None:
    found = configured(CONFIG + parcel(167, bytes.fromhex(content)) + parcel(167, b""))
    assert found.mechanisms == (name, "")


def test_parcels_of_other_forms() -> None:
    """The length of an alternate header follows in four octets; a gateway's error may be little-endian."""
    large = struct.pack(">HHI", 43 | 0x8000, 0, 8 + len(VERSIONS)) + VERSIONS
    assert configured(large + b"end").database == "17.20.03.20"
    assert configured(CONFIG + b"\x80\x2b\0\4").database == "17.20.03.20", "no room for a longer length"
    assert configured(parcel(12345, b"unknown") + CONFIG).database == "17.20.03.20"
    assert configured(CONFIG + parcel(43, b"")).database == "17.20.03.20", "the first of its kind counts"
    error = struct.pack("<HHHH", 0, 0, 8011, 3) + b"no!"
    assert teradata.read_answer(Buffer(message(parcel(49, error, "<")))) == teradata.Refusal(8011, "no!")
    for flavor in (49, 9):
        refusal = struct.pack(">HHHH", 1, 2, 3807, 2) + b"no more"
        refused = reads(teradata.read_answer, message(CONFIG + parcel(flavor, refusal)))
        assert refused == teradata.Refusal(3807, "no")
    short = teradata.read_answer(Buffer(message(parcel(49, struct.pack(">HHHH", 0, 0, 1, 0)))))
    assert short == teradata.Refusal(1, "")
    long = teradata.read_answer(Buffer(message(parcel(49, struct.pack(">HHHH", 0, 0, 1, 1100) + b"x" * 1100))))
    assert long == teradata.Refusal(1, "x" * 1024)


def test_the_most_that_is_read() -> None:
    empty = parcel(12345, b"") * 255
    assert configured(empty + CONFIG).database == "17.20.03.20"
    with pytest.raises(WireError, match="a parcel of"):
        teradata.read_answer(Buffer(message(empty + CONFIG + parcel(1, b""))))
    filler = struct.pack(">HHI", 0x8001, 0, 262_144 - len(CONFIG)).ljust(262_144 - len(CONFIG), b"x")
    assert teradata.read_answer(Buffer(message(filler + CONFIG))) is not None
    with pytest.raises(OurLimit, match="a Teradata message of 262145 bytes; scanready reads at most 262144"):
        teradata.read_answer(Buffer(message(b"", 262_145)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "without a configuration"),
        (parcel(165, b"\0\0\0\1"), "without a configuration"),
        (b"\0\x2b\0\3", "a parcel of 3 bytes with 4 bytes left"),
        (b"\0\x2b\0\0", "a parcel of 0 bytes with 4 bytes left"),
        (struct.pack(">HHI", 0x802B, 0, 7), "a parcel of 7 bytes with 8 bytes left"),
        (struct.pack(">HHI", 0x802B, 0, 9), "a parcel of 9 bytes with 8 bytes left"),
        (parcel(49, bytes(7)), "an error of a few bytes"),
        (CONFIG + parcel(165, b"\0\0\0\1\0\2\0\3"), "an offer of 3 bytes with 4 bytes left"),
        (CONFIG + parcel(165, b"\0\0\0\1\0\2\0\5"), "an offer of 5 bytes with 4 bytes left"),
    ],
)
def test_broken_bodies(body: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        teradata.read_answer(Buffer(message(body)))


def test_an_unknown_parcel_in_place_of_the_configuration_is_told() -> None:
    with pytest.raises(UnknownValue, match="instead of the configuration is 168 "):
        teradata.read_answer(Buffer(message(parcel(165, b"\0\0\0\1") + parcel(168, b""))))


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"\x03\x01" + bytes(60),  # a request
        b"\x03\x02\x0a\x00\x00\x07\xff\xff\xff\xff" + bytes(60),
        b"\x03\x02\x0a\x00\x00\x07\x00\x00\x00\x04" + bytes(42) + b"\x00\x2b\xff\xff",
        b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34",  # Remote Desktop
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(WireError):
        teradata.read_answer(Buffer(data))


@given(fuzz.hostile(*ANSWERS), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(teradata.read_answer, data, eof=eof)


def test_the_header_of_a_request() -> None:
    sent = teradata.config_request()
    assert teradata.header_of(sent[: teradata.HEADER]) == (len(sent), teradata.CONFIG)


@pytest.mark.parametrize("octets", [0, 1, teradata.HEADER - 1])
def test_less_than_the_header_of_a_request(octets: int) -> None:
    with pytest.raises(WireError, match="cut short"):
        teradata.header_of(bytes(octets))
