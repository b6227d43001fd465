"""Modules that other threads load while a login process is prepared change nothing about it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from scanready.clients.login_process import causes_of, surroundings
from tests.clients.login_process import logins


@pytest.fixture
def loading() -> Iterator[list[str]]:
    """Load a module at each collection of garbage, and collect at every chance: as a second thread does, unluckily."""
    loaded: list[str] = []

    def load(phase: str, found: object) -> None:
        if phase == "start" and len(loaded) < 10_000:
            loaded.append(f"tests_loaded_by_another_thread_{len(loaded)}")
            sys.modules[loaded[-1]] = ModuleType(loaded[-1])

    before = gc.get_threshold()
    gc.callbacks.append(load)
    gc.set_threshold(1)
    yield loaded
    gc.set_threshold(*before)
    gc.callbacks.remove(load)
    for name in loaded:
        del sys.modules[name]


@pytest.mark.parametrize(
    "prepare",
    [surroundings.surroundings, lambda: causes_of.causes_of(logins.echo)],
    ids=["surroundings", "causes"],
)
def test_modules_may_load_meanwhile(prepare: Callable[[], object], loading: list[str]) -> None:
    for _ in range(50):
        prepare()
    assert loading
