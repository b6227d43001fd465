"""NFS answers that the lab's server does not give: the kernel's way to refuse, a busy server, hostile peers."""

from __future__ import annotations

import socket
import struct
from collections import Counter
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background, misbehave, nfs, ssh
from scanready.climb.other_services import SERVICES
from scanready.model import Owner, Report, Step, Verdict
from scanready.wire.rpc import rpcbind
from tests.ladder import PLENTY, WAIT, check_of, climb, expect, finding_of, story, target

NFS, MOUNTD, RPCBIND = 100003, 100005, 100000
# Written after RFC 5531: the bytes that follow the transaction number of a reply.
DONE = struct.pack(">5I", 1, 0, 0, 0, 0)
MISMATCH = struct.pack(">7I", 1, 0, 0, 0, 2, 3, 3)
TOO_WEAK = struct.pack(">4I", 1, 1, 1, 5)
BAD_CREDENTIAL = struct.pack(">4I", 1, 1, 1, 1)
SYSTEM_ERROR = struct.pack(">5I", 1, 0, 0, 0, 5)
# RFC 1813: MNT: status 0, a handle of eight octets, one flavor: sys. Then answers to ACCESS and READDIR.
MOUNTED = DONE + struct.pack(">II8sII", 0, 8, b"handle..", 1, 1)
ALL_GRANTED = DONE + struct.pack(">III", 0, 0, 3)
NOTHING_GRANTED = DONE + struct.pack(">III", 0, 0, 0)
ONE_NAME = DONE + struct.pack(">II8sIQI", 0, 0, b"verifier", 1, 5, 1) + b".\0\0\0" + struct.pack(">QII", 1, 0, 1)

Answers = dict[tuple[int, int], bytes]


def text(word: str) -> bytes:
    raw = word.encode()
    return struct.pack(">I", len(raw)) + raw + bytes(-len(raw) % 4)


def exported(path: str, group: str) -> bytes:
    """The mount daemon's list: one path for one group."""
    return DONE + struct.pack(">I", 1) + text(path) + struct.pack(">I", 1) + text(group) + struct.pack(">II", 0, 0)


NO_EXPORTS = DONE + bytes(4)
HEALTHY: Answers = {
    (MOUNTD, 1): MOUNTED,
    (MOUNTD, 3): DONE,
    (MOUNTD, 5): NO_EXPORTS,
    (NFS, 4): ALL_GRANTED,
    (NFS, 16): ONE_NAME,
}


class Peer:
    """NFSv3 on one port, rpcbind and mountd on another; ``answers`` are by (program, procedure)."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.counts: Counter[tuple[int, int]] = Counter()
        self.ports = (0, 0)

    async def __call__(self, reader: Reader, writer: Writer, record: Record) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(4), "big") & 0x7FFFFFFF
            call = await reader.readexactly(length)
            program, version, procedure = struct.unpack_from(">3I", call, 12)
            self.counts[program, procedure] += 1
            answer = call[:4] + self._answer(program, version, procedure)
            writer.write(struct.pack(">I", 0x80000000 | len(answer)) + answer)

    def _answer(self, program: int, version: int, procedure: int) -> bytes:
        if (program, procedure) in self.answers:
            return self.answers[program, procedure]
        if program == RPCBIND:
            rows = [(NFS, 3, 6, self.ports[0]), (MOUNTD, 3, 6, self.ports[1]), (100021, 4, 6, self.ports[1])]
            return DONE + b"".join(struct.pack(">5I", 1, *row) for row in rows) + bytes(4)
        return MISMATCH if program == NFS and version != 3 else DONE


def asked(
    monkeypatch: pytest.MonkeyPatch,
    answers: Answers,
    export: str = "/finance",
    timeout: float = PLENTY,
    one_port: bool = False,
    **options: Any,
) -> Report:
    """Climb for an export; every mount that was granted is undone. ``one_port``: mountd is on that of NFS."""
    peer = Peer(answers)
    with in_background(peer) as server, in_background(peer) as beside:
        peer.ports = server.port, server.port if one_port else beside.port
        monkeypatch.setattr(rpcbind, "PORT", beside.port)
        report = climb(target("nfs", "127.0.0.1", server.port, export=export, **options), timeout=timeout)
        beside.wait(len(beside.connections))
        server.wait(len(server.connections))
    granted = peer.counts[MOUNTD, 1] if answers.get((MOUNTD, 1), b"").startswith(DONE + bytes(4)) else 0
    assert peer.counts[MOUNTD, 3] == granted, "UMNT for every MNT that was granted"
    return report


def privileged() -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", 1019))
        except PermissionError:
            return False
        except OSError:
            return True  # another test has the port, so this process may have one
    return True


ROOT = pytest.mark.skipif(not privileged(), reason="without a source port below 1024 every refusal is undecided")


def test_an_export_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    report = asked(monkeypatch, HEALTHY | {(MOUNTD, 5): exported("/finance", "*")})
    expect(report, Verdict.SCANNABLE)
    assert report.facts["exports"] == ["/finance"]


def test_a_server_that_has_one_port_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    report = asked(monkeypatch, HEALTHY | {(MOUNTD, 5): exported("/finance", "*")}, one_port=True)
    expect(report, Verdict.SCANNABLE)
    assert "mounted /finance over NFSv3" in check_of(report, Step.ACCESS).summary
    assert report.facts["exports"] == ["/finance"]


def test_versions_of_the_mount_daemon_on_ports_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an rpc.mountd whose ports are not pinned: an older version that answers does not mount NFSv3."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        peer = Peer(HEALTHY)
        with in_background(peer) as server, in_background(peer) as beside:
            third = closed.getsockname()[1]
            rows = [(NFS, 3, 6, server.port), (MOUNTD, 1, 6, beside.port), (MOUNTD, 3, 6, third)]
            listed = DONE + b"".join(struct.pack(">5I", 1, *row) for row in rows) + bytes(4)
            peer.answers = HEALTHY | {(RPCBIND, 4): listed}
            monkeypatch.setattr(rpcbind, "PORT", beside.port)
            report = climb(target("nfs", "127.0.0.1", server.port, export="/finance"))
    expect(report, Verdict.BLOCKED, "nfs.stale-registration", step=Step.CONNECT, owner=Owner.SERVER)
    assert report.finding is not None
    assert f"mountd {third}/tcp" in report.finding.detail


@ROOT
def test_the_kernels_way_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """It lists what it exports to others, and MNT says ACCES."""
    refused = {(MOUNTD, 1): DONE + struct.pack(">I", 13), (MOUNTD, 5): exported("/finance", "10.9.9.0/24")}
    report = asked(monkeypatch, HEALTHY | refused)
    fix = "/finance 127.0.0.1(ro,sync,no_subtree_check)"
    expect(report, Verdict.BLOCKED, "nfs.export-not-for-agent", owner=Owner.SERVER, fix=fix)
    assert report.finding is not None
    assert "10.9.9.0/24" in report.finding.detail


def test_a_broken_list_of_exports_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    expect(asked(monkeypatch, HEALTHY | {(MOUNTD, 5): DONE + struct.pack(">I", 7)}), Verdict.SCANNABLE)


@ROOT
def test_a_path_that_nobody_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {(MOUNTD, 1): DONE + struct.pack(">I", 2), (MOUNTD, 5): exported("/other", "10.9.9.0/24")}
    report = asked(monkeypatch, HEALTHY | refused)
    expect(report, Verdict.BLOCKED, "access.not-found", owner=Owner.OPERATOR)


def test_a_credential_that_is_too_weak(monkeypatch: pytest.MonkeyPatch) -> None:
    report = asked(monkeypatch, HEALTHY | {(NFS, 4): TOO_WEAK})
    if privileged():
        expect(report, Verdict.BLOCKED, "nfs.auth-too-weak", owner=Owner.SERVER)
    else:
        expect(report, Verdict.UNDECIDED, "nfs.unprivileged-port", owner=Owner.AGENT)


def test_a_credential_that_the_server_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    report = asked(monkeypatch, HEALTHY | {(NFS, 4): BAD_CREDENTIAL})
    expect(report, Verdict.BLOCKED, "nfs.export-not-for-agent", owner=Owner.SERVER, fix="/finance 127.0.0.1")


def test_a_user_who_may_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    report = asked(monkeypatch, HEALTHY | {(NFS, 4): NOTHING_GRANTED}, uid=0)
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER, fix="no_root_squash")


def test_a_user_whom_nobody_named_opens_no_export_to_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is this process's own, and the scanner may come as another."""
    report = asked(monkeypatch, HEALTHY | {(NFS, 4): NOTHING_GRANTED})
    expect(report, Verdict.UNDECIDED, "auth.identity-invented", step=Step.ACCESS, owner=Owner.OPERATOR)
    assert finding_of(report).fix is None
    assert "the target names no uid" in finding_of(report).detail


NAMES = DONE + struct.pack(">II8s", 0, 0, b"verifier")
NAMES += b"".join(struct.pack(">IQ", 1, at) + text(word) + bytes(8) for at, word in enumerate((".", "ada", "grace")))
NAMES += struct.pack(">II", 0, 1)
FOUND = DONE + struct.pack(">II8sII", 0, 8, b"an entry", 0, 0)


@pytest.mark.parametrize(
    ("lookup", "verdict"),
    [
        (DONE + struct.pack(">II", 13, 0), Verdict.LIMITED),  # ACCES, of each
        (DONE + struct.pack(">II", 2, 0), Verdict.SCANNABLE),  # NOENT: gone since
        (DONE + struct.pack(">II", 10008, 0), Verdict.SCANNABLE),  # JUKEBOX: on tape
        (FOUND, Verdict.SCANNABLE),
        (TOO_WEAK, Verdict.SCANNABLE),
        (SYSTEM_ERROR, Verdict.SCANNABLE),
    ],
)
def test_what_is_said_of_entries(monkeypatch: pytest.MonkeyPatch, lookup: bytes, verdict: Verdict) -> None:
    """None of them may be read: so much is certain only if the server says it of each."""
    report = asked(monkeypatch, HEALTHY | {(NFS, 16): NAMES, (NFS, 3): lookup}, uid=61001)
    expect(report, verdict, "access.denied" if verdict is Verdict.LIMITED else None)
    if verdict is Verdict.LIMITED:
        assert "may not read the first 2 entries: ada, grace" in check_of(report, Step.ACCESS).summary


def test_a_server_that_is_busy_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    report = asked(monkeypatch, HEALTHY | {(NFS, 4): DONE + struct.pack(">II", 10008, 0)})
    expect(report, Verdict.UNDECIDED, "nfs.busy", step=Step.ACCESS, owner=Owner.SERVER)


def fourth(answer: bytes) -> Behaviour:
    """NFSv4 on its port: NULL succeeds, and every COMPOUND gets this answer, after the transaction number."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(4), "big") & 0x7FFFFFFF
            call = await reader.readexactly(length)
            (procedure,) = struct.unpack_from(">I", call, 20)
            reply = call[:4] + (DONE if procedure == 0 else answer)
            writer.write(struct.pack(">I", 0x80000000 | len(reply)) + reply)

    return behaviour


@pytest.mark.parametrize("status", [10008, 10013])
@pytest.mark.parametrize("export", [None, "/home"])
def test_version_4_that_says_later_to_everything(status: int, export: str | None) -> None:
    """NFS4ERR_DELAY, and NFS4ERR_GRACE after a restart (RFC 7530, 13.1): nothing was proven, and nothing is refused."""
    options: dict[str, Any] = {"nfs_version": 4} | ({"export": export} if export else {})
    with in_background(fourth(DONE + struct.pack(">III", status, 0, 0))) as server:
        report = climb(target("nfs", "127.0.0.1", server.port, **options))
    expect(report, Verdict.UNDECIDED, "nfs.busy", owner=Owner.SERVER)


@pytest.mark.parametrize("reason", [8, 12, 99, 4_000_000_000])
def test_an_unknown_reason_for_a_refused_credential(reason: int) -> None:
    with in_background(fourth(struct.pack(">4I", 1, 1, 1, reason))) as server:
        report = climb(target("nfs", "127.0.0.1", server.port, nfs_version=4))
    expect(report, Verdict.UNDECIDED, "scanready.limit", owner=Owner.SCANREADY)


@pytest.mark.parametrize("reason", [8, 99])
def test_an_unknown_reason_for_a_refused_question(monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
    """It comes at the first question, which has no credential at all."""
    report = asked(monkeypatch, HEALTHY | {(NFS, 0): struct.pack(">4I", 1, 1, 1, reason)})
    expect(report, Verdict.UNDECIDED, "scanready.limit", owner=Owner.SCANREADY)


def test_a_server_whose_program_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    report = asked(monkeypatch, HEALTHY | {(NFS, 0): SYSTEM_ERROR})
    expect(report, Verdict.BLOCKED, "nfs.refused", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_version_3_without_rpcbind(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(rpcbind, "PORT", closed.getsockname()[1])
        with in_background(nfs.version_3) as server:
            report = climb(target("nfs", "127.0.0.1", server.port))
        expect(report, Verdict.BLOCKED, "nfs.no-rpcbind", owner=Owner.SERVER)
        with in_background(nfs.version_4) as server:
            report = climb(target("nfs", "127.0.0.1", server.port))
        expect(report, Verdict.READY)


def test_the_program_is_not_there() -> None:
    with in_background(nfs.not_exported) as server:
        report = climb(target("nfs", "127.0.0.1", server.port))
    expect(report, Verdict.BLOCKED, "nfs.refused", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_a_registration_on_the_port_of_another_service_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(NFS, 3, 6, 2049), (MOUNTD, 3, 6, 3306), (100021, 4, 6, 22)]
    listed = DONE + b"".join(struct.pack(">5I", 1, *row) for row in rows) + bytes(4)
    report = asked(monkeypatch, HEALTHY | {(RPCBIND, 4): listed})
    assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), story(report)
    for check in report.checks:
        if check.endpoint.endswith((":3306/tcp", ":22/tcp")):
            assert "not contacted" in check.summary


def test_a_port_that_another_service_has_gets_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over neither transport; without its mount daemon NFSv3 is not known to be good."""
    with in_background(misbehave.silent) as thief, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", thief.port))
        udp.setblocking(False)
        monkeypatch.setitem(SERVICES, thief.port, "a printer")
        rows = [(NFS, 3, 6, 2049), (MOUNTD, 3, 6, thief.port), (MOUNTD, 3, 17, thief.port)]
        listed = DONE + b"".join(struct.pack(">5I", 1, *row) for row in rows) + bytes(4)
        report = asked(monkeypatch, HEALTHY | {(RPCBIND, 4): listed})
        with pytest.raises(BlockingIOError):
            udp.recv(1)
    expect(report, Verdict.UNDECIDED, "scanready.not-followed", owner=Owner.OPERATOR)
    assert f"mountd {thief.port}/tcp is registered on the port of a printer" in finding_of(report).detail
    assert thief.connections == []


@pytest.mark.parametrize("peer", [misbehave.says(ssh.BANNER_9_2), misbehave.silent])
def test_others_are_never_ready(peer: Behaviour) -> None:
    with in_background(peer) as server:
        report = climb(target("nfs", "127.0.0.1", server.port), timeout=WAIT)
    code = "handshake.silent" if peer is misbehave.silent else "handshake.other-protocol"
    expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE)


ZEROS = DONE + bytes(200)


@pytest.mark.parametrize("answer", [ZEROS, DONE + bytes(12), DONE], ids=["200 zeros", "no results", "nothing"])
@pytest.mark.parametrize("version", [None, 3, 4])
def test_success_to_every_call_is_never_ready(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, version: int | None
) -> None:
    """A peer that echoes the number of the call and says success to it has not done what was asked."""
    peer = Peer({})
    monkeypatch.setattr(peer, "_answer", lambda *_: answer)
    with in_background(peer) as server, in_background(peer) as beside:
        monkeypatch.setattr(rpcbind, "PORT", beside.port)
        options: dict[str, Any] = {"nfs_version": version} if version else {}
        report = climb(target("nfs", "127.0.0.1", server.port, **options))
    assert report.verdict in (Verdict.UNDECIDED, Verdict.BLOCKED), story(report)
    assert report.finding is not None


@pytest.mark.parametrize("results", [NO_EXPORTS + bytes(8), DONE + bytes(200)])
def test_an_empty_list_of_exports_with_octets_behind_it_lists_nothing(
    monkeypatch: pytest.MonkeyPatch, results: bytes
) -> None:
    report = asked(monkeypatch, HEALTHY | {(MOUNTD, 5): results})
    expect(report, Verdict.SCANNABLE)
    assert "exports" not in report.facts


@pytest.mark.parametrize("version", [None, 3])
@pytest.mark.parametrize(
    "changed",
    [
        {(MOUNTD, 1): ZEROS, (NFS, 4): ZEROS, (NFS, 16): ZEROS},
        {(MOUNTD, 1): DONE + bytes(12), (NFS, 4): NOTHING_GRANTED},
        {(NFS, 4): ZEROS},
    ],
    ids=["everywhere", "a mount without a handle", "rights and more"],
)
def test_success_and_zeros_says_nothing_of_an_account(
    monkeypatch: pytest.MonkeyPatch, version: int | None, changed: Answers
) -> None:
    """A mount that is granted without a handle, and no rights with 200 octets behind them, judge no account."""
    options: dict[str, Any] = {"nfs_version": version} if version else {}
    report = asked(monkeypatch, HEALTHY | changed, uid=1000, **options)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS, owner=Owner.SCANREADY)


def test_an_entry_without_a_handle_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    named = ONE_NAME.replace(b".\0\0\0", b"x\0\0\0")
    report = asked(monkeypatch, HEALTHY | {(NFS, 3): DONE + bytes(8), (NFS, 16): named}, uid=1000)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS)


def test_no_right_at_all_is_the_servers_word(monkeypatch: pytest.MonkeyPatch) -> None:
    report = asked(monkeypatch, HEALTHY | {(NFS, 4): NOTHING_GRANTED}, uid=1000, nfs_version=3)
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER)
