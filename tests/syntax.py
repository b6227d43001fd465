"""Parse a module once for all tests of a file that read the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax of a module, which all share: change nothing in it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """Drop the trees with the last test of the file: a large heap slows down every later collection of garbage."""
    yield
    tree.cache_clear()
