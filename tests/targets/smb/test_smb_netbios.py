"""SMB behind NetBIOS sessions (139), names over UDP (137), and a look at 139 where 445 is closed."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fixtures.emulators import Behaviour, Server, in_background, misbehave, smb
from fixtures.emulators.smb import HEALTHY, OLD_SAMBA, WINDOWS, Answers
from fixtures.transcripts import load
from scanready.model import Outcome, Owner, Report, Step, Verdict
from scanready.targets.smb import netbios
from tests.ladder import PLENTY, WAIT, check_of, climb, expect, passed, pasted, story, target

NAMES = load("nbt/SYNTH-windows2003-nbstat.s2c.hex")  # its file service is called OLD


@contextlib.contextmanager
def name_service(answer: bytes) -> Iterator[int]:
    """Answer each node status question with ``answer``, numbered like the question; empty is silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (asked := sock.recvfrom(1024))[0] != b"end":
                if answer:
                    sock.sendto(asked[0][:2] + answer[2:], asked[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"end", sock.getsockname())
            thread.join()


def asked(
    monkeypatch: pytest.MonkeyPatch,
    behaviour: Behaviour | Answers,
    names: bytes = NAMES,
    host: str = "127.0.0.1",
    timeout: float = PLENTY,
) -> tuple[Report, Server]:
    """Climb to the server as if its port were 139, and its names' port 137."""
    played = smb.server(behaviour) if isinstance(behaviour, Answers) else behaviour
    with in_background(played) as server, name_service(names) as names_at:
        monkeypatch.setattr(netbios, "SESSION_SERVICE", server.port)
        monkeypatch.setattr(netbios, "NAME_SERVICE", names_at)
        monkeypatch.setattr(netbios, "_NAME_SECONDS", 1.7)
        report = climb(target("smb", host, server.port), timeout=timeout)
        server.wait(len(server.connections))
    assert not server.offences, story(report)
    return report, server


def test_a_session_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    report, server = asked(monkeypatch, WINDOWS)
    expect(report, Verdict.READY)
    assert server.counts == {"sessions": 1, "negotiations": 1, "prompts": 1}
    passed(report, Step.HANDSHAKE, Step.AUTH)
    names = next(check for check in report.checks if check.endpoint.endswith("/udp"))
    assert names.outcome is Outcome.PASSED
    assert "OLD<20>" in names.summary
    assert report.facts["workgroup"] == "CORP"
    datagrams = next(check for check in report.checks if check.endpoint == "127.0.0.1:138/udp")
    assert datagrams.outcome is Outcome.SKIPPED


def test_smb1_only_behind_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    report, server = asked(monkeypatch, OLD_SAMBA)
    expect(report, Verdict.LIMITED, "smb.smb1-only")
    assert server.counts == {"sessions": 2, "negotiations": 1, "smb1-negotiations": 1, "prompts": 1}


@pytest.mark.parametrize("refusal", [smb.NAME_NOT_PRESENT, b"\x83\0\0\1\x80"])
def test_the_name_is_learnt_where_any_will_not_do(monkeypatch: pytest.MonkeyPatch, refusal: bytes) -> None:
    report, server = asked(monkeypatch, replace(WINDOWS, called=("OLD",), unknown=refusal))
    expect(report, Verdict.READY)
    assert "OLD (from 137/udp)" in check_of(report, Step.HANDSHAKE).summary
    assert server.counts["sessions"] == 2


def test_the_targets_own_name_is_tried_where_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    report, _ = asked(monkeypatch, replace(WINDOWS, called=("LOCALHOST",)), b"", "localhost")
    expect(report, Verdict.READY)
    assert "from the target's host name" in check_of(report, Step.HANDSHAKE).summary


def test_no_name_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    report, server = asked(monkeypatch, replace(WINDOWS, called=("OTHER",)), b"")
    expect(report, Verdict.BLOCKED, "smb.netbios-name", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert report.finding is not None
    assert report.finding.fix is not None
    assert pasted(report.finding.fix).startswith("ip saddr 127.0.0.1 ip daddr 127.0.0.1 udp dport")
    assert len(server.connections) == 1


def test_no_name_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    report, server = asked(monkeypatch, replace(WINDOWS, called=("OTHER",)))
    expect(report, Verdict.BLOCKED, "smb.netbios-name", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert "rejects the names *SMBSERVER and OLD" in check_of(report, Step.HANDSHAKE).summary
    assert len(server.connections) == 2, "no more names are guessed"


@pytest.mark.parametrize(
    ("session", "code", "words"),
    [
        (smb.HOST_DENIED, "smb.host-denied", "not listening for this caller"),
        (b"\x83\0\0\1\x83", "smb.no-netbios-session", "out of resources"),
        (b"\x83\0\0\1\x8f", "smb.no-netbios-session", "unspecified"),
        (smb.RETARGET, "smb.no-netbios-session", "10.0.1.9:139"),
        (smb.SAMBA_NEGOTIATE, "handshake.malformed", "instead of an answer"),
    ],
)
def test_there_is_no_session(monkeypatch: pytest.MonkeyPatch, session: bytes, code: str, words: str) -> None:
    report, server = asked(monkeypatch, replace(HEALTHY, session=session))
    expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert words in check_of(report, Step.HANDSHAKE).summary
    assert len(server.connections) == 1


@pytest.mark.parametrize(("answer", "code"), [(b"", "handshake.broken-off"), (None, "handshake.silent")])
def test_a_session_and_nothing_in_it(monkeypatch: pytest.MonkeyPatch, answer: bytes | None, code: str) -> None:
    report, server = asked(monkeypatch, replace(HEALTHY, negotiate=answer, again=(answer, answer)), timeout=WAIT)
    expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE)
    assert "after the NetBIOS session opened" in check_of(report, Step.HANDSHAKE).summary
    assert len(server.connections) == 2


def test_names_that_are_not_told_blame_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    report, _ = asked(monkeypatch, WINDOWS, b"")
    expect(report, Verdict.READY)
    names = next(check for check in report.checks if check.endpoint.endswith("/udp"))
    assert names.outcome is Outcome.SKIPPED
    assert "proves nothing" not in names.summary
    assert "no answer over UDP" in names.summary


# A closed 445 ---------------------------------------------------------------------------------------------------------


def closed(monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour | None) -> Report:
    """Climb to a port that is closed as if it were 445, beside a 139 that plays ``behaviour``."""
    with contextlib.ExitStack() as held:
        sock = held.enter_context(socket.socket())
        sock.bind(("127.0.0.1", 0))
        monkeypatch.setattr(netbios, "DIRECT", sock.getsockname()[1])
        other = held.enter_context(socket.socket())
        other.bind(("127.0.0.1", 0))
        port = held.enter_context(in_background(behaviour)).port if behaviour else other.getsockname()[1]
        monkeypatch.setattr(netbios, "SESSION_SERVICE", port)
        report = climb(target("smb", "127.0.0.1", sock.getsockname()[1]))
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
    assert report.reached is Step.RESOLVE, "a glance at 139 is no step up"
    look = check_of(report, Step.CONNECT)
    assert look.outcome is Outcome.SKIPPED
    assert look.endpoint == f"127.0.0.1:{port}"
    return report


def test_139_is_evidence_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    report = closed(monkeypatch, smb.samba)
    assert "Newer servers need 445" in check_of(report, Step.CONNECT).summary
    assert report.footprint.connections == 1


def test_139_is_closed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    report = closed(monkeypatch, None)
    assert check_of(report, Step.CONNECT).summary.startswith("139 also refuses connections")


@pytest.mark.parametrize("behaviour", [misbehave.closes_at_once, misbehave.says(b"SSH-2.0-x\r\n"), misbehave.silent])
def test_139_is_somebody_else(monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour) -> None:
    report = closed(monkeypatch, behaviour)
    assert "no NetBIOS session service answers" in check_of(report, Step.CONNECT).summary
    assert report.seconds < PLENTY / 2, "139 is not waited for until the time is over"
