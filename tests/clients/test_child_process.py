"""Processes of ours: no key of the terminal interrupts them, and one that is gone is no error of ours."""

from __future__ import annotations

import ast
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import scanready
from scanready.causes import common
from scanready.clients import child_process
from scanready.clients.login_process import interpreter, templates
from scanready.climb.explain import Failure
from scanready.run.jobs import process
from tests.clients.gone import gone
from tests.clients.login_process import logins
from tests.in_process import in_process
from tests.syntax import nodes

_PACKAGE = Path(scanready.__file__).parent
#: Microsoft, "Process Creation Flags".
_CREATE_NEW_PROCESS_GROUP, _CREATE_NO_WINDOW = 0x200, 0x8000000


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes as on Windows, where this system would refuse the flags."""
    windows = SimpleNamespace(platform="win32", executable=sys.executable, modules=sys.modules, path=sys.path)
    monkeypatch.setattr(child_process, "sys", windows)
    monkeypatch.setattr(interpreter, "sys", windows)
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", _CREATE_NEW_PROCESS_GROUP, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", _CREATE_NO_WINDOW, raising=False)


def test_on_windows_a_process_hears_neither_ctrl_c_nor_the_console(windows: None) -> None:
    assert child_process.own_group() == {"creationflags": _CREATE_NEW_PROCESS_GROUP | _CREATE_NO_WINDOW}


@pytest.mark.skipif(sys.platform == "win32", reason="sessions are POSIX's")
def test_elsewhere_it_has_a_session_of_its_own() -> None:
    code = "import os; print(os.getsid(0) == os.getpid())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, **child_process.own_group())
    assert done.stdout.split() == [b"True"]


def test_all_processes_have_a_group_of_their_own() -> None:
    starts = [
        (path.name, call)
        for path in _PACKAGE.rglob("*.py")
        for call in nodes(path)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("subprocess.Popen", "subprocess.run")
    ]
    assert len(starts) >= 3
    assert not [name for name, call in starts if not any("own_group()" in ast.unparse(one) for one in call.keywords)]


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EINVAL], ids=["as-posix", "as-windows"])
def test_a_process_that_is_gone_takes_nothing(number: int) -> None:
    ended = gone(number)([sys.executable, "-c", ""], stdin=subprocess.PIPE)
    assert ended.stdin is not None
    with ended:  # its end closes the pipe again
        assert not child_process.feed(ended.stdin, b"x")


def test_another_error_of_writing_is_told() -> None:
    with gone(errno.ENOSPC)([sys.executable, "-c", ""], stdin=subprocess.PIPE) as ended:
        assert ended.stdin is not None
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            child_process.feed(ended.stdin, b"x")
        child_process.close(ended.stdin)


def _refused(_: socket.socket, __: int) -> bytes:
    raise OSError(errno.EINVAL, "An invalid argument was supplied")


def _shared(_: socket.socket, __: int) -> bytes:
    return b"a socket"


_STARTS: dict[str, Callable[[], object]] = {"login": lambda: interpreter.start("login"), "worker": process.start}


@pytest.mark.parametrize("share", [_refused, _shared], ids=["winsock-refuses", "the-pipe-is-closed"])
@pytest.mark.parametrize("start", _STARTS)
def test_on_windows_a_process_that_is_gone_gets_no_channel(
    start: str, share: Callable[..., bytes], windows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = _noted(monkeypatch)
    monkeypatch.setattr(socket.socket, "share", share, raising=False)
    with pytest.raises(BrokenPipeError, match="ended before it had its channel"):
        _STARTS[start]()
    assert [one.returncode is not None for one in started] == [True]


def test_on_windows_a_login_whose_processes_end_is_our_limit(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    started = _noted(monkeypatch)
    monkeypatch.setattr(templates, "FORKS", False)
    monkeypatch.setattr(socket.socket, "share", _refused, raising=False)
    with pytest.raises(Failure, match="ends again and again") as caught:
        in_process(logins.echo, "x")
    assert caught.value.cause is common.LIMIT
    assert len(started) == 3


def _noted(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Return the processes that are started from now on; each is gone when it is written to."""
    started: list[subprocess.Popen[bytes]] = []
    ended = gone(errno.EINVAL)

    def start(*arguments: Any, creationflags: int, **options: Any) -> subprocess.Popen[bytes]:
        started.append(ended(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return started
