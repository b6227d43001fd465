from __future__ import annotations

import struct

import pytest
from hypothesis import given
from impacket.dcerpc.v5 import dcomrt as impacket

from fixtures.transcripts import load
from scanready.wire import Buffer, WireError, dcerpc, dcom, epm
from tests.readers import reads, survives
from tests.wire import fuzz

WINDOWS = load("dcom/SYNTH-win2019-serveralive2.s2c.hex")
STUB = WINDOWS[24:]
HOSTS = ("WIN-SRV19", "10.0.19.63", "192.168.56.1")


def alive(buffer: Buffer) -> dcom.Alive | None:
    answer = dcerpc.read_answer(buffer)
    if answer is None:
        return None
    assert isinstance(answer, dcerpc.Response)
    return dcom.read_server_alive2(answer.stub)


def test_the_interfaces_and_the_operation_are_those_that_were_asked_for() -> None:
    listed = enumerate((epm.INTERFACE, dcom.OBJECT_EXPORTER, dcom.ACTIVATOR))
    contexts = [dcerpc.Context(number, interface) for number, interface in listed]
    assert dcerpc.bind(contexts) == load("dcerpc/bind-epm-oxid-scm.c2s.hex")
    assert dcerpc.request(0, dcom.SERVER_ALIVE_2, call=2) == load("dcerpc/serveralive2.c2s.hex")


def test_a_windows() -> None:
    found = reads(alive, WINDOWS)
    assert (found.version, found.status, found.hosts) == ((5, 7), 0, HOSTS)
    assert [dcom.AUTHENTICATION.get(number) for number in found.logins] == [
        *("negotiate", None, "kerberos", "ntlm", "negoextender", "pku2u", "schannel")
    ]


def test_impacket_reads_the_same() -> None:
    response = impacket.ServerAlive2Response(STUB)
    units = response["ppdsaOrBindings"]["aStringArray"]
    strings = b"".join(struct.pack("<H", unit) for unit in units[: response["ppdsaOrBindings"]["wSecurityOffset"]])
    theirs = []
    while strings[:2] != b"\0\0":
        binding = impacket.STRINGBINDING(strings)
        theirs.append(binding["aNetworkAddr"].rstrip("\0"))
        strings = strings[len(binding) :]
    assert tuple(theirs) == HOSTS
    assert response["pComVersion"]["MinorVersion"] == 7


def answer(strings: bytes, security: bytes = b"\0\0", status: int = 0) -> bytes:
    count, at = (len(strings) + len(security)) // 2, len(strings) // 2
    stub = struct.pack("<HHIIHH", 5, 6, 1, count, count, at) + strings + security
    return stub + bytes(-len(stub) % 4) + struct.pack("<II", 0, status)


def text(value: str) -> bytes:
    return value.encode("utf-16-le") + b"\0\0"


def test_other_protocols_and_ports_are_no_hosts() -> None:
    strings = b"\x07\0" + text("srv[135]") + b"\x1f\0" + text("proxy") + b"\x07\0" + text("srv") + b"\0\0"
    found = dcom.read_server_alive2(answer(strings))
    assert found.hosts == ("srv",)
    assert [binding.protocol for binding in found.bindings] == [7, 31, 7]


def test_the_longest_lists_and_names() -> None:
    """512 bindings, and texts of 511 characters and their end."""
    name = "n" * 511
    strings = b"\x07\0" + text(name) + b"\x08\0" + text("x") + b"\0\0"
    found = dcom.read_server_alive2(
        answer(strings, b"\x0a\0\xff\xff" + text(name) + b"\x09\0\1\0" + text("") + b"\0\0")
    )
    assert found == dcom.Alive((5, 6), (dcom.Binding(7, name), dcom.Binding(8, "x")), (10, 9), 0)
    with pytest.raises(WireError, match="a binding of more than 512 characters"):
        dcom.read_server_alive2(answer(b"\x07\0" + text(name + "n") + b"\0\0"))
    full = dcom.read_server_alive2(answer(b"\x07\0\0\0" * 512 + b"\0\0", b"\x0a\0\xff\xff\0\0" * 512 + b"\0\0", 7))
    assert (len(full.bindings), full.logins, full.hosts, full.status) == (512, (10,), (), 7)
    for broken in (answer(b"\x07\0\0\0" * 513 + b"\0\0"), answer(b"\0\0", b"\x0a\0\xff\xff\0\0" * 513 + b"\0\0")):
        with pytest.raises(WireError, match="more than 512"):
            dcom.read_server_alive2(broken)


@pytest.mark.parametrize("units", [4, 5])
def test_the_status_is_aligned(units: int) -> None:
    """NDR: the two numbers at the end stand at a multiple of four."""
    stub = struct.pack("<HHIIHH", 5, 7, 0x20000, units, units, units) + bytes(2 * units) + bytes(2 * (units % 2))
    assert dcom.read_server_alive2(stub + struct.pack("<II", 9, 5)) == dcom.Alive((5, 7), (), (), 5)
    with pytest.raises(WireError, match=f"ends after {len(stub) + 7} bytes"):
        dcom.read_server_alive2(stub + bytes(7))


def test_a_list_may_end_where_its_room_does() -> None:
    strings, security = b"\x07\0" + text("a[135]") + b"\x07\0" + text("b"), b"\x10\0\xff\xff" + text("host/a")
    found = dcom.read_server_alive2(answer(strings, security))
    assert (found.hosts, found.logins) == (("a", "b"), (16,))
    assert found.bindings[0].host == "a"


def test_no_bindings_at_all() -> None:
    assert dcom.read_server_alive2(struct.pack("<HHIII", 5, 4, 0, 0, 5)) == dcom.Alive((5, 4), (), (), 5)
    assert dcom.read_server_alive2(answer(b"\0\0")).hosts == ()


def test_names_beyond_ascii() -> None:
    found = dcom.read_server_alive2(answer(b"\x07\0" + text("büro-1") + b"\x07\0\x00\xd8\0\0" + b"\0\0"))
    assert found.hosts == ("büro-1", "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (b"", "ends after 0 bytes"),
        (STUB[:40], "ends after 40 bytes"),
        (STUB[:-4], "ends after"),
        (struct.pack("<HHIIHH", 5, 7, 1, 9, 8, 4), "8 units of bindings in room for 9"),
        (struct.pack("<HHIIHH", 5, 7, 1, 4, 4, 9), "security bindings at 9"),
        (struct.pack("<HHIIHH", 5, 7, 1, 0xFFFF, 0xFFFF, 0), "ends after"),
        (answer(b"\x07\0a\0b\0"), "no end"),
        (answer(b"\x07\0"), "no end"),
        (answer(b"\x07\0" + b"a\0" * 600), "no end"),
        (answer(b"\0\0", b"\x0a\0\xff\xff"), "no end"),
    ],
)
def test_broken(broken: bytes, sentence: str) -> None:
    with pytest.raises(WireError, match=sentence):
        dcom.read_server_alive2(broken)


@given(fuzz.hostile(STUB))
def test_nothing_but_wire_error_escapes(data: bytes) -> None:
    survives(lambda buffer: dcom.read_server_alive2(buffer.everything()), data)
