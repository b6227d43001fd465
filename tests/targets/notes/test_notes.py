"""Notes: the shape of an open session, never more than ready, and the client and ID that the agent needs."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from pathlib import Path

import pytest

from fixtures.emulators import Behaviour, Server, in_background, misbehave, notes
from scanready.model import Outcome, Owner, Report, Step, Verdict
from scanready.net.this_agent import this_agent
from scanready.run.engine import verify
from scanready.run.settings import Settings
from scanready.targets.notes import client
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, passed, target

NAME = "CN=NOTES01/OU=SERVERS/O=EXAMPLE"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where a client is, set up with an ID."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(client.FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / ("notes.exe" if os.name == "nt" else "notes")).touch()
    (tmp_path / "scan.id").touch()
    (tmp_path / "notes.ini").write_text(f"[Notes]\r\nKeyFileName=scan.id\r\nDirectory={tmp_path}\r\n")
    return tmp_path


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An agent without a client."""
    monkeypatch.setattr(client, "_folders", lambda: iter([(str(tmp_path), ("notes",))]))


def asked(behaviour: Behaviour, login: bool = False) -> tuple[Report, Server]:
    with in_background(behaviour) as server:
        where = target("notes", "127.0.0.1", server.port, account("er") if login else None)
        report = climb(where, timeout=WAIT)
        server.wait(len(server.connections))
    return report, server


@pytest.mark.posix("the places of a Notes client on Linux")
@pytest.mark.usefixtures("installed")
def test_a_server_that_names_itself_is_ready_and_never_more() -> None:
    for login in (False, True):
        report, server = asked(notes.domino, login)
        expect(report, Verdict.READY)
        passed(report, Step.AGENT, Step.HANDSHAKE)
        assert report.facts["server_name"] == NAME
        assert "no vendor's client" in report.facts["proof"]
        for step in (Step.AUTH, Step.LOGIN, Step.ACCESS):
            assert check_of(report, step).outcome is Outcome.SKIPPED
            assert "Notes client" in check_of(report, step).summary
        assert report.footprint.login_attempts == 0
        assert (server.counts, server.offences) == ({"sessions": 1}, {})
        assert server.connections[0].received == notes.OPEN_SESSION, "nothing else is sent"


@pytest.mark.usefixtures("installed")
def test_what_is_not_known_is_undecided() -> None:
    report, _ = asked(notes.server(notes.NAMELESS))
    expect(report, Verdict.UNDECIDED, "notes.nameless", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "no vendor's client" in check_of(report, Step.HANDSHAKE).facts["proof"]
    for hangs_up in (misbehave.resets, misbehave.closes_at_once):
        report, _ = asked(hangs_up)
        expect(report, Verdict.UNDECIDED, "notes.hung-up", step=Step.HANDSHAKE, owner=Owner.SERVER)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("behaviour", "code", "owner"),
    [
        (misbehave.says(b"220 mail.example ESMTP Postfix\r\n"), "handshake.other-protocol", Owner.OPERATOR),
        (misbehave.says(notes.OPEN_SESSION), "handshake.other-protocol", Owner.OPERATOR),  # our own words: an echo
        (misbehave.says_and_closes(notes.OPENED[:60]), "handshake.broken-off", Owner.SERVER),
        (misbehave.silent, "handshake.silent", Owner.NETWORK),
    ],
)
def test_others_are_blocked(behaviour: Behaviour, code: str, owner: Owner) -> None:
    expect(asked(behaviour)[0], Verdict.BLOCKED, code, step=Step.HANDSHAKE, owner=owner)


@pytest.mark.usefixtures("nowhere")
def test_without_a_client_what_a_scan_needs_is_missing() -> None:
    report, _ = asked(notes.domino)
    expect(report, Verdict.LIMITED, "agent.client-missing", step=Step.AGENT, owner=Owner.AGENT)
    assert client.FOLDER_VARIABLE in check_of(report, Step.AGENT).summary, "says where it looked"
    passed(report, Step.HANDSHAKE)


@pytest.mark.usefixtures("nowhere")
def test_the_client_of_an_assumed_agent_is_not_judged() -> None:
    with in_background(notes.domino) as server:
        settings = Settings(timeout=PLENTY, agent=this_agent(platform_name="Windows"))
        report = asyncio.run(verify(target("notes", "127.0.0.1", server.port), settings))
    expect(report, Verdict.READY)
    assert check_of(report, Step.AGENT).outcome is Outcome.SKIPPED


@pytest.mark.posix("the places of a Notes client on Linux")
@pytest.mark.parametrize("settings", ["[Notes]\n", "[Notes]\nKeyFileName=gone.id\n"])
def test_a_client_that_was_never_set_up(installed: Path, settings: str) -> None:
    (installed / "notes.ini").write_text(settings)
    report, _ = asked(notes.domino)
    expect(report, Verdict.LIMITED, "notes.no-id", step=Step.AGENT, owner=Owner.AGENT)
    assert str(installed / "notes.ini") in check_of(report, Step.AGENT).summary


@pytest.mark.posix("the places of a Notes client on Linux")
def test_settings_of_another_user_are_not_held_against_the_client(installed: Path) -> None:
    (installed / "notes.ini").unlink()
    expect(asked(notes.domino)[0], Verdict.READY)


@pytest.mark.usefixtures("nowhere")
def test_a_guess_does_not_speak_of_the_client_where_no_domino_is() -> None:
    with in_background(misbehave.says(b"220 mail.example ESMTP Postfix\r\n")) as server:
        where = dataclasses.replace(target("notes", "127.0.0.1", server.port), guessed=True)
        expect(climb(where), Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE)
    with in_background(notes.domino) as server:
        where = dataclasses.replace(target("notes", "127.0.0.1", server.port), guessed=True)
        expect(climb(where), Verdict.LIMITED, "agent.client-missing", step=Step.AGENT)
