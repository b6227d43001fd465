from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, OurLimit, UnknownValue, WireError
from scanready.wire.rpc import message, mount, nfs3, nfs4, rpcbind, xdr
from tests.readers import reads, survives
from tests.wire import fuzz
from tests.wire.xdr_items import string, u32s

ANSWERS = [load(name) for name in names("rpc", "*.s2c.hex")]


def marked(data: bytes) -> bytes:
    """A record of one fragment."""
    return struct.pack(">I", 0x80000000 | len(data)) + data


def reply(name: str) -> message.Reply:
    """The reply of a transcript, through the reader of records and as a datagram."""
    data = load(f"rpc/{name}.s2c.hex")
    found = reads(message.read_reply, marked(data), trailing=b"\x80\x00\x00")
    assert found == message.parse_reply(data)
    return found


@pytest.mark.parametrize("name", names("rpc", "*.s2c.hex"))
def test_every_captured_answer_is_read(name: str) -> None:
    reply(name.removeprefix("rpc/").removesuffix(".s2c.hex"))


def test_our_calls_are_those_that_were_answered() -> None:
    asked = load("rpc/pmap2-dump-tcp.c2s.hex")
    assert message.call(0x63530002, rpcbind.PROGRAM, rpcbind.PORTMAPPER, rpcbind.DUMP) == asked
    asked = load("rpc/nfs4.0-compound-putrootfh-getattr.c2s.hex")
    credential = asked[24 : 24 + 36]
    assert message.auth_sys("canscan", 0xFFFE, 0xFFFE) == credential
    ours = message.call(0x63530011, 100003, 4, 1, nfs4.compound(0, nfs4.ROOT, nfs4.ATTRIBUTES), credential)
    assert ours.replace(b"\x00\x00\x00\x09scanready\x00\x00\x00", b"\x00\x00\x00\x07canscan\x00") == asked


def test_a_mount_is_asked_for_like_the_captured_one() -> None:
    asked = load("rpc/mount3-mnt.c2s.hex")
    credential = message.auth_sys("canscan", 0xFFFE, 0xFFFE)
    path = mount.path(asked[asked.index(b"/tmp") :].rstrip(b"\x00").decode())
    assert message.call(0x6353001C, mount.PROGRAM, mount.VERSION, mount.MNT, path, credential) == asked


def test_fragments_are_put_together() -> None:
    data = load("rpc/pmap2-dump-tcp.s2c.hex")
    parts = struct.pack(">I", 100) + data[:100] + struct.pack(">I", 0) + marked(data[100:])
    assert reads(message.read_reply, parts) == message.parse_reply(data)


def test_the_portmappers_list() -> None:
    found = rpcbind.parse_dump(reply("pmap2-dump-tcp").results, 2)
    assert rpcbind.Registration(100000, 4, "tcp", 111) in found
    assert {entry.program for entry in found} >= {100000, 100003, 100005, 100021, 100011}
    assert found == rpcbind.parse_dump(reply("pmap2-dump-udp").results, 2)


@pytest.mark.parametrize("version", [3, 4])
def test_rpcbinds_list_has_ipv6_and_no_local_sockets(version: int) -> None:
    found = rpcbind.parse_dump(reply(f"rpcb{version}-dump-tcp").results, version)
    assert {entry.transport for entry in found} == {"tcp", "udp", "tcp6", "udp6"}
    assert rpcbind.Registration(100000, 4, "tcp6", 111) in found


@pytest.mark.parametrize(
    ("address", "port"),
    [("0.0.0.0.0.111", 111), ("::.8.1", 2049), ("127.0.0.1.255.255", 65535), ("x.256.1", 0), ("", 0), ("1.2", 0)],
)
def test_universal_addresses(address: str, port: int) -> None:
    assert rpcbind.port_of(address) == port


def test_impossible_ports_are_left_out() -> None:
    rows = [(100005, 3, 6, 0), (100005, 3, 6, 70000), (100005, 3, 99, 20048), (100005, 3, 17, 20048)]
    results = b"".join(struct.pack(">5I", 1, *row) for row in rows) + bytes(4)
    assert rpcbind.parse_dump(results, 2) == (rpcbind.Registration(100005, 3, "udp", 20048),)


def test_a_list_without_an_end_is_refused() -> None:
    with pytest.raises(WireError, match="registrations"):
        rpcbind.parse_dump(struct.pack(">5I", 1, 100005, 3, 6, 20048) * 5000, 2)


def test_a_version_that_is_not_there() -> None:
    found = reply("pmap-progmismatch")
    assert (found.state, found.low, found.high) == (message.State.VERSION_MISMATCH, 2, 4)
    assert reply("nfs-progunavail").state is message.State.PROGRAM_UNAVAILABLE
    assert reply("nfs2-null-tcp").state is message.State.VERSION_MISMATCH


def test_an_authentication_error() -> None:
    # Written after RFC 5531, 9: xid, REPLY, MSG_DENIED, AUTH_ERROR, AUTH_TOOWEAK.
    found = message.parse_reply(struct.pack(">5I", 7, 1, 1, 1, 5))
    assert (found.state, found.auth) == (message.State.AUTH_ERROR, 5)
    found = message.parse_reply(struct.pack(">6I", 7, 1, 1, 0, 2, 2))
    assert (found.state, found.low, found.high) == (message.State.RPC_MISMATCH, 2, 2)


def test_exports() -> None:
    (export,) = mount.parse_exports(reply("mount3-export").results)
    assert export.path.endswith("/export")
    assert export.groups == ("127.0.0.0/24",)


def test_mounts() -> None:
    found = mount.parse_mounted(reply("mount3-mnt").results)
    assert (found.status, found.flavors) == (mount.OK, (1,))
    assert found.handle
    assert mount.parse_mounted(reply("mount3-mnt-acces").results).status == mount.ACCES
    assert mount.parse_mounted(reply("mount3-mnt-noent").results).status in (mount.ACCES, mount.NOENT)


@pytest.mark.parametrize(("minor", "status"), [(0, nfs4.OK), (1, nfs4.NOT_IN_SESSION), (3, nfs4.MINOR_MISMATCH)])
def test_minor_versions(minor: int, status: int) -> None:
    assert nfs4.parse(reply(f"nfs4.{minor}-compound-putrootfh-getattr").results).status == status


def test_the_walk_of_version_4() -> None:
    found = nfs4.parse(reply("nfs4.0-secinfo").results)
    assert (found.status, found.flavors) == (nfs4.OK, (1,))
    assert nfs4.parse(reply("nfs4.0-lookup").results).done == 3
    denied = nfs4.parse(reply("nfs4.0-lookup-denied").results)
    assert (denied.status, denied.done) == (nfs4.NOENT, 1)


def test_a_directory_of_version_4() -> None:
    # Written after RFC 7530, 16.24: status, tag, one result: READDIR, OK, verifier, one entry, the end.
    entry = struct.pack(">IQI", 1, 9, 4) + b"name" + struct.pack(">II", 0, 0)
    results = struct.pack(">IIIII", 0, 0, 1, 26, 0) + bytes(8) + entry + struct.pack(">II", 0, 1)
    assert nfs4.parse(results).names == ("name",)


def test_a_directory_of_version_3() -> None:
    # Written after RFC 1813, 3.3.16: status, no attributes, verifier, one entry (fileid, name, cookie).
    entries = [
        struct.pack(">IQI", 1, 5, len(name)) + name.ljust(4, b"\0") + struct.pack(">Q", 7)
        for name in (b".", b"a.b", b"..")
    ]
    results = struct.pack(">II", 0, 0) + bytes(8) + b"".join(entries) + struct.pack(">II", 0, 1)
    assert nfs3.parse_readdir(results) == (nfs3.OK, ("a.b",))
    assert nfs3.parse_readdir(struct.pack(">II", 0, 0) + bytes(8) + struct.pack(">II", 0, 1)) == (nfs3.OK, ())
    assert nfs3.parse_readdir(struct.pack(">II", 13, 0)) == (nfs3.ACCES, ())
    endless = struct.pack(">II", 0, 0) + bytes(8) + entries[1] * 1025 + struct.pack(">II", 0, 0)
    with pytest.raises(WireError, match="more names"):
        nfs3.parse_readdir(endless)
    # 3.3.3: status, handle.
    assert nfs3.parse_lookup(struct.pack(">II4s", 0, 4, b"abcd")) == (nfs3.OK, b"abcd")
    assert nfs3.parse_lookup(struct.pack(">II", 2, 0)) == (nfs3.NOENT, b"")
    assert nfs3.lookup(b"root", "a.b") == b"\0\0\0\4root\0\0\0\3a.b\0"
    assert nfs3.parse_access(struct.pack(">II", 0, 1) + bytes(84) + struct.pack(">I", 3)) == (nfs3.OK, 3)


class TestXdr:
    """RFC 4506."""

    def test_what_is_written(self) -> None:
        assert (xdr.u32(0x01020304), xdr.u64(1 << 40)) == (b"\1\2\3\4", b"\0\0\1\0\0\0\0\0")
        assert [xdr.opaque(b"abcde"[:size]) for size in range(6)] == [string(b"abcde"[:size]) for size in range(6)]
        assert xdr.text("\xe9\udcff") == string(b"\xc3\xa9\xff")

    def test_what_is_read(self) -> None:
        items = xdr.Items(
            u32s(7) + bytes(7) + b"\x09" + u32s(1, 0) + string(b"abcde") + string(b"\xc3\xa9\xff") + b"rest"
        )
        assert (items.u32(), items.u64(), items.flag(), items.flag()) == (7, 9, True, False)
        assert (items.opaque(5), items.text(), items.rest()) == (b"abcde", "\xe9\\xff", b"rest")
        assert (items.fixed(2), items.rest()) == (b"re", b"")
        assert xdr.Items(b"abc").fixed(3) == b"abc", "what pads the last item may be missing"

    @pytest.mark.parametrize(
        ("read", "data", "words"),
        [
            (xdr.Items.u32, b"\0\0\0", "ends where 4 bytes should be"),
            (xdr.Items.u64, bytes(7), "ends where 8 bytes should be"),
            (xdr.Items.flag, u32s(2), "a boolean of 2"),
            (lambda items: items.opaque(3), string(b"abcd"), "a field of 4 bytes where at most 3 may be"),
            (xdr.Items.text, u32s(1025), "a field of 1025 bytes where at most 1024"),
            (xdr.Items.text, u32s(1024), "ends where 1024 bytes"),
        ],
    )
    def test_what_is_missing(self, read: Callable[[xdr.Items], object], data: bytes, words: str) -> None:
        with pytest.raises(WireError, match=words):
            read(xdr.Items(data))


class TestMessages:
    """RFC 5531, 9 and 11."""

    @pytest.mark.parametrize(
        ("number", "state"),
        [
            (0, "success"),
            (1, "program not available"),
            (3, "procedure not available"),
            (4, "arguments not understood"),
            (5, "system error"),
        ],
    )
    def test_accepted(self, number: int, state: str) -> None:
        found = message.parse_reply(u32s(7, 1, 0, 6) + string(b"v" * 400) + u32s(number) + b"results")
        assert (found, str(found)) == (
            message.Reply(7, message.State(state), b"results" if number == 0 else b""),
            state,
        )

        assert (found.low, found.high, found.auth) == (0, 0, 0)
        named = (message.AUTH_REFUSALS[message.BAD_CREDENTIAL], message.AUTH_REFUSALS[message.TOO_WEAK])
        assert named == ("bad credential", "credential too weak")

    def test_versions(self) -> None:
        found = message.parse_reply(u32s(7, 1, 0, 0, 0, 2, 2, 4))
        assert (found.state, found.low, found.high, str(found)) == (
            "version not supported",
            2,
            4,
            "version not supported",
        )
        found = message.parse_reply(u32s(7, 1, 1, 0, 2, 3))
        assert (found.low, found.high, str(found)) == (2, 3, "RPC version not supported")

    @pytest.mark.parametrize(
        ("auth", "words"),
        [
            (1, "bad credential"),
            (2, "rejected credential"),
            (3, "bad verifier"),
            (4, "rejected verifier"),
            (5, "credential too weak"),
            (6, "invalid response verifier"),
            (7, "failed"),
            (8, "auth_stat 8"),
            (13, "no Kerberos credential"),
            (14, "Kerberos context problem"),
        ],
    )
    def test_refused(self, auth: int, words: str) -> None:
        assert str(message.parse_reply(u32s(7, 1, 1, 1, auth))) == f"authentication refused ({words})"

    @pytest.mark.parametrize(
        ("words_of", "told"),
        [
            ((7, 1, 2), "the state of an RPC reply is 2 "),
            ((7, 1, 0, 0, 0, 6), "the state of an accepted RPC call is 6 "),
            ((7, 1, 1, 2), "the state of a rejected RPC call is 2 "),
        ],
    )
    def test_unknown_states(self, words_of: tuple[int, ...], told: str) -> None:
        with pytest.raises(UnknownValue, match=told):
            message.parse_reply(u32s(*words_of))

    def test_no_reply(self) -> None:
        with pytest.raises(WireError, match="not an RPC reply"):
            message.parse_reply(u32s(7, 0, 0))
        with pytest.raises(WireError, match="at most 400"):
            message.parse_reply(u32s(7, 1, 0, 0, 401))

    def test_what_is_sent(self) -> None:
        assert message.call(1, 2, 3, 4, b"args") == u32s(1, 0, 2, 2, 3, 4, 0, 0, 0, 0) + b"args"
        assert message.record(b"abc") == b"\x80\0\0\3abc"
        body = u32s(0) + string(b"m" * 255) + u32s(5, 6, 0)
        assert message.auth_sys("m" * 300, 5, 6) == u32s(1) + string(body)

    def test_the_most_that_is_read(self) -> None:
        """1 MiB with the marks before the last fragment, of which there may be 64."""
        accepted = u32s(7, 1, 0, 0, 0, 0)
        whole = u32s(24) + accepted + u32s(0) * 62 + marked(b"x")
        assert message.read_reply(Buffer(whole)) == message.Reply(7, message.State.SUCCESS, b"x")
        with pytest.raises(WireError, match="of more than 1048576 bytes or 64 fragments"):
            message.read_reply(Buffer(u32s(24) + accepted + u32s(0) * 63 + marked(b"x")))
        full = marked(accepted + bytes((1 << 20) - 24))
        found = message.read_reply(Buffer(full))
        assert found is not None
        assert len(found.results) == (1 << 20) - 24
        with pytest.raises(WireError, match="a fragment of 1048577 bytes after 0"):
            message.read_reply(Buffer(u32s(0x80100001)))

    def test_another_protocol_is_told_early(self) -> None:
        for other in (u32s(0x80000018, 7, 0), u32s(8, 7, 2)):
            with pytest.raises(WireError, match="not an RPC reply"):
                message.read_reply(Buffer(other))
        pieces = u32s(4, 7, 8, 1, 0, 0x80000010, 0, 0, 0) + b"last"
        assert message.read_reply(Buffer(pieces)) == message.Reply(7, message.State.SUCCESS, b"last")
        whole = u32s(7, 1, 0, 0, 0, 0)
        for first in range(25):
            in_two = u32s(first) + whole[:first] + marked(whole[first:])
            assert message.read_reply(Buffer(in_two)) == message.Reply(7, message.State.SUCCESS), first


class TestRpcbind:
    """RFC 1833."""

    def test_what_is_asked(self) -> None:
        assert (rpcbind.PROGRAM, rpcbind.PORT, rpcbind.GETPORT, rpcbind.DUMP) == (100000, 111, 3, 4)
        assert (rpcbind.PORTMAPPER, rpcbind.RPCBIND) == (2, 4)
        assert rpcbind.which(2, 100003, 3, "tcp") == u32s(100003, 3, 6, 0)
        assert rpcbind.which(2, 100003, 3, "udp") == u32s(100003, 3, 17, 0)
        assert rpcbind.which(4, 100003, 3, "tcp6") == u32s(100003, 3) + string(b"tcp6") + u32s(0, 0)

    def test_ports(self) -> None:
        assert [rpcbind.parse_port(u32s(port), 2) for port in (0, 1, 65535, 65536)] == [0, 1, 65535, 0]
        assert rpcbind.parse_port(string(b"0.0.0.0.8.1"), 4) == 2049
        assert [
            rpcbind.port_of(f"h.{address}") for address in ("255.255", "256.0", "0.256", "0.0", "1.0", "0.255")
        ] == [*(65535, 0, 0, 0, 256, 255)]

    def test_lists(self) -> None:
        def binding(netid: bytes, address: bytes) -> bytes:
            return u32s(1, 100003, 4) + string(netid) + string(address) + string(b"superuser")

        rows = [(b"tcp", b"0.0.0.0.8.1"), (b"tcp", b"0.0.0.0.8.1"), (b"local", b"/run.8.1"), (b"udp6", b"::.0.0")]
        listed = b"".join(binding(*row) for row in rows) + binding(b"tcp6", b"::.0.1") + u32s(0)
        expected = (rpcbind.Registration(100003, 4, "tcp", 2049), rpcbind.Registration(100003, 4, "tcp6", 1))
        assert rpcbind.parse_dump(listed, 3) == rpcbind.parse_dump(listed, 4) == expected
        mapped = b"".join(u32s(1, 1, 2, 6, port) for port in (0, 1, 65535, 65536)) + u32s(0)
        assert [entry.port for entry in rpcbind.parse_dump(mapped, 2)] == [1, 65535]
        assert len(rpcbind.parse_dump(u32s(1, 1, 2, 6, 7) * 4096 + u32s(0), 2)) == 1
        with pytest.raises(OurLimit, match="more than 4096 registrations"):
            rpcbind.parse_dump(u32s(1, 1, 2, 6, 7) * 4097 + u32s(0), 2)


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", marked(b"\x00" * 24), b"\xff" * 16],
)
def test_what_is_no_reply(data: bytes) -> None:
    with pytest.raises(WireError):
        message.read_reply(Buffer(data))


PARSERS: tuple[Callable[[bytes], object], ...] = (
    lambda data: rpcbind.parse_dump(data, 2),
    lambda data: rpcbind.parse_dump(data, 4),
    mount.parse_exports,
    mount.parse_mounted,
    nfs3.parse_access,
    nfs3.parse_lookup,
    nfs3.parse_readdir,
    nfs4.parse,
)


@given(fuzz.hostile(*map(marked, ANSWERS)), st.booleans())
def test_nothing_but_wire_error_escapes_a_record(data: bytes, eof: bool) -> None:
    survives(message.read_reply, data, eof=eof)


@given(fuzz.hostile(*(answer[24:] for answer in ANSWERS)))
def test_nothing_but_wire_error_escapes_results(data: bytes) -> None:
    for parse in PARSERS:
        with contextlib.suppress(WireError):
            parse(data)
    with contextlib.suppress(WireError):
        message.parse_reply(data)
