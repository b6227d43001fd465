"""Fixtures of the tests of the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import plugin


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """A directory with the plug-in, which holds the run store, too."""
    where = tmp_path / "site"
    where.mkdir()
    plugin.install(where)
    return where
