"""Give all tests a store of their own for the runs they make, readable names of cases, and an order of the files."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers

# By the wall clock an example is slow where the machine is busy: tests/readers.py counts what an example computes.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")
# Hypothesis would look for constants to try in each file of ours, 20 s in each process.
providers._get_local_constants = lambda: providers._local_constants

# A shell starts a job in the background with Ctrl-C ignored, and so would be every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_WHERE = tempfile.mkdtemp(prefix="scanready-tests-")
atexit.register(shutil.rmtree, _WHERE, ignore_errors=True)
os.environ["SCANREADY_STORE"] = str(Path(_WHERE, "runs.db"))

# The processes of pytest-xdist have it from the one that starts them. Servers of other users read what is there.
if "TEMPLATES_OF_ALL_TESTS" not in os.environ:
    _SHARED = tempfile.mkdtemp(prefix="scanready-templates-")
    Path(_SHARED).chmod(0o755)
    atexit.register(shutil.rmtree, _SHARED, ignore_errors=True)
    os.environ["TEMPLATES_OF_ALL_TESTS"] = _SHARED

# The store is set before anything of ours is loaded.
from tests import vocabulary  # noqa: E402
from tests.readable_ids import readable, unreadable  # noqa: E402
from tests.slow_files import place  # noqa: E402

vocabulary.watch()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage, a third of the time in each process; never look for it among the tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name cases by words."""
    return readable(val)


#: The markers of what folders need: the real servers of fixtures/lab, a message broker.
_MARKS = {"tests/lab/": "lab", "tests/peers/": "lab", "tests/fleet/lab/": "lab", "tests/fleet/real/": "broker"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse cases whose names a person can neither read nor type; order the files; mark what needs a server.

    Raises:
        pytest.UsageError: there are such cases.
    """
    if bad := unreadable(item.nodeid for item in items):
        raise pytest.UsageError(
            "give these cases ids of words, at most 100 characters:\n" + "\n".join(name[:200] for name in bad)
        )
    for item in items:
        if mark := next((mark for folder, mark in _MARKS.items() if item.nodeid.startswith(folder)), ""):
            item.add_marker(mark)
    items.sort(key=lambda item: place(item.nodeid))  # stable: the tests of a file keep their order
