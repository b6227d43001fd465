"""The platform that the product meets in ``script/test-as-windows`` lacks what Windows lacks, and does what it does."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def product(code: str, **names: Any) -> dict[str, Any]:
    """Run code as a module of the product, and return its names."""
    module = ModuleType("scanready.of_a_test")
    vars(module).update(names)
    exec(compile(code, "of_a_test", "exec"), vars(module))  # it is ours
    return vars(module)


@pytest.mark.parametrize(
    "code",
    [
        *("import fcntl", "import pwd", "import resource", "import os; os.fork", "import os; os.geteuid()"),
        *("from os import O_NOFOLLOW", "import signal; signal.SIGHUP", "import socket; socket.AF_UNIX"),
        *("import select; select.epoll", "import socket; socket.SO_REUSEPORT", "import os; os.killpg(0, 9)"),
    ],
)
def test_posix_is_gone(code: str) -> None:
    with pytest.raises((AttributeError, ImportError)):
        product(code)
    compile(code, "", "exec")


def test_the_platform_is_windows_for_the_product_alone() -> None:
    found = product("import os, sys, platform\ntold = os.name, sys.platform, platform.system()")
    assert found["told"] == ("nt", "win32", "Windows")
    assert (os.name, sys.platform) == ("posix", "linux")


def test_a_process_that_is_started_is_on_windows_too() -> None:
    code = "from scanready.store import permissions; print(permissions.os.name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout == "nt\n"


@pytest.mark.parametrize("call", ["os.remove(path)", "path.unlink()", "os.replace(path, other)", "path.replace(other)"])
def test_an_open_file_is_neither_removed_nor_moved(call: str, tmp_path: Path) -> None:
    path, other = tmp_path / "a b.db", tmp_path / "other"
    path.touch()
    with path.open("rb"), pytest.raises(PermissionError) as caught:
        product(f"import os\n{call}", path=path, other=other)
    assert getattr(caught.value, "winerror", 0) == 32
    product(f"import os\n{call}", path=path, other=other)
    assert not path.exists()


@pytest.mark.parametrize("call", ["os.replace(path, other)", "path.replace(other)"])
def test_an_open_file_is_not_replaced(call: str, tmp_path: Path) -> None:
    path, other = tmp_path / "new", tmp_path / "open"
    path.touch()
    other.touch()
    with other.open("rb"), pytest.raises(PermissionError) as caught:
        product(f"import os\n{call}", path=path, other=other)
    assert getattr(caught.value, "winerror", 0) == 5


def test_a_default_encoding_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text").touch()
    if sys.flags.warn_default_encoding:
        with pytest.raises(EncodingWarning):
            product("path.open().close()", path=tmp_path / "text")


LOOP = """
async def watches(loop):
    loop.add_reader(0, print)
async def signals(loop):
    loop.add_signal_handler(2, print)
async def connects(loop, sock, port):
    await loop.sock_connect(sock, ("127.0.0.1", port))
async def reads(loop, sock):
    return await loop.sock_recv(sock, 100)
"""


@pytest.mark.parametrize("name", ["watches", "signals"])
def test_the_loop_lacks_what_completion_ports_lack(name: str) -> None:
    async def run() -> None:
        with pytest.raises(NotImplementedError):
            await product(LOOP)[name](asyncio.get_running_loop())

    asyncio.run(run())


def test_a_refused_connection_has_windows_number() -> None:
    with socket.socket() as bound, socket.socket() as sock:
        bound.bind(("127.0.0.1", 0))
        sock.setblocking(False)

        async def run() -> None:
            await product(LOOP)["connects"](asyncio.get_running_loop(), sock, bound.getsockname()[1])

        with pytest.raises(ConnectionRefusedError) as caught:
            asyncio.run(run())
    assert getattr(caught.value, "winerror", 0) == 1225


def test_what_comes_for_a_cancelled_read_is_lost() -> None:
    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            reading = loop.create_task(product(LOOP)["reads"](loop, one))
            await asyncio.sleep(0)
            other.sendall(b"lost")
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            other.sendall(b"next")
            found: bytes = await product(LOOP)["reads"](loop, one)
            return found

    assert asyncio.run(run()) == b"next"


def test_clocks_tick_as_those_of_windows() -> None:
    clock = product("import time\nfound = [time.monotonic() for _ in range(1000)]")["found"]
    assert {value % 0.015625 for value in clock} == {0.0}
    assert {time.monotonic() % 0.015625 for _ in range(1000)} != {0.0}


def test_a_socket_is_shared_by_bytes() -> None:
    pair = product("import socket\none, other = socket.socketpair()")
    assert pair["one"].family == socket.AF_INET
    with pair["one"], pair["other"]:
        shared = pair["other"].share(os.getpid())
        with product("import socket\ntaken = socket.fromshare(shared)", shared=shared)["taken"] as taken:
            taken.sendall(b"word")
            assert pair["one"].recv(10) == b"word"
