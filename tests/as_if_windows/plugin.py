"""The pytest plug-in of ``script/test-as-windows``: all tests that it collects run as if this were Windows.

It is loaded by ``-p`` before any module of the product. Tests that are marked ``posix`` assert what is POSIX' own.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest  # noqa: TC002  # pytest reads the annotations

from . import posix_gone

SITE = Path(__file__).parent / "site"
ROOT = Path(__file__).parents[2]

# The processes that tests start see the same: site/sitecustomize.py, where these are among the paths of modules.
os.environ["AS_IF_WINDOWS"] = os.pathsep.join(map(str, (SITE, ROOT)))
os.environ["PYTHONPATH"] = os.pathsep.join((os.environ["AS_IF_WINDOWS"], str(ROOT / "verifiers")))
posix_gone.install()


def pytest_configure(config: pytest.Config) -> None:
    """Let a default encoding that the product uses be an error: on Windows it is a code page."""
    config.addinivalue_line("filterwarnings", "ignore::EncodingWarning")
    config.addinivalue_line("filterwarnings", r"error::EncodingWarning:scanready(\..*)?")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Keep the warnings from processes that tests start, whose standard error is compared."""
    if session.config.getoption("numprocesses", None) is None:
        os.environ.pop("PYTHONWARNDEFAULTENCODING", None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is POSIX' own."""
    own = [item for item in items if item.get_closest_marker("posix") is not None]
    items[:] = [item for item in items if item not in own]
    config.hook.pytest_deselected(items=own)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how high the types climbed."""
    for report in terminalreporter.stats.get("passed", ()):
        for name, told in report.user_properties:
            if name == "heights":
                terminalreporter.write_line(f"as if on Windows: {told}")
