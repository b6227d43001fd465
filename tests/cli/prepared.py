"""scanready in a process of its own that is forked from one with its modules loaded: a tenth of the time of a start.

The process begins as ``python -m scanready`` does, with an environment, a directory, a path and standard streams of its
own. Two things differ from a real start: what one command loads is there for all of them, and the interpreter's own
beginning and end. Tests of these, of signals and of memory start a real process (tests/cli/plugin.py).
"""

from __future__ import annotations

import atexit
import io
import multiprocessing
import os
import random
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from multiprocessing import reduction
from pathlib import Path
from typing import Any, BinaryIO

from fixtures.limits import HANG

#: The process that loaded this module.
LOADED_BY = os.getpid()
SOURCE = Path(__file__).parents[2] / "verifiers"
#: Target types bring clients' libraries; the package for tests brings pytest; one is what the processes of --jobs run.
_NOT_LOADED = ("scanready.targets", "scanready.testing", "scanready.run.jobs.worker")


def modules() -> list[str]:
    """Return the modules to load."""
    paths = [path.relative_to(SOURCE).with_suffix("") for path in sorted(SOURCE.glob("scanready/*/**/*.py"))]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    return [name for name in names if not name.startswith(_NOT_LOADED)]


_forking = multiprocessing.get_context("forkserver")


@cache
def _preload() -> None:
    """Tell the process that is forked what to load, this module too: each new process would look for them again."""
    _forking.set_forkserver_preload([*modules(), __name__])


class _Stream:
    """A file descriptor that the new process gets a copy of."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __getstate__(self) -> Any:
        return reduction.DupFd(self.descriptor)

    def __setstate__(self, sent: Any) -> None:
        self.descriptor = sent.detach()


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    cwd: str | Path = ".",
    stdin: int | None = None,
    timeout: float = HANG,
    move: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run scanready to its end; stdout and stderr are text. ``stdin`` is as for subprocess.

    The new process calls ``move`` first, which may take it to another namespace.

    Raises:
        subprocess.TimeoutExpired: it takes longer, and was killed.
    """
    given = os.open(os.devnull, os.O_RDONLY) if stdin == subprocess.DEVNULL else os.dup(0 if stdin is None else stdin)
    out, err = os.pipe(), os.pipe()
    streams = [_Stream(given), _Stream(out[1]), _Stream(err[1])]
    _preload()
    process = _forking.Process(target=_begin, args=(list(arguments), dict(environment), str(cwd), streams, move))
    process.start()
    for stream in streams:
        os.close(stream.descriptor)
    readers = [_Reader(os.fdopen(ours, "rb")) for ours in (out[0], err[0])]
    process.join(timeout)
    late = process.is_alive()
    if late:
        process.kill()
        process.join()
    stdout, stderr = (reader.text() for reader in readers)
    code = process.exitcode
    process.close()
    if late:
        raise subprocess.TimeoutExpired(list(arguments), timeout, stdout, stderr)
    return subprocess.CompletedProcess(list(arguments), -1 if code is None else code, stdout, stderr)


class _Reader:
    """Reads a pipe to its end in a thread, so that none fills up."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._read = b""
        self._thread = threading.Thread(target=self._run, name="reader")
        self._thread.start()

    def _run(self) -> None:
        with self._pipe:
            self._read = self._pipe.read()

    def text(self) -> str:
        """All of it, with the line ends of Python's text."""
        self._thread.join()
        return io.TextIOWrapper(io.BytesIO(self._read), encoding="utf-8").read()


def _begin(
    arguments: list[str],
    environment: dict[str, str],
    cwd: str,
    streams: list[_Stream],
    move: Callable[[], None] | None,
) -> None:
    """Be ``python -m scanready``, in the new process."""
    if move is not None:
        move()
    atexit._clear()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()  # else all have the numbers of the process they are forked from
    for place, stream in enumerate(streams):
        os.dup2(stream.descriptor, place)
        os.close(stream.descriptor)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace")
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    installed = [path for path in sys.path if path.startswith((sys.prefix, sys.base_prefix))]
    sys.path[:] = [str(Path.cwd()), *environment.get("PYTHONPATH", "").split(":"), *installed]
    sys.argv = ["scanready", *arguments]
    try:
        runpy.run_module("scanready", run_name="__main__", alter_sys=True)
    except Exception as error:  # noqa: BLE001  # the interpreter would hand any to the hook
        sys.excepthook(type(error), error, error.__traceback__)
        raise SystemExit(1) from None
    finally:
        atexit._run_exitfuncs()
