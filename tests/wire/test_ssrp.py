from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load
from scanready.wire import WireError, ssrp
from tests.readers import reads, survives
from tests.wire import fuzz
from tests.wire.carried import behind_a_length, measured

TWO = load("ssrp/SYNTH-two-instances.s2c.hex")
READER = behind_a_length(ssrp.read_answer)


def answer(text: str) -> bytes:
    return b"\x05" + struct.pack("<H", len(text)) + text.encode("latin-1")


def test_the_questions_are_those_of_other_clients() -> None:
    assert load("ssrp/pytds1.17-all.c2s.hex") == ssrp.ALL
    assert load("ssrp/odbc18-about-sales.c2s.hex") == ssrp.about("SALES")


@pytest.mark.parametrize("name", ["", "A\0B", "A" * 33, "\u0416"])
def test_what_cannot_be_the_name_of_an_instance(name: str) -> None:
    with pytest.raises(ValueError, match=r"name of an instance|encode"):
        ssrp.about(name)


def test_two_instances() -> None:
    first, second = reads(READER, measured(TWO))
    assert first == ssrp.Instance("SQLSRV01", "MSSQLSERVER", "16.0.1000.6", False, 1433, "")
    assert (second.name, second.tcp, second.pipe) == ("SALES", 51433, "\\\\SQLSRV01\\pipe\\MSSQL$SALES\\sql\\query")


@pytest.mark.parametrize(
    ("fields", "port"),
    [
        ("tcp;51433", 51433),
        ("np;\\\\H\\pipe\\x", None),
        ("tcp;", None),
        ("tcp;0", None),
        ("tcp;65536", None),
        ("tcp;65535", 65535),
        ("tcp;1", 1),
        ("tcp;001433", None),
        ("tcp;01433", 1433),
        ("tcp;x", None),
        ("tcp;" + "9" * 5000, None),
        ("tcp;1433;tcp;1444", 1433),
    ],
)
def test_ports(fields: str, port: int | None) -> None:
    told = f"ServerName;H;InstanceName;I;IsClustered;Yes;Version;11.0.2100.60;{fields};;"
    (instance,) = reads(READER, measured(answer(told)))
    assert (instance.tcp, instance.clustered, instance.version) == (port, True, "11.0.2100.60")


def test_an_answer_that_ends_early_is_read_as_far_as_it_goes() -> None:
    (instance,) = reads(READER, measured(answer("ServerName;H;InstanceName;I;IsClustered;No;Version;16.0;tcp")))
    assert (instance.name, instance.tcp) == ("I", None)
    assert reads(READER, measured(answer(""))) == ()


def test_what_an_instance_may_leave_out() -> None:
    assert reads(READER, measured(answer("InstanceName;I;ServerName;H"))) == (
        ssrp.Instance("H", "I", "", False, None, ""),
    )
    every = "servername;H;INSTANCENAME;I;IsClustered;YES;VERSION;1;np;p;TCP;65535;Version;2;;"
    both = reads(READER, measured(answer(every + ";" + every.replace("65535", "1") + "\0")))
    assert both == (ssrp.Instance("H", "I", "1", True, 65535, "p"), ssrp.Instance("H", "I", "1", True, 1, "p"))
    odd = "ServerName;H\xe9;InstanceName;I;IsClustered;perhaps;tcp;\xb2"
    assert reads(READER, measured(answer(odd))) == (ssrp.Instance("H\xe9", "I", "", False, None, "", "\xb2"),)


def test_the_longest_name_of_an_instance() -> None:
    assert ssrp.about("A" * 32) == b"\4" + b"A" * 32 + b"\0"
    assert ssrp.about("\xe9") == b"\4\xe9\0"


@pytest.mark.parametrize(("data", "words"), [(b"\5", "an answer of 1 bytes"), (b"\5\1", "an answer of 2 bytes")])
def test_an_answer_without_its_size(data: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        ssrp.read_answer(data)
    assert ssrp.read_answer(b"\5\0\0") == ()
    for other in (b"", b"\4", b"\xff"):
        with pytest.raises(WireError, match="the answer starts with"):
            ssrp.read_answer(other + TWO[1:] if other else other)


@pytest.mark.parametrize("size", [0, 1, 0x7FFF, 0xFFFF])
def test_the_size_is_not_heeded(size: int) -> None:
    """Clients take the datagram for the answer; some Browsers count otherwise."""
    assert ssrp.read_answer(TWO[:1] + struct.pack("<H", size) + TWO[3:]) == ssrp.read_answer(TWO)


@pytest.mark.parametrize(
    "data", [b"", b"\x05\x01", b"\x04", b"HTTP/1.1 400", answer("Version;16.0;;"), answer("ServerName;H;;")]
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(WireError):
        ssrp.read_answer(data)


@given(fuzz.hostile(TWO), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(READER, measured(data), eof=eof)
