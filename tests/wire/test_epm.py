from __future__ import annotations

import struct
import uuid

import pytest
from hypothesis import given
from impacket.dcerpc.v5 import epm as impacket

from fixtures.transcripts import load
from scanready.wire import Buffer, WireError, dcerpc, epm
from tests.readers import reads, survives
from tests.wire import fuzz

WINREG = (uuid.UUID("338cd001-2244-31f1-aaaa-900038001003"), 1, 0)
EVENT_LOG = (uuid.UUID("f6beaff7-1e19-4fbb-9f8f-b89e2018337c"), 1, 0)
LOOKUPS = [load(f"epm/{name}.s2c.hex") for name in ("samba4.17-ept_lookup", "samba4.17-dc-ept_lookup")]
MAPS = [load(f"epm/samba4.17-ept_map-{name}.s2c.hex") for name in ("epm", "winreg", "iremotescmactivator-oxid")]
WINDOWS = [load(f"dcom/SYNTH-{name}.s2c.hex") for name in ("win2019-ept_lookup", "win2003-ept_lookup")]


def stub(answer: dcerpc.Answer | None) -> bytes:
    assert isinstance(answer, dcerpc.Response)
    return answer.stub


def looked_up(buffer: Buffer) -> epm.Lookup | None:
    answer = dcerpc.read_answer(buffer)
    return None if answer is None else epm.read_lookup(stub(answer))


def mapped(buffer: Buffer) -> epm.Mapped | None:
    answer = dcerpc.read_answer(buffer)
    return None if answer is None else epm.read_map(stub(answer))


def ports(found: epm.Lookup) -> set[int]:
    return {entry.tower.port for entry in found.entries if entry.tower and entry.tower.port is not None}


class TestLookup:
    def test_a_whole_table(self) -> None:
        found = reads(looked_up, LOOKUPS[0])
        assert (found.handle, found.status, len(found.entries)) == (epm.NO_HANDLE, epm.NOT_REGISTERED, 38)
        assert ports(found) == {135, 49152, 49153, 49154}
        assert [entry.annotation for entry in found.entries[:4]] == [
            "eventlog",
            "ntsvcs",
            "ntsvcs",
            "FileServerVssAgent",
        ]
        winreg = next(entry.tower for entry in found.entries if entry.tower and entry.tower.interface == WINREG)
        assert winreg.port is None  # the first of it is a named pipe

    def test_a_page(self) -> None:
        found = reads(looked_up, LOOKUPS[1])
        assert (len(found.handle), found.handle != epm.NO_HANDLE, found.status, len(found.entries)) == (20, True, 0, 53)

    def test_a_windows(self) -> None:
        found = epm.read_lookup(WINDOWS[0])
        assert ports(found) == {49664, 49665, 49666, 49667, 49668, 49669, 49671}
        assert found.entries[4].annotation == "Event log TCPIP"
        assert found.entries[4].tower == epm.Tower(EVENT_LOG, 49665, "10.0.19.63")
        assert ports(epm.read_lookup(WINDOWS[1])) == {1025, 1026, 1027}

    def test_nothing(self) -> None:
        found = epm.read_lookup(load("dcom/SYNTH-win2019-ept_lookup-empty.s2c.hex"))
        assert found == epm.Lookup(epm.NO_HANDLE, (), epm.NOT_REGISTERED)

    @pytest.mark.parametrize("table", [stub(dcerpc.read_answer(Buffer(page))) for page in LOOKUPS] + WINDOWS)
    def test_impacket_reads_the_same(self, table: bytes) -> None:
        theirs = impacket.ept_lookupResponse(table)
        towers = [impacket.EPMTower(b"".join(entry["tower"]["tower_octet_string"])) for entry in theirs["entries"]]
        endpoints = [impacket.PrintStringBinding(tower["Floors"]) for tower in towers]
        ours = epm.read_lookup(table)
        assert len(endpoints) == len(ours.entries)
        for theirs_is, entry in zip(endpoints, ours.entries, strict=True):
            assert entry.tower is not None
            if entry.tower.port is None:
                assert not theirs_is.startswith("ncacn_ip_tcp")
            else:
                assert theirs_is == f"ncacn_ip_tcp:{entry.tower.address}[{entry.tower.port}]"


class TestMap:
    def test_where_it_is(self) -> None:
        assert reads(mapped, MAPS[1]) == epm.Mapped(epm.NO_HANDLE, (epm.Tower(WINREG, 49153, "127.0.0.1"),), 0)
        windows = epm.read_map(load("dcom/SYNTH-win2019-ept_map-eventlog.s2c.hex"))
        assert windows.towers == (epm.Tower(EVENT_LOG, 49665, "10.0.19.63"),)

    def test_nowhere(self) -> None:
        assert reads(mapped, MAPS[2]) == epm.Mapped(epm.NO_HANDLE, (), epm.NOT_REGISTERED)


class TestWhatWeSend:
    """Against bytes that Samba answered."""

    def test_lookup(self) -> None:
        assert dcerpc.request(0, epm.LOOKUP, epm.lookup(), call=2) == load("epm/ept_lookup-all.c2s.hex")
        assert epm.lookup(b"h" * 20)[16:36] == b"h" * 20

    @pytest.mark.parametrize(("name", "interface"), [("winreg", WINREG), ("epm", epm.INTERFACE)])
    def test_map(self, name: str, interface: epm.Syntax) -> None:
        assert dcerpc.request(0, epm.MAP, epm.map_interface(interface), call=2) == load(f"epm/ept_map-{name}.c2s.hex")

    def test_free(self) -> None:
        assert epm.free(b"h" * 20) == b"h" * 20


def table(*towers: bytes, count: int | None = None) -> bytes:
    """Build a table: one entry with the annotation "x" for each tower."""
    number = len(towers) if count is None else count
    data = bytes(20) + struct.pack("<IIII", number, 100, 0, number)
    for _ in towers:
        data += bytes(16) + struct.pack("<IIII", 3, 0, 2, 0x78)
    for tower in towers:
        data += struct.pack("<II", len(tower), len(tower)) + tower + bytes(-len(tower) % 4)
    return data + bytes(4)


def tower(*floors: tuple[bytes, bytes]) -> bytes:
    halves = (half for floor in floors for half in floor)
    return struct.pack("<H", len(floors)) + b"".join(struct.pack("<H", len(half)) + half for half in halves)


NAME = (b"\x0d" + EVENT_LOG[0].bytes_le + b"\1\0", b"\0\0")
NDR = (b"\x0d" + bytes(18), b"\0\0")


class TestTowers:
    @pytest.mark.parametrize(
        ("floors", "expected"),
        [
            ((NAME, NDR, (b"\x0b", b"\0\0"), (b"\x07", b"\xc0\x01"), (b"\x09", bytes(4))), (49153, "0.0.0.0")),
            ((NAME, NDR, (b"\x0b", b"\0\0"), (b"\x07", b"\xc0\x01"), (b"\x11", b"NAME\0")), (49153, "")),
            ((NAME, NDR, (b"\x0a", b"\0\0"), (b"\x08", b"\xc0\x01"), (b"\x09", bytes(4))), (None, "")),  # UDP
            ((NAME, NDR, (b"\x0b", b"\0\0"), (b"\x0f", b"\\pipe\\x\0"), (b"\x11", b"N\0")), (None, "")),
            ((NAME, NDR, (b"\x0c", b"\0\0")), (None, "")),
        ],
    )
    def test_a_port_is_one_of_tcp(
        self, floors: tuple[tuple[bytes, bytes], ...], expected: tuple[int | None, str]
    ) -> None:
        (entry,) = epm.read_lookup(table(tower(*floors))).entries
        assert entry == epm.Entry("x", epm.Tower(EVENT_LOG, *expected))

    def test_the_halves_of_a_name(self) -> None:
        """Version in the left half, minor version in the right one; a name of another size or kind is none."""
        named = (b"\x0d" + EVENT_LOG[0].bytes_le + b"\2\1", b"\4\3")
        rest = (NDR, (b"\x0b", b"\0\0"), (b"\x07", b"\1\2"), (b"\x09", b"\x0a\0\0\1"))
        (entry,) = epm.read_lookup(table(tower(named, *rest))).entries
        assert entry.tower == epm.Tower((EVENT_LOG[0], 0x0102, 0x0304), 0x0102, "10.0.0.1")
        for name in (b"\x0c" + named[0][1:], named[0][:-1], named[0] + b"\0"):
            assert epm.read_lookup(table(tower((name, b"\4\3"), *rest))).entries[0].tower is None
        assert epm.read_lookup(table(tower(named, *rest[:1]))).entries[0].tower is None
        (short,) = epm.read_lookup(table(tower(named, *rest[:3]))).entries
        assert short.tower == epm.Tower((EVENT_LOG[0], 0x0102, 0x0304), None)
        for host in (b"\x0a\0\0", b"\x0a\0\0\1\2"):
            (other,) = epm.read_lookup(table(tower(named, *rest[:3], (b"\x09", host)))).entries
            assert other.tower is not None
            assert other.tower.address == ""

    def test_what_is_read_at_most(self) -> None:
        """1,024 entries, 256 octets of an annotation, 4,096 of a tower, 12 floors."""
        none = bytes(16) + struct.pack("<III", 0, 0, 0)
        head = struct.pack("<IIII", 1024, 100, 0, 1024)
        found = epm.read_lookup(b"h" * 20 + head + none * 1024 + struct.pack("<I", 0x16C9A0D6))
        assert (found.handle, found.status) == (b"h" * 20, 0x16C9A0D6)
        assert found.entries == (epm.Entry("", None),) * 1024
        annotated = bytes(16) + struct.pack("<III", 0, 0, 256) + b"A" * 256
        one = bytes(20) + struct.pack("<IIII", 1, 1, 0, 1)
        assert epm.read_lookup(one + annotated + bytes(4)).entries == (epm.Entry("A" * 256, None),)
        ended = bytes(16) + struct.pack("<III", 0, 0, 5) + b"ab\0cd"
        assert epm.read_lookup(one + ended + bytes(3) + struct.pack("<I", 5)).status == 5, "numbers are aligned"
        full = tower(NAME, *[NDR] * 11)
        assert epm.read_lookup(table(full)).entries[0].tower == epm.Tower(EVENT_LOG, None)
        assert len(epm.read_lookup(table(full.ljust(4096, b"\0"))).entries) == 1
        for broken, words in (
            (bytes(20) + struct.pack("<IIII", 1025, 100, 0, 1025), "announces 1025 entries"),
            (one + bytes(16) + struct.pack("<III", 0, 0, 257), "announces 257 bytes of an annotation"),
            (table(full.ljust(4097, b"\0")), "announces 4097 bytes of a tower"),
            (table(tower(NAME, *[NDR] * 12)), "a tower of 13 floors"),
            (table(full[:-1]), "middle of a floor"),
            (one[:-1], "ends after 35 bytes"),
            (one + annotated[:-1], "ends after 319 bytes"),
        ):
            with pytest.raises(WireError, match=words):
                epm.read_lookup(broken)

    def test_the_answer_to_a_map(self) -> None:
        whole = tower(NAME, NDR, (b"\x0b", b"\0\0"), (b"\x07", b"\0\x87"), (b"\x09", bytes(4)))
        sized = struct.pack("<II", len(whole), len(whole)) + whole + bytes(-len(whole) % 4)
        nameless = tower(NDR, NDR)
        odd = struct.pack("<II", len(nameless), len(nameless)) + nameless + bytes(-len(nameless) % 4)
        head = b"h" * 20 + struct.pack("<IIII", 3, 4, 0, 3) + struct.pack("<III", 1, 0, 2)
        found = epm.read_map(head + sized + odd + struct.pack("<I", 5))
        assert found == epm.Mapped(b"h" * 20, (epm.Tower(EVENT_LOG, 135, "0.0.0.0"),), 5)
        for broken, words in (
            (bytes(20) + struct.pack("<IIII", 1025, 4, 0, 1025), "announces 1025 towers"),
            (bytes(20) + struct.pack("<IIII", 1, 4, 1, 1), "gives 1 from 1 on"),
            (bytes(20) + struct.pack("<IIII", 2, 4, 0, 1), "announces 2 towers and gives 1 from 0 on"),
        ):
            with pytest.raises(WireError, match=words):
                epm.read_map(broken)

    @pytest.mark.parametrize("floors", [(), (NAME,), (NDR, (b"", b""), (b"", b""))])
    def test_no_tower_of_ours(self, floors: tuple[tuple[bytes, bytes], ...]) -> None:
        found = epm.read_lookup(table(tower(*floors))).entries[0].tower
        assert found is None or found.port is None

    @pytest.mark.parametrize(
        ("broken", "sentence"),
        [
            (table(b""), "0 floors in 0 bytes"),
            (table(b"\xff\xff"), "65535 floors"),
            (table(b"\5\0\x13\0"), "middle of a floor"),
            (table(tower(NAME, NDR, (b"\x0b", b""), (b"\x07", b"\1"), (b"\x09", b""))), "a TCP port of 1 bytes"),
            (table(count=5000), "5000 entries"),
            (table(count=3), "ends after"),
            (bytes(20) + struct.pack("<IIII", 2, 100, 0, 1), "announces 2 entries and gives 1"),
            (bytes(20) + struct.pack("<IIII", 1, 100, 1, 1), "from 1 on"),
            (bytes(20) + struct.pack("<IIII", 1, 1, 0, 1) + bytes(16) + struct.pack("<III", 0, 0, 9999), "annotation"),
            (bytes(20) + struct.pack("<IIII", 1, 1, 0, 1) + bytes(16) + struct.pack("<III", 0, 4, 0), "annotation"),
            (table(tower())[:-6] + struct.pack("<I", 0xFFFF), "ends after"),
            (b"", "ends after 0 bytes"),
        ],
    )
    def test_broken(self, broken: bytes, sentence: str) -> None:
        with pytest.raises(WireError, match=sentence):
            epm.read_lookup(broken)

    def test_broken_maps(self) -> None:
        with pytest.raises(WireError, match="towers"):
            epm.read_map(bytes(20) + struct.pack("<IIII", 9999, 4, 0, 9999))
        with pytest.raises(WireError, match="in room for"):
            epm.read_map(bytes(20) + struct.pack("<IIII", 1, 4, 0, 1) + struct.pack("<III", 3, 8, 4))


SEEDS = [stub(dcerpc.read_answer(Buffer(page))) for page in (*LOOKUPS, *MAPS)] + WINDOWS


@given(fuzz.hostile(*SEEDS))
def test_nothing_but_wire_error_escapes(data: bytes) -> None:
    survives(lambda buffer: epm.read_lookup(buffer.everything()), data)
    survives(lambda buffer: epm.read_map(buffer.everything()), data)
