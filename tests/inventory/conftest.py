from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from scanready.inventory import InventoryError, load

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
    """What ``load`` says is wrong with an inventory, with the directory cut off: ``inv.yaml:LINE:COLUMN: TEXT``."""

    def problems(content: str | bytes) -> list[str]:
        with pytest.raises(InventoryError) as caught:
            load(write(content))
        assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
        return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]

    return problems
