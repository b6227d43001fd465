from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, WireError, teradata
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
