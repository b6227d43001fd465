"""Broken endpoint mappers, and other services in their place: the deadline holds, and the right owner is named."""

from __future__ import annotations

import pytest

from fixtures.emulators import Behaviour, dcom, in_background, misbehave
from fixtures.emulators.ssh import openssh_9_2
from scanready.model import Outcome, Owner, Step, Verdict
from tests.ladder import PLENTY, WAIT, check_of, expect, story
from tests.targets.windows.windows_peers import (
    ACCEPTED,
    FEATURES,
    NOT_NOW,
    SILENT,
    ack,
    asked,
    climbed,
    pdu,
    response,
    table,
)


@pytest.mark.parametrize(
    "answers",
    [
        {"bind": pdu(12, b"\xff" * 40)},
        {"bind": ack(*[ACCEPTED] * 16)},
        {"bind": response(b"")},
        {"alive": ack(ACCEPTED)},
    ],
)
def test_broken_answers(answers: dict[str, bytes]) -> None:
    expect(asked(**answers), Verdict.BLOCKED, "handshake.malformed", step=Step.HANDSHAKE, owner=Owner.SERVER)


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"alive": response(b"\xff" * 64)}, "scanready.limit"),
        ({"lookup": response(bytes(20) + b"\xff" * 64)}, "windows.dynamic-range-unknown"),
        ({"map": response(bytes(20) + b"\xff" * 64), "lookup": table()}, "windows.dynamic-range-unknown"),
    ],
)
def test_what_we_do_not_understand_is_nobodys_fault(answers: dict[str, bytes], code: str) -> None:
    report = asked(**answers)
    expect(report, Verdict.UNDECIDED, code)
    assert "cannot be read" in story(report)
    assert check_of(report, Step.AUTH).outcome is Outcome.PASSED


@pytest.mark.parametrize("part", [bytes(5000), b""])
def test_a_table_beyond_our_bound_is_our_limit(part: bytes) -> None:
    endless = response(part, flags=1) + response(part, flags=0) * (60 if part else 2000)
    report = asked(lookup=endless)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)
    assert "which are all that is read" in story(report)


def test_a_broken_challenge() -> None:
    broken = b"NTLMSSP\0\2\0\0\0" + b"\xff" * 40
    report = asked(login=ack(ACCEPTED, kind=15, token=broken))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.AUTH)


@pytest.mark.parametrize(
    ("peer", "code"),
    [
        (misbehave.closes_at_once, "handshake.hung-up"),
        (misbehave.resets, "handshake.hung-up"),
        (misbehave.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "handshake.other-protocol"),
        (openssh_9_2, "handshake.other-protocol"),
        (misbehave.says(b"\5\0\x0c\3\x10\0\0\0\xff\xff\xff\xff\1\0\0\0"), "handshake.malformed"),
        (misbehave.tls_garbage(1), "handshake.other-protocol"),
    ],
)
def test_other_peers(peer: Behaviour, code: str) -> None:
    with in_background(peer) as host:
        expect(climbed(host.port, timeout=WAIT), Verdict.BLOCKED, code, step=Step.HANDSHAKE)


def test_silence() -> None:
    with in_background(misbehave.silent) as host:
        report = climbed(host.port, timeout=WAIT)
    expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE, owner=Owner.NETWORK)


def test_one_byte_a_time() -> None:
    with in_background(misbehave.drips(ack(ACCEPTED, NOT_NOW, NOT_NOW, FEATURES), 0.2)) as host:
        expect(climbed(host.port, timeout=WAIT), Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE)


@pytest.mark.parametrize("variant", ["silent-at-lookup", "drips-lookup"])
def test_silence_in_the_middle_costs_three_seconds_and_the_table(variant: str) -> None:
    with dcom.in_background(variant) as host:
        report = climbed(host.mapper.port)
    expect(report, Verdict.UNDECIDED, "windows.dynamic-range-unknown", step=Step.CONNECT)
    assert report.seconds < PLENTY / 2, "it is not waited for until the time is over"
    assert report.facts["server_name"] == "win-srv19.corp.example"


def test_silence_at_the_very_end() -> None:
    report = asked(alive=SILENT, login_bind=SILENT)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.AUTH)
    assert report.seconds < PLENTY / 2
