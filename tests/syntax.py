"""Parse a module once for all tests of a file that read the sources."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax of a module, which all share: change nothing in it."""
    collecting = gc.isenabled()
    gc.disable()  # none of its many nodes is garbage: to look for it takes as long as to parse
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        if collecting:
            gc.enable()


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a module, in the order of :func:`ast.walk`."""
    return tuple(ast.walk(tree(path)))


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """Drop the trees with the last test of the file: a large heap slows down every later collection of garbage."""
    yield
    tree.cache_clear()
    nodes.cache_clear()
