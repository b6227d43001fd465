"""Check misbehaving NFS servers, rpcbinds and mount daemons: the deadline holds, memory is bounded, none is ready.

Each part of NFSv3 misbehaves in turn, while the others work (tests/targets/nfs/test_nfs.py).
"""

from __future__ import annotations

import struct

import pytest

from fixtures.emulators import Behaviour, in_background, misbehave
from scanready.model import Step, Verdict
from scanready.wire.rpc import rpcbind
from tests.ladder import climb, expect, story, target
from tests.targets.nfs.test_nfs import (
    ALL_GRANTED,
    DONE,
    HEALTHY,
    MOUNTD,
    NFS,
    NO_EXPORTS,
    RPCBIND,
    Answers,
    Peer,
    asked,
)

#: Seconds for a whole climb: the default.
TIMEOUT = 10.0
# Constructed after RFC 5531: a record mark, and the beginning of a correct reply.
REPLY = struct.pack(">I", 0x80000018) + bytes(4) + DONE
PEERS: dict[str, Behaviour] = {
    "silent": misbehave.silent,
    "drips": misbehave.drips(REPLY * 8, 1.0),
    "absurd length": misbehave.says(b"\xff\xff\xff\xff" + bytes(64)),
    "fragments without end": misbehave.endless(b"\0\0\0\0" * 4096),
    "a fragment without end": misbehave.endless(prefix=b"\x7f\xff\xff\xff"),
    "garbage": misbehave.garbage(7),
    "HTTP": misbehave.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "closes": misbehave.closes_at_once,
    "resets": misbehave.resets,
    "resets in the middle": misbehave.says_and_resets(REPLY),
    "half a reply": misbehave.says_and_closes(REPLY[:17]),
}
everyone = pytest.mark.parametrize("manner", PEERS)


@everyone
def test_in_place_of_nfs(manner: str) -> None:
    with in_background(PEERS[manner]) as server:
        report = climb(target("nfs", "127.0.0.1", server.port), timeout=TIMEOUT)
    assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), story(report)
    assert report.finding_step is Step.HANDSHAKE, story(report)
    assert report.finding is not None
    area = report.finding.cause.code.partition(".")[0]
    assert area == "handshake", story(report)


@everyone
def test_in_place_of_rpcbind(monkeypatch: pytest.MonkeyPatch, manner: str) -> None:
    """Without rpcbind NFSv3 cannot be mounted, and a target that needs it is not ready; NFSv4 is not affected."""
    peer = Peer(HEALTHY)
    with in_background(peer) as server, in_background(PEERS[manner]) as broker:
        monkeypatch.setattr(rpcbind, "PORT", broker.port)
        report = climb(target("nfs", "127.0.0.1", server.port, export="/finance"), timeout=TIMEOUT)
    assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), story(report)
    assert report.finding is not None
    assert report.finding.cause.code != "nfs.port-blocked", "the port answers, so it is not blocked"


@everyone
def test_in_place_of_the_mount_daemon(monkeypatch: pytest.MonkeyPatch, manner: str) -> None:
    broker = Peer(HEALTHY)
    with in_background(broker) as server, in_background(PEERS[manner]) as daemon, in_background(broker) as beside:
        broker.ports = server.port, daemon.port
        monkeypatch.setattr(rpcbind, "PORT", beside.port)
        report = climb(target("nfs", "127.0.0.1", server.port, export="/finance"), timeout=TIMEOUT)
    assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), story(report)
    assert report.finding is not None
    assert report.finding.cause.code != "nfs.port-blocked", "the port answers, so it is not blocked"


def listing(*rows: tuple[int, int, int, int]) -> bytes:
    """rpcbind's list of (program, version, protocol, port)."""
    return DONE + b"".join(struct.pack(">5I", 1, *row) for row in rows) + bytes(4)


LISTS = {
    "nothing": listing(),
    "ports that are none": listing((NFS, 3, 6, 0), (MOUNTD, 3, 6, 70000), (100021, 4, 17, 2**32 - 1)),
    # Below the ports that the system gives away: one of those may be the emulator's own.
    "four hundred mount daemons": listing(*((MOUNTD, 3, 6, 20100 + port) for port in range(400))),
    "transports that are none": listing((MOUNTD, 3, 99, 20048), (MOUNTD, 3, 0, 20048)),
    "versions that are none": listing((MOUNTD, 77, 6, 20048), (MOUNTD, 0, 17, 20048)),
    "a list that breaks off": listing((MOUNTD, 3, 6, 20048))[:-9],
    "a boolean of 7": DONE + struct.pack(">I", 7),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_rpcbind_that_lead_nowhere(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    answers: Answers = HEALTHY | {(RPCBIND, 4): LISTS[name], (RPCBIND, 3): DONE + bytes(4)}
    report = asked(monkeypatch, answers, timeout=TIMEOUT)
    assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), story(report)
    assert report.footprint.connections < 50, "a list does not make us sweep"


BROKEN = {
    "a mount with a handle beyond its end": {(MOUNTD, 1): DONE + struct.pack(">II", 0, 64) + b"short"},
    "a handle of 4 GiB": {(MOUNTD, 1): DONE + struct.pack(">II", 0, 2**32 - 1)},
    "a million flavors": {(MOUNTD, 1): DONE + struct.pack(">II8sI", 0, 8, b"handle..", 10**6)},
    "an access that breaks off": {(NFS, 4): ALL_GRANTED[:-3]},
    "names without end": {(NFS, 16): DONE + struct.pack(">II8s", 0, 0, bytes(8)) + struct.pack(">IQI", 1, 5, 2**31)},
    "exports without end": {(MOUNTD, 5): DONE + struct.pack(">II", 1, 2**31), (NFS, 4): ALL_GRANTED[:-3]},
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_answers_to_a_mount(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    peer = Peer(HEALTHY | {(MOUNTD, 5): NO_EXPORTS} | BROKEN[what])
    with in_background(peer) as server, in_background(peer) as beside:
        peer.ports = server.port, beside.port
        monkeypatch.setattr(rpcbind, "PORT", beside.port)
        report = climb(target("nfs", "127.0.0.1", server.port, export="/finance"), timeout=TIMEOUT)
        beside.wait(len(beside.connections))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS)
    assert peer.counts[MOUNTD, 3] == peer.counts[MOUNTD, 1] == 1, "what was asked for is undone"
