"""Bounds on computing are the same on each machine: a slow one has more seconds, and a fault has not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from tests import pace


class Clock:
    """The CPU time of a thread of a machine on which the fixed work takes ``seconds``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
        self.now = 0.0
        self._each: Iterator[float] = itertools.cycle(seconds)
        monkeypatch.setattr(time, "thread_time", lambda: self.now)
        monkeypatch.setattr(pace, "work", lambda: self.compute(next(self._each)))

    def compute(self, seconds: float) -> None:
        self.now += seconds


def test_a_machine_at_half_the_speed_has_twice_the_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, 2 * pace.REFERENCE)
    assert pace.bound(0.05) == pytest.approx(0.1)
    with pace.computes_within(0.05):
        clock.compute(0.08)


def test_a_fault_is_one_on_a_slow_machine_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, 2 * pace.REFERENCE)
    with (
        pytest.raises(AssertionError, match=r"computed for 0\.500 s; 0\.100 s is the bound"),
        pace.computes_within(0.05),
    ):
        clock.compute(0.5)


def test_a_fast_machine_has_no_less_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch, pace.REFERENCE / 4)
    assert pace.slowness() == 1.0


def test_a_moment_of_slowness_changes_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch, *[pace.REFERENCE] * 5, *[100 * pace.REFERENCE] * 4)
    assert pace.slowness() == pytest.approx(1.0)


def test_waits_are_not_computing() -> None:
    with pace.computes_within(0.03):
        time.sleep(0.05 * pace.slowness())


def test_an_error_of_the_block_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, pace.REFERENCE)
    with pytest.raises(ZeroDivisionError), pace.computes_within(0.05):
        clock.compute(5.0 / 0)


def test_the_work_is_the_same_each_time_and_takes_a_moment() -> None:
    assert pace.work() == pace.work()
    assert 1.0 <= pace.slowness() < 100.0
