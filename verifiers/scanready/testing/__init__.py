"""For tests: a scripted fake target, and reports that can be asserted on. The pytest plugin is made of these parts.

:class:`FakeTarget` needs no pytest; it tests a verifier without its server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .checked import CheckedReport
from .fake_target import FakeConnection, FakeTarget

if TYPE_CHECKING:
    from .fixture import Scanready

__all__ = ["CheckedReport", "FakeConnection", "FakeTarget", "Scanready"]


def __getattr__(name: str) -> Any:
    """Import the fixture's type, for annotations, where pytest is there anyway."""
    if name == "Scanready":
        from .fixture import Scanready

        return Scanready
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
