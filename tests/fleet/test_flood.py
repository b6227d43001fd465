"""An agent cannot make the coordinator work without bound, and its messages do not count for others."""

from __future__ import annotations

import pytest

pytest.importorskip("celery")

from scanready.fleet.flood import LASTING, Flood
from scanready.fleet.messages import MOST_TARGETS
from scanready.fleet.once import Limited, Once


def test_heartbeats_are_read_once_a_second_and_agent() -> None:
    flood = Flood(["a", "b"])
    read = sum(flood.takes_heartbeat("a", number / 1000) for number in range(10_000))
    assert read == 10
    assert flood.takes_heartbeat("b", 9.5)
    assert flood.flooding == ("a",)
    assert flood.is_flooded(9.999)
    assert not flood.is_flooded(11 + LASTING)


def test_the_heartbeats_of_two_processes_are_no_flood() -> None:
    flood = Flood(["a"])
    for number in range(10_000):
        flood.takes_heartbeat("a", number * 5.0)
        flood.takes_heartbeat("a", number * 5.0 + 0.1)
    assert not flood.is_flooded(50_000.0)
    assert flood.flooding == ()


@pytest.mark.parametrize("sender", [None, "", "c", "coordinator"])
def test_strangers_are_not_read(sender: str | None) -> None:
    flood = Flood(["a"])
    assert not flood.takes_heartbeat(sender, 1.0)
    assert not flood.takes_results(sender)


def test_an_agent_has_as_many_messages_as_its_batches_can_make() -> None:
    """Each delivery of a batch has a message for each result and one for its end at most."""
    flood = Flood(["a", "b"])
    flood.expect("a", 800)
    honest = 800 * (MOST_TARGETS + 1)
    assert all(flood.takes_results("a") for _ in range(2 * honest))
    read = sum(flood.takes_results("a") for _ in range(10 * honest))
    assert read < 4 * honest
    assert flood.takes_results("b")


def test_a_fault_is_said_once_until_it_ends() -> None:
    lines: list[str] = []
    once = Once(lines.append)
    for _ in range(3):
        once.say("away", "it is away")
    once.end("away", line="it is back")
    once.end("away", line="it is back")
    once.say("away", "it is away")
    assert lines == ["it is away", "it is back", "it is away"]


def test_many_faults_are_remembered_in_little_room() -> None:
    once = Once(lambda _: None)
    for number in range(10_000):
        once.say(str(number), "x")
    assert len(once._said) <= 100


def test_lines_of_one_kind_are_limited_and_others_are_not() -> None:
    lines: list[str] = []
    tell = Limited(lines.append, most=3, kinds=5)
    for number in range(100):
        tell(f"a result was refused: place {number}")
    tell("a is back")
    assert lines == [
        "a result was refused: place 0",
        "a result was refused: place 1",
        "a result was refused: place 2 (further lines of this kind are not shown)",
        "a is back",
    ]
    for number in range(100):
        tell(f"hostile {number}: x")
    assert len(lines) == 4 + 3
