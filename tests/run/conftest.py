"""A third party's type in the registry of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from scanready.run import registry
from scanready.run.plugins.installed import ENTRY_POINTS

Bring = Callable[[Any], None]


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bring]:
    """Install a third party's type ``other``: a verifier, or a row of that name, by its name in the test's module."""
    found: list[EntryPoint] = []
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found if group == ENTRY_POINTS else [])

    def forget() -> None:
        registry.catalogue.cache_clear()
        registry._plugins.cache_clear()

    def bring(verifier: Any) -> None:
        found.append(EntryPoint("other", f"{verifier.__module__}:{verifier.__name__}", ENTRY_POINTS))

    forget()
    yield bring
    forget()
