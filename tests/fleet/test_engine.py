"""The engine of an agent: batches with the same settings run together, and none waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from fixtures.limits import PATIENCE
from scanready.causes import common
from scanready.climb.guard import LockoutGuard
from scanready.fleet import engine
from scanready.fleet.engine import Engine, not_checked
from scanready.fleet.messages import Batch
from scanready.model import Agent, Report, Step, Target
from scanready.run.settings import Settings

AGENT = Agent("a", "Linux")


class Gate:
    """Stand for the engine's run: a target ends when it is let through."""

    begun: list[str]
    through: dict[str, threading.Event]

    def __init__(self, settings: Settings, guard: LockoutGuard | None = None) -> None:
        self.settings, self.guard = settings, guard

    def renew(self) -> None:
        """Do nothing."""

    async def __aexit__(self, *_: object) -> None:
        """Do nothing."""

    async def results(self, targets: Sequence[Target]) -> AsyncIterator[Report]:
        """Yield a report of each target."""
        import asyncio

        for target in targets:
            self.begun.append(target.host)
            while not self.through[target.host].is_set():
                await asyncio.sleep(0.01)
            yield not_checked(AGENT, target, common.OUT_OF_TIME, "")


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_agent_trusts_its_own_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """No path travels from the coordinator: the file is the agent's."""
    monkeypatch.setattr(Gate, "begun", [], raising=False)
    monkeypatch.setattr(Gate, "through", {"one": threading.Event()}, raising=False)
    monkeypatch.setattr(engine, "Run", Gate)
    Gate.through["one"].set()
    working = Engine(AGENT, "/etc/scanready/targets.pem")
    batch = Batch("r", "b", "a", Step.ACCESS, 10.0, 60.0, ((0, Target("one", "https", 443)),))
    working.check(batch, set(), lambda *_: None, lambda: False, exclusive=False)
    assert working._run is not None
    assert working._run.settings.ca_file == "/etc/scanready/targets.pem"


@pytest.mark.parametrize("why", ["alone", "other settings", "another guard"])
def test_a_batch_that_waits_is_not_overtaken(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """An agent with much work would never be idle for it."""
    names = ("first", "waits", "later")
    monkeypatch.setattr(Gate, "begun", [], raising=False)
    monkeypatch.setattr(Gate, "through", {name: threading.Event() for name in names}, raising=False)
    monkeypatch.setattr(engine, "Run", Gate)
    working = Engine(AGENT)

    def check(name: str, depth: Step, alone: bool, guard: LockoutGuard | None = None) -> threading.Thread:
        batch = Batch("r", name, "a", depth, 10.0, 60.0, ((0, Target(name, "ssh", 22)),))
        taken: dict[str, Any] = {"exclusive": alone, "guard": guard}
        words: Any = (batch, set(), lambda *_: None, lambda: False)
        thread = threading.Thread(target=working.check, args=words, kwargs=taken, daemon=True)
        thread.start()
        return thread

    threads = [check("first", Step.ACCESS, alone=False)]
    until(lambda: Gate.begun == ["first"])
    guard = LockoutGuard() if why == "another guard" else None
    threads.append(check("waits", Step.AUTH if why == "other settings" else Step.ACCESS, why == "alone", guard))
    until(lambda: len(working._turns._waiting) == 1)
    threads.append(check("later", Step.ACCESS, alone=False))
    until(lambda: len(working._turns._waiting) == 2)
    for name in names:
        until(lambda name=name: Gate.begun[-1] == name)  # type: ignore[misc]
        Gate.through[name].set()
    for thread in threads:
        thread.join(PATIENCE)
    assert Gate.begun == list(names)


def test_a_batch_is_entered_in_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks up then which accounts are bound: the batches of another run may have been refused before."""
    monkeypatch.setattr(Gate, "begun", [], raising=False)
    monkeypatch.setattr(Gate, "through", {name: threading.Event() for name in "ab"}, raising=False)
    monkeypatch.setattr(engine, "Run", Gate)
    working, entered = Engine(AGENT), list[str]()

    def check(name: str) -> threading.Thread:
        batch = Batch("r", name, "a", Step.ACCESS, 10.0, 60.0, ((0, Target(name, "ssh", 22)),))
        taken: dict[str, Any] = {"exclusive": False, "guard": LockoutGuard(), "enter": lambda: entered.append(name)}
        words: Any = (batch, set(), lambda *_: None, lambda: False)
        thread = threading.Thread(target=working.check, args=words, kwargs=taken, daemon=True)
        thread.start()
        return thread

    threads = [check("a")]
    until(lambda: Gate.begun == ["a"])
    threads.append(check("b"))
    until(lambda: len(working._turns._waiting) == 1)
    assert entered == ["a"]
    for name in "ab":
        Gate.through[name].set()
    for thread in threads:
        thread.join(PATIENCE)
    assert entered == ["a", "b"]
