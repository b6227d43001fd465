"""Import client libraries: in one thread at a time, and say how to install a missing one."""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.remedies import fixes

_LOCK = threading.RLock()


@contextmanager
def importing(missing: str) -> Iterator[None]:
    """Hold the right to import client libraries; ``missing`` says what is not installed, and how to install it.

    Client libraries and the libraries below them import each other in circles. Two threads that load two of them for
    the first time at the same moment can each meet half of a module, and take the library for missing (measured:
    requests beside exchangelib, twice in six tries).

    Raises:
        Failure: ``agent.driver-missing``.
    """
    with _LOCK:
        try:
            yield
        except ImportError as error:
            raise Failure(common.DRIVER_MISSING, missing, _fix(missing)) from error


def _fix(missing: str) -> str | None:
    """Return the command that installs it, for the interpreter that runs scanready: a host may have several pips."""
    _, pip, requirement = missing.partition(": pip install ")
    if not pip:
        return None
    return f"# On the agent {fixes.AGENT_NAME}, in a shell:\n{shlex.quote(sys.executable)} -m pip install {requirement}"
