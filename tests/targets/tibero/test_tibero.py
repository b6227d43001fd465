"""Tibero: never more than the shape of a greeting, and nothing sent."""

from __future__ import annotations

from typing import Any

from fixtures.emulators import Behaviour, in_background, misbehave, ssh
from fixtures.transcripts import load
from scanready.model import Owner, Report, Step, Verdict
from tests.ladder import WAIT, account, climb, expect, passed, target

GREETING, REFUSAL = load("tibero/SYNTH-greeting.s2c.hex"), load("tibero/SYNTH-refusal.s2c.hex")


def asked(behaviour: Behaviour, **options: Any) -> Report:
    with in_background(behaviour) as server:
        where = target("tibero", "127.0.0.1", server.port, account("er") if options.get("login") else None)
        report = climb(where, timeout=WAIT)
        server.wait(len(server.connections))
        assert all(record.received == b"" for record in server.connections), "nothing is sent to a Tibero"
    return report


def test_a_greeting_is_never_more_than_its_shape() -> None:
    for login in (False, True):
        report = asked(misbehave.says(GREETING), login=login)
        expect(report, Verdict.UNDECIDED, "tibero.unverifiable", step=Step.AUTH, owner=Owner.SCANREADY)
        passed(report, Step.HANDSHAKE)


def test_a_refusal() -> None:
    report = asked(misbehave.says(REFUSAL))
    expect(report, Verdict.UNDECIDED, "tibero.refused", step=Step.HANDSHAKE, owner=Owner.DATABASE)


def test_others_are_told_apart() -> None:
    report = asked(misbehave.says(ssh.BANNER_9_2))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE)
    report = asked(misbehave.silent)
    expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE)
