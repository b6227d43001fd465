"""The answer of ``fleet status`` is true for no, one and many agents, with and without a run."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

pytest.importorskip("celery")

from scanready.cli.fleet import status
from scanready.fleet import presence
from scanready.fleet.messages import Heartbeat

RUN, OTHER = "20261202-0405-k3f.0123456789abcdef", "20261202-0406-xyz.0123456789abcdef"
WORDS = ["--broker", "amqp://127.0.0.1:9", "--password-from", "env:PATH"]


@pytest.mark.parametrize(
    ("agents", "runs", "line"),
    [
        ({}, [], "no agent is there, so it is unknown which runs wait: start `scanready fleet agent` on each agent"),
        ({"a": ()}, [], "1 agent is there, without targets in hand: a"),
        ({"b": (), "a": ()}, [], "2 agents are there, without targets in hand: a, b"),
        ({"a": (RUN,)}, ["20261202-0405-k3f  a"], "1 run is under way; 1 agent is there"),
        (
            {"b": (RUN,), "a": (RUN,), "c": ()},
            ["20261202-0405-k3f  a, b"],
            "1 run is under way; 3 agents are there, without targets in hand: c",
        ),
        (
            {"a": (RUN,), "b": (OTHER, RUN)},
            ["20261202-0405-k3f  a, b", "20261202-0406-xyz  b"],
            "2 runs are under way; 2 agents are there",
        ),
    ],
    ids=["none", "one idle", "two idle", "one at work", "one of three idle", "two runs"],
)
def test_the_last_line_fits_the_agents_and_runs(
    monkeypatch: pytest.MonkeyPatch, agents: dict[str, tuple[str, ...]], runs: list[str], line: str
) -> None:
    beats = {name: Heartbeat(name, "1", "Linux", "2026-12-02T04:05:06Z", held) for name, held in agents.items()}
    monkeypatch.setattr(presence, "heartbeats", lambda *_: beats)
    ended = CliRunner().invoke(status.command, WORDS)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.splitlines() == runs
    assert ended.stderr == f"scanready: {line}\n"


def test_an_agent_that_lists_a_thousand_runs_does_not_hide_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    held = tuple(f"20251202-{number:04}-xyz.0123456789abcdef" for number in range(1000))
    beats = {
        name: Heartbeat(name, "1", "Linux", "2026-12-02T04:05:06Z", runs) for name, runs in (("a", (RUN,)), ("z", held))
    }
    monkeypatch.setattr(presence, "heartbeats", lambda *_: beats)
    ended = CliRunner().invoke(status.command, WORDS)
    lines = ended.stdout.splitlines()
    assert (len(lines), lines[-1]) == (50, "20261202-0405-k3f  a")
    assert ended.stderr == (
        "scanready: and 951 earlier runs, by name\nscanready: 1001 runs are under way; 2 agents are there\n"
    )
