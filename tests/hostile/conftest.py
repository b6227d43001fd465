"""The fixtures that hostile plug-ins and files share with the tests of the commands."""

from __future__ import annotations

from tests.cli.conftest import plugins

__all__ = ["plugins"]
