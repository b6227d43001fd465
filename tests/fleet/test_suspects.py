"""Batches that were under way when their agent was killed: each goes by itself, and only what it ends is its fault.

Forty of them take longer than the broker waits for an acknowledgement, so those that wait go back, and are not counted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("celery")

from celery.exceptions import Reject

from fixtures.limits import PATIENCE
from scanready.cli.fleet.agent import AsVerify
from scanready.fleet import engine
from scanready.fleet.agent import Worker
from scanready.fleet.connection import Broker
from scanready.fleet.engine import WAIT, Engine, NoTurn
from scanready.fleet.journal import JournalError
from scanready.fleet.messages import MOST_SECONDS, Batch, Results, decode, encode
from scanready.model import Agent, Step, Target
from tests.fleet.test_engine import AGENT, Gate, until

#: Seconds after which RabbitMQ ends the channel of a consumer, by default.
CONSUMER_TIMEOUT = 30 * 60.0
NAMES = ("one", "two", "three")


def batch_of(name: str) -> Batch:
    return Batch("r", name, AGENT.name, Step.ACCESS, 10.0, 60.0, ((0, Target(name, "ssh", 22)),))


class Hands:
    """An agent without a broker; each batch is delivered in a thread of its own."""

    def __init__(self, folder: Path, wait: float) -> None:
        self.lines: list[str] = []
        self.sent: list[Results] = []
        self.ends: dict[str, list[str]] = {name: [] for name in NAMES}
        broker = Broker("127.0.0.1", 1, AGENT.name, "x", tls=False)
        self.worker = Worker(broker, AGENT, folder / "a.db", self.lines.append, folder / "runs.db", AsVerify())
        self.worker._engine.close(PATIENCE)
        self.worker._engine = Engine(AGENT, wait=wait)
        stand_in: Any = SimpleNamespace(send=self._send)
        self.worker._publisher = stand_in
        self._threads: list[threading.Thread] = []

    def _send(self, _: str, text: str, *__: object) -> None:
        found = decode(text)
        assert isinstance(found, Results)
        self.sent.append(found)

    def deliver(self, name: str) -> None:
        def take() -> None:
            try:
                self.worker.take(encode(batch_of(name)))
            except Reject as error:
                self.ends[name].append("back" if error.requeue else "dropped")
            else:
                self.ends[name].append("over")

        self._threads.append(threading.Thread(target=take, daemon=True))
        self._threads[-1].start()

    def stop(self) -> None:
        """Let the time for batches under way be over, as some seconds after SIGTERM."""
        self.worker._stopping.event.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def begun(self) -> list[int]:
        return [self.worker.journal.begun("r", name) for name in NAMES]

    def waiting(self) -> int:
        return len(self.worker._engine._turns._waiting)


@pytest.fixture
def hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Hands]]:
    """Make an agent whose file says that it was killed while each batch was under way."""
    monkeypatch.setattr(Gate, "begun", [], raising=False)
    monkeypatch.setattr(Gate, "through", {name: threading.Event() for name in NAMES}, raising=False)
    monkeypatch.setattr(engine, "Run", Gate)
    made: list[Hands] = []

    def agent(wait: float = PATIENCE) -> Hands:
        made.append(Hands(tmp_path, wait))
        for name in NAMES:
            made[0].worker.journal.begin("r", name)
        return made[0]

    yield agent
    for gate in Gate.through.values():
        gate.set()
    for one in made:
        one.join()
        one.worker._engine.close(PATIENCE)
        one.worker._held.release()


def test_what_waits_and_goes_is_acknowledged_before_the_broker_ends_the_channel() -> None:
    """A third of that time is left for results that the broker does not take at once."""
    assert WAIT + MOST_SECONDS <= CONSUMER_TIMEOUT - 5 * 60.0


def test_a_suspect_without_a_turn_goes_back_and_keeps_its_count(hands: Callable[..., Hands]) -> None:
    agent = hands(wait=0.05)
    agent.deliver("one")
    until(lambda: Gate.begun == ["one"])
    for _ in range(3):  # it is not the number of its deliveries that counts
        for name in NAMES[1:]:
            before = len(agent.ends[name])
            agent.deliver(name)
            until(lambda name=name, before=before: len(agent.ends[name]) > before)  # type: ignore[misc]
    assert agent.ends == {"one": [], "two": ["back"] * 3, "three": ["back"] * 3}
    assert agent.begun() == [2, 1, 1], "only the first was begun again"
    for number, name in enumerate(NAMES):
        Gate.through[name].set()
        if number:
            agent.deliver(name)
        until(lambda name=name: agent.ends[name][-1:] == ["over"])  # type: ignore[misc]
    assert Gate.begun == list(NAMES)
    assert not any("scanready.bug" in line for found in agent.sent for _, line in found.lines)
    assert agent.lines == ["batches of r were under way when this agent was killed: each of them goes by itself now"]


def test_both_deliveries_of_a_batch_without_a_turn_go_back(hands: Callable[..., Hands]) -> None:
    """A broker that was cut off delivers again what waits here; whichever delivery it still knows must go back."""
    agent = hands(wait=0.2)
    agent.deliver("one")
    until(lambda: Gate.begun == ["one"])
    agent.deliver("two")
    until(lambda: agent.waiting() == 1)
    agent.deliver("two")
    until(lambda: len(agent.ends["two"]) == 2)
    assert agent.ends["two"] == ["back", "back"]


def test_a_suspect_that_waits_at_sigterm_stays_one(hands: Callable[..., Hands]) -> None:
    """Otherwise a batch that ends its agent would have a further delivery for each SIGTERM."""
    agent = hands()
    agent.deliver("one")
    until(lambda: Gate.begun == ["one"])
    for name in NAMES[1:]:
        agent.deliver(name)
    until(lambda: agent.waiting() == len(NAMES) - 1)
    agent.stop()
    agent.join()
    assert agent.ends == {name: ["back"] for name in NAMES}
    assert agent.begun() == [1, 1, 1], "each was under way once when the agent was killed"


def test_no_batch_is_begun_while_the_agent_ends(hands: Callable[..., Hands]) -> None:
    """It would count as one that was under way when the process ended."""
    agent = hands()
    agent.deliver("one")
    until(lambda: Gate.begun == ["one"])
    agent.deliver("two")
    until(lambda: agent.waiting() == 1)
    agent.worker._stopping._until = float("inf")
    agent.stop()
    Gate.through["one"].set()
    agent.join()
    assert (agent.ends["one"], agent.ends["two"]) == (["over"], ["back"])
    assert agent.begun()[1] == 1


def test_the_third_delivery_of_what_was_begun_twice_ends_it_and_no_other(hands: Callable[..., Hands]) -> None:
    agent = hands()
    agent.worker.journal.begin("r", "two")
    for gate in Gate.through.values():
        gate.set()
    for name in NAMES:
        agent.deliver(name)
    agent.join()
    assert agent.ends == {name: ["over"] for name in NAMES}
    assert sorted(Gate.begun) == ["one", "three"]
    found = {one.batch: line for one in agent.sent for _, line in one.lines}
    assert {name: "scanready.bug" in line for name, line in found.items()} == {
        "one": False,
        "two": True,
        "three": False,
    }


@pytest.mark.parametrize("counts", [True, False], ids=["room for a count", "no room at all"])
def test_a_batch_that_fails_while_the_agent_goes_on_has_not_ended_it(
    hands: Callable[..., Hands], monkeypatch: pytest.MonkeyPatch, *, counts: bool
) -> None:
    """A disk that is full for a while must not look like a batch that ends its agent each time."""
    agent = hands()
    keep, put_back, room = agent.worker.journal.keep, agent.worker.journal.put_back, [False]

    def take_back(*given: Any) -> None:
        if not (room[0] or counts):
            raise JournalError("a.db: the disk is full")
        put_back(*given)

    monkeypatch.setattr(agent.worker.journal, "put_back", take_back)

    def full(*given: Any) -> None:
        if not room[0]:
            raise JournalError("a.db: the disk is full")
        keep(*given)

    monkeypatch.setattr(agent.worker.journal, "keep", full)
    for gate in Gate.through.values():
        gate.set()
    for _ in range(3):
        agent.deliver("one")
        agent.join()
    assert agent.begun()[0] == (1 if counts else 4), "what the next process of the agent reads"
    room[0] = True
    agent.deliver("one")
    agent.join()
    assert agent.begun()[0] == 2, "the kill, and the last time"
    assert Gate.begun == ["one"] * 4
    assert [found.refused.endswith("the disk is full") for found in agent.sent] == [True] * 3 + [False]
    assert "scanready.bug" not in agent.sent[-1].lines[0][1]


def test_a_batch_of_the_engine_without_a_turn_was_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate, "begun", [], raising=False)
    monkeypatch.setattr(Gate, "through", {name: threading.Event() for name in NAMES}, raising=False)
    monkeypatch.setattr(engine, "Run", Gate)
    working, counted = Engine(Agent("a", "Linux"), wait=0.05), list[str]()

    def check(name: str) -> None:
        words: Any = (batch_of(name), set(), lambda *_: None, lambda: False)
        working.check(*words, exclusive=True, begin=lambda: counted.append(name))

    first = threading.Thread(target=check, args=["one"], daemon=True)
    first.start()
    until(lambda: Gate.begun == ["one"])
    with pytest.raises(NoTurn, match="no turn within"):
        check("two")
    assert counted == ["one"]
    Gate.through["one"].set()
    first.join(PATIENCE)
    Gate.through["three"].set()
    check("three")
    assert counted == ["one", "three"], "what gave up holds up nothing"
