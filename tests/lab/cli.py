"""Run scanready in a namespace of the lab, forked from a process with its modules loaded (tests/cli/prepared.py)."""

from __future__ import annotations

import ctypes
import functools
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from fixtures.lab import namespace
from fixtures.limits import HANG
from tests.cli import prepared

_CLONE_NEWUTS = 0x04000000


def scanready(
    where: namespace.Namespace,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: str | Path = ".",
    named: str | None = None,
    timeout: float = HANG,
) -> subprocess.CompletedProcess[str]:
    """Run it to its end; stdout and stderr are text.

    ``env`` is added to our own environment. ``named`` is a name of the host that only this process knows.

    Raises:
        subprocess.TimeoutExpired: it takes longer than ``timeout`` seconds, and was killed.
    """
    return prepared.run(
        arguments,
        {**os.environ, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        move=functools.partial(_enter, where.name, named),
    )


def _enter(name: str, named: str | None) -> None:
    """Move the calling process into the namespace, and give its host that name."""
    namespace.enter(name)
    if named is not None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWUTS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        socket.sethostname(named)
