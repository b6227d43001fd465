"""The surroundings that a process has from its parent: some from its start on, some given to each login anew."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Any

Surroundings = tuple[object, ...]


def surroundings() -> Surroundings:
    """Return the things that a process keeps from its start: the paths of modules, the barred ones, the network."""
    barred = tuple(name for name, module in list(sys.modules.items()) if module is None)
    return tuple(sys.path), barred, _network()


def given(at_start: Mapping[str, str]) -> dict[str, Any]:
    """Return the working directory, and the changes in the environment since ``at_start``."""
    now = dict(os.environ)
    changed: dict[str, str | None] = {name: text for name, text in now.items() if at_start.get(name) != text}
    changed |= dict.fromkeys(at_start.keys() - now.keys())
    found: dict[str, Any] = {"environment": changed}
    with contextlib.suppress(OSError):  # it was removed
        found["directory"] = os.getcwd()  # noqa: PTH109  # as it is
    return found


def adopt(found: Mapping[str, Any]) -> None:
    """Take over the result of :func:`given`."""
    for name, text in found["environment"].items():
        if text is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = text
    with contextlib.suppress(OSError, KeyError):
        os.chdir(found["directory"])


def _network() -> int:
    """The number of this thread's network namespace (Linux); 0 elsewhere."""
    try:
        return os.stat("/proc/thread-self/ns/net").st_ino
    except OSError:
        return 0
