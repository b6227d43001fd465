"""Play a vendor's driver that cannot be installed here: a module of its name that logins find in their own process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class PlayedDriver:
    """A module in the place of a driver. Environment variables say how it behaves.

    Args:
        folder: where the module is written.
        name: its import name.
        source: its source, which reads ``os.environ["PLAYED_..."]``.
    """

    def __init__(self, folder: Path, name: str, source: str) -> None:
        (folder / f"{name}.py").write_text(source)
        self._folder = str(folder)

    def play(self, patch: pytest.MonkeyPatch, **words: str) -> None:
        """Have logins find it; ``words`` are its variables without their prefix."""
        patch.setattr(sys, "path", [self._folder, *sys.path])
        for word, text in words.items():
            patch.setenv(f"PLAYED_{word.upper()}", text)


def without_driver(patch: pytest.MonkeyPatch, name: str) -> None:
    """Have no login find the module ``name``."""
    patch.setitem(sys.modules, name, None)
