"""A driver in a process of its own: it is killed in time, its failures cross over, and its secrets show nowhere."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fixtures.limits import HANG
from scanready.causes import common
from scanready.clients import subprocess_call
from scanready.climb.explain import Failure
from scanready.model import Owner
from tests.clients.gone import gone
from tests.ladder import in_time

VISITS = """
import os, stat, sys, threading, time
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.model import Owner

AT_IMPORT = threading.active_count(), stat.S_ISFIFO(os.fstat(0).st_mode)

def at_import(): return AT_IMPORT
def echo(**arguments): print("noise"); return arguments
def hang(): time.sleep(600)
def refuse(): raise Failure(common.LOGIN_REFUSED, "no", "fix", also=((Owner.AGENT, "other"),), error=7)
def crash(): os.abort()
def breaks(): raise ValueError("secret")
def chatty(): return "x" * 200_000
def seen(password): return [open("/proc/self/cmdline").read(), str(dict(os.environ)).count(password)]
"""


@pytest.fixture(autouse=True)
def visits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a module of visits that the child finds."""
    (tmp_path / "visits.py").write_text(VISITS)
    extend = f"sys.path.append({str(tmp_path)!r}); "
    start = subprocess_call._START.replace(
        "from scanready.clients.subprocess_call", extend + "from scanready.clients.subprocess_call"
    )
    monkeypatch.setattr(subprocess_call, "_START", start)
    return tmp_path


def test_what_goes_in_comes_out() -> None:
    assert subprocess_call.run("visits:echo", {"a": 1, "b": "ü"}, 20) == {"a": 1, "b": "ü"}


def test_a_driver_is_loaded_while_nothing_reads_a_pipe() -> None:
    assert subprocess_call.run("visits:at_import", {}, 20) == [1, False]


@pytest.mark.parametrize("size", [10, 1 << 20], ids=["buffered", "large"])
@pytest.mark.parametrize("number", [errno.EPIPE, errno.EINVAL], ids=["as-posix", "as-windows"])
def test_a_child_that_is_gone_has_no_answer(size: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess_call, "_START", "import os; os._exit(3)")
    monkeypatch.setattr(subprocess, "Popen", gone(number))
    with pytest.raises(Failure, match="status 3") as caught:
        subprocess_call.run("visits:echo", {"a": "x" * size}, 20)
    assert caught.value.cause is common.LIMIT


def test_a_hanging_driver_is_killed_in_time(visits: Path) -> None:
    with in_time(1.0), pytest.raises(TimeoutError):
        subprocess_call.run("visits:hang", {}, 1.0)
    assert not _children(visits)


def test_a_failure_crosses_over() -> None:
    with pytest.raises(Failure) as caught:
        subprocess_call.run("visits:refuse", {}, 20)
    found = caught.value
    assert (found.cause, found.detail, found.fix, found.facts) == (common.LOGIN_REFUSED, "no", "fix", {"error": 7})
    assert found.also == ((Owner.AGENT, "other"),)
    assert isinstance(found.also[0][0], Owner)


@pytest.mark.parametrize("visit", ["crash", "breaks", "chatty", "nothing"])
def test_whatever_else_happens_is_our_limit(visit: str) -> None:
    with pytest.raises(Failure) as caught:
        subprocess_call.run(f"visits:{visit}", {}, 20)
    assert caught.value.cause is common.LIMIT
    assert "secret" not in caught.value.detail


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_password_is_in_no_argument_and_no_environment() -> None:
    arguments, in_environment = subprocess_call.run("visits:seen", {"password": "Passw0rd!"}, 20)
    assert "Passw0rd!" not in arguments
    assert in_environment == 0


def test_a_child_whose_parent_is_killed_ends() -> None:
    script = (
        "import sys; sys.path.insert(0, 'verifiers')\n"
        "from scanready.clients import subprocess_call\n"
        f"subprocess_call._START = {subprocess_call._START!r}\n"
        "subprocess_call.run('visits:hang', {}, 600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + HANG
    children: list[psutil.Process] = []
    while not children and time.monotonic() < deadline:
        children = psutil.Process(parent.pid).children()
    os.kill(parent.pid, 9)
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=HANG)
    assert children
    assert not alive


def _children(visits: Path) -> list[psutil.Process]:
    """Return the children of this test, known by its folder: one of an earlier test may have some time left."""
    alive = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(str(visits) in word for word in child.cmdline()):
                alive.append(child)
    return alive
