from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from scanready.inventory import InventoryError, load
from scanready.run import registry
from scanready.run.plugins.installed import ENTRY_POINTS

Problems = Callable[[str | bytes], list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Write an inventory into a file of its own."""

    def write(content: str | bytes) -> Path:
        file = tmp_path / "inv.yaml"
        file.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).lstrip("\n").encode())
        return file

    return write


@pytest.fixture
def problems(write: Callable[[str | bytes], Path], tmp_path: Path) -> Problems:
    """Return the problems that ``load`` finds in an inventory, less the directory: ``inv.yaml:LINE:COLUMN: TEXT``."""

    def problems(content: str | bytes) -> list[str]:
        with pytest.raises(InventoryError) as caught:
            load(write(content))
        assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
        return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]

    return problems


def _forget() -> None:
    registry.catalogue.cache_clear()
    registry._plugins.cache_clear()


@pytest.fixture
def entry_points(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """The entry points that are installed; a test adds its own."""
    found: list[EntryPoint] = []
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found if group == ENTRY_POINTS else [])
    _forget()
    yield found
    _forget()


@pytest.fixture
def brought(entry_points: list[EntryPoint]) -> list[EntryPoint]:
    """Install a third party's two types: ``queue`` has a row, ``mongodb`` is no more than a coroutine."""
    for name, what in (("queue", "QUEUE"), ("mongodb", "verify")):
        entry_points.append(EntryPoint(name, f"tests.inventory.brought:{what}", ENTRY_POINTS))
    return entry_points
