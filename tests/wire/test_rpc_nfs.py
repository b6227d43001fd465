"""MOUNT and NFS, versions 3 and 4: requests and results as the RFCs lay them out."""

from __future__ import annotations

import pytest

from scanready.wire import OurLimit, UnknownValue, WireError
from scanready.wire.rpc import mount, nfs3, nfs4
from tests.wire.xdr_items import string, u32s


class TestMount:
    """RFC 1813, appendix I."""

    def test_exports_and_their_groups(self) -> None:
        results = u32s(1) + string(b"/a") + u32s(1) + string(b"host") + u32s(1) + string(b"@net") + u32s(0)
        results += u32s(1) + string(b"/b") + u32s(0, 0)
        assert mount.parse_exports(results) == (mount.Export("/a", ("host", "@net")), mount.Export("/b", ()))
        export, group = u32s(1) + string(b"/") + u32s(0), u32s(1) + string(b"g")
        assert len(mount.parse_exports(export * 2048 + u32s(0))) == 2048
        assert len(mount.parse_exports(export[:-4] + group * 4096 + u32s(0, 0))[0].groups) == 4096
        for ended in (u32s(0, 0), export + u32s(0, 7)):
            with pytest.raises(UnknownValue, match="the octets after the list of exports is '4 of them'"):
                mount.parse_exports(ended)
        for longer in (export * 2049 + u32s(0), export[:-4] + group * 4097 + u32s(0, 0)):
            with pytest.raises(OurLimit, match="than are read"):
                mount.parse_exports(longer)

    def test_handles_and_flavors(self) -> None:
        found = mount.parse_mounted(u32s(0) + string(b"h" * 64) + u32s(2, 1, 390003))
        assert found == mount.Mounted(0, b"h" * 64, (1, 390003))
        assert mount.parse_mounted(u32s(13, 9, 9)) == mount.Mounted(13)
        assert len(mount.parse_mounted(u32s(0) + string(b"h") + u32s(64, *range(64))).flavors) == 64
        for broken, words in ((u32s(0, 65), "at most 64"), (u32s(0) + string(b"h") + u32s(65), "announces 65 numbers")):
            with pytest.raises(WireError, match=words):
                mount.parse_mounted(broken)
        assert mount.path("/x") == string(b"/x")
        assert (mount.PROGRAM, mount.VERSION, mount.MNT, mount.UMNT, mount.EXPORT) == (100005, 3, 1, 3, 5)
        assert (mount.OK, mount.PERM, mount.NOENT, mount.ACCES, mount.NOTDIR) == (0, 1, 2, 13, 20)


class TestNfs3:
    """RFC 1813, 3.3."""

    def test_what_is_asked(self) -> None:
        assert (nfs3.READ, nfs3.LOOKUP, nfs4.READ, nfs4.LOOKUP_ALLOWED) == (1, 2, 1, 2)
        assert nfs3.access(b"hand") == string(b"hand") + u32s(3)
        assert nfs3.lookup(b"hand", "x") == string(b"hand") + string(b"x")
        assert nfs3.readdir(b"hand") == string(b"hand") + bytes(16) + u32s(512)
        assert (nfs3.PROGRAM, nfs3.VERSION, nfs3.NULL, nfs3.LOOKUP_NAME, nfs3.ACCESS, nfs3.READDIR) == (
            100003,
            3,
            0,
            3,
            4,
            16,
        )
        assert (nfs3.PERM, nfs3.NOENT, nfs3.ACCES, nfs3.NOTDIR, nfs3.JUKEBOX) == (1, 2, 13, 20, 10008)

    def test_attributes_are_stepped_over(self) -> None:
        attributes = u32s(1) + bytes(84)
        assert nfs3.parse_access(u32s(0) + attributes + u32s(0x1F)) == (0, 0x1F)
        assert nfs3.parse_access(u32s(13) + attributes) == (13, 0)
        assert nfs3.parse_lookup(u32s(0) + string(b"h" * 64)) == (0, b"h" * 64)
        assert nfs3.parse_lookup(u32s(70)) == (70, b"")
        assert nfs3.parse_access(u32s(0, 0, 0)) == (0, 0)
        entry = u32s(1) + bytes(8) + string(b"n" * 1024) + bytes(8)
        found = nfs3.parse_readdir(u32s(0) + attributes + bytes(8) + entry * 1024 + u32s(0, 1))
        assert found == (0, ("n" * 1024,) * 1024)
        for broken, words in (
            (u32s(0) + string(b"h" * 65), "at most 64"),
            (u32s(0, 0) + bytes(8) + u32s(1) + bytes(8) + string(b"n" * 1025), "at most 1024"),
            (u32s(0, 0) + bytes(8) + entry * 1025 + u32s(0, 1), "more names than were asked for"),
        ):
            with pytest.raises(WireError, match=words):
                (nfs3.parse_lookup if "64" in words else nfs3.parse_readdir)(broken)


class TestNfs4:
    """RFC 7530, 16."""

    HEAD = u32s(0) + string(b"scanready")

    def test_what_is_asked(self) -> None:
        assert nfs4.compound(2, nfs4.ROOT, nfs4.lookup("x")) == (
            string(b"scanready") + u32s(2, 2) + u32s(24) + u32s(15) + string(b"x")
        )
        assert u32s(9, 1, 0x403) == nfs4.ATTRIBUTES
        assert u32s(9, 1, 2) == nfs4.KIND
        assert u32s(3, 3) == nfs4.ACCESS
        assert u32s(26) + bytes(16) + u32s(512, 4096, 0) == nfs4.READDIR
        assert nfs4.secinfo("x") == u32s(33) + string(b"x")
        assert (nfs4.PROGRAM, nfs4.VERSION, nfs4.COMPOUND, nfs4.MINORS) == (100003, 4, 1, (0, 1, 2))
        assert (nfs4.REGULAR, nfs4.DIRECTORY, nfs4.LINK) == (1, 2, 5)
        named = (nfs4.DELAY, nfs4.WRONGSEC, nfs4.RESOURCE, nfs4.MOVED, nfs4.MINOR_MISMATCH, nfs4.SYMLINK)
        assert named == (10008, 10016, 10018, 10019, 10021, 10029)
        assert (nfs4.NOT_IN_SESSION, nfs4.PERM, nfs4.NOENT, nfs4.ACCES, nfs4.NOTDIR) == (10071, 1, 2, 13, 20)

    @pytest.mark.parametrize(
        ("operations", "expected"),
        [
            ((u32s(24, 0), u32s(15, 0)), nfs4.Result(0, 2)),
            ((u32s(24, 0), u32s(15, 13)), nfs4.Result(0, 1)),
            ((u32s(3, 0, 3, 1),), nfs4.Result(0, 1, access=1)),
            ((u32s(3, 0, 1, 0),), nfs4.Result(0, 1, access=2)),  # whether it may look up, the server cannot tell
            ((u32s(3, 0, 2, 0x38),), nfs4.Result(0, 1, access=0x39)),
            ((u32s(9, 0, 1, 2, 4, 5),), nfs4.Result(0, 1, kind=5)),
            ((u32s(9, 0, 2, 2, 0, 4, 5),), nfs4.Result(0, 1, kind=5)),
            ((u32s(9, 0, 2, 2, 1, 8, 5, 0),), nfs4.Result(0, 1)),  # more than the type
            ((u32s(9, 0, 1, 2, 8, 0, 5),), nfs4.Result(0, 1)),
            ((u32s(9, 0, 1, 0x403, 4, 5),), nfs4.Result(0, 1)),
            ((u32s(33, 0, 2, 1, 0),), nfs4.Result(0, 1, flavors=(1, 0))),
            ((u32s(26, 0, 0, 0, 0, 1),), nfs4.Result(0, 1, names=())),
        ],
    )
    def test_results(self, operations: tuple[bytes, ...], expected: nfs4.Result) -> None:
        assert nfs4.parse(self.HEAD + u32s(len(operations)) + b"".join(operations)) == expected

    @pytest.mark.parametrize(
        ("results", "done"), [((), "none"), ((u32s(24, 0),), "24"), ((u32s(24, 0), u32s(24, 0)), "24, 24")]
    )
    def test_success_has_a_result_for_each_operation(self, results: tuple[bytes, ...], done: str) -> None:
        asked = nfs4.ROOT, nfs4.ATTRIBUTES
        with pytest.raises(WireError, match=f"success of the operations 24, 9 with the results of {done}$"):
            nfs4.parse(self.HEAD + u32s(len(results)) + b"".join(results), asked)
        failed = u32s(10021) + self.HEAD[4:] + u32s(len(results)) + b"".join(results)
        assert nfs4.parse(failed, asked).status == 10021
        whole = u32s(2, 24, 0, 9, 0, 1, 2, 4, 5)
        assert nfs4.parse(self.HEAD + whole, asked) == nfs4.Result(0, 2, kind=5)

    @pytest.mark.parametrize("status", [1, 10097, 0xFFFFFFFF])
    def test_success_of_an_operation_that_did_not_succeed_is_not_known(self, status: int) -> None:
        with pytest.raises(UnknownValue, match=f"the status of an operation of a call that succeeded is {status} "):
            nfs4.parse(self.HEAD + u32s(2, 24, status, 9, 0, 1, 2, 4, 5), (nfs4.ROOT, nfs4.ATTRIBUTES))

    @pytest.mark.parametrize("header", [b"", b"\x06\x09"])
    def test_the_flavors_of_kerberos(self, header: bytes) -> None:
        def gss(mechanism: bytes, service: int) -> bytes:
            return u32s(6) + string(mechanism) + u32s(0, service)

        kerberos = header + bytes.fromhex("2a864886f712010202")
        listed = b"".join(gss(kerberos, service) for service in (1, 2, 3, 4)) + gss(b"other", 1) + u32s(1)
        found = nfs4.parse(self.HEAD + u32s(1, 33, 0, 6) + listed)
        assert found.flavors == (390003, 390004, 390005, 6, 6, 1)

    def test_a_directory(self) -> None:
        entry = u32s(1) + bytes(8) + string(b"n" * 1024) + u32s(1, 2) + string(b"a" * 8)
        found = nfs4.parse(self.HEAD + u32s(2, 26, 0) + bytes(8) + entry * 1024 + u32s(0, 0, 24, 0))
        assert found == nfs4.Result(0, 2, names=("n" * 1024,) * 1024)

    @pytest.mark.parametrize(
        ("results", "words"),
        [
            (u32s(0, 1025), "at most 1024"),
            (HEAD + u32s(129), "results of 129 operations"),
            (HEAD + u32s(1, 10, 0), "operation 10, which was not asked for"),
            (HEAD + u32s(1, 26, 0) + bytes(8) + u32s(1) + bytes(8) + u32s(1025), "1025 bytes where at most 1024"),
            (HEAD + u32s(1, 33, 0, 65), "announces 65 numbers"),
            (HEAD + u32s(1, 9, 0, 17), "announces 17 numbers"),
            (HEAD + u32s(1, 9, 0, 16, *[0] * 16, 8193), "at most 8192"),
            (HEAD + u32s(1, 33, 0, 1, 6, 257), "at most 256"),
            (HEAD + u32s(1, 26, 0) + bytes(8) + (u32s(1) + bytes(8) + u32s(0, 0, 0)) * 1025, "more names"),
        ],
    )
    def test_broken(self, results: bytes, words: str) -> None:
        with pytest.raises(WireError, match=words):
            nfs4.parse(results)

    def test_the_most_that_is_read(self) -> None:
        assert nfs4.parse(self.HEAD + u32s(128) + u32s(24, 0) * 128).done == 128
        assert len(nfs4.parse(self.HEAD + u32s(1, 33, 0, 64) + u32s(*range(7, 71))).flavors) == 64
        assert nfs4.parse(self.HEAD + u32s(1, 9, 0, 16, *[0] * 16, 8192) + bytes(8192)).done == 1


def test_success_and_zeros_is_no_statement() -> None:
    """A handle without an octet names nothing; a refusal with octets behind it is none that was meant."""
    for parse, results in ((mount.parse_mounted, u32s(0, 0, 0)), (nfs3.parse_lookup, u32s(0, 0))):
        with pytest.raises(UnknownValue, match="handle"):
            parse(results)
    with pytest.raises(WireError, match="rights"):
        nfs3.parse_access(bytes(200))
    assert nfs3.parse_access(u32s(0, 0, 1) + bytes(8)) == (0, 1)
