"""A fault of several connections is said once, and ends once."""

from __future__ import annotations

from scanready.fleet.once import Once


def test_a_fault_ends_when_it_has_for_each_part() -> None:
    lines: list[str] = []
    once = Once(lines.append)
    once.say("away", "gone", "worker")
    once.say("away", "gone", "heartbeat")
    once.end("away", line="back", part="heartbeat")
    once.say("away", "gone", "worker")
    once.end("away", line="back", part="results")
    assert lines == ["gone"]
    once.end("away", line="back", part="worker")
    once.end("away", line="back", part="worker")
    assert lines == ["gone", "back"]


def test_a_fault_that_comes_back_is_said_again() -> None:
    lines: list[str] = []
    once = Once(lines.append)
    for _ in range(2):
        once.say("full", "full")
        once.end("full", line="room")
    assert lines == ["full", "room"] * 2
