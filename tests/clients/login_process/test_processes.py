"""A login in a process of its own: it ends in time and in size, says what it did, and goes where it may."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from fixtures.limits import HANG, PATIENCE
from scanready.causes import common
from scanready.clients.login_process import interpreter, memory, resting, templates
from scanready.clients.login_process.lent import Lent
from scanready.clients.login_process.processes import LoginProcesses
from scanready.climb.explain import Failure
from scanready.model import Owner
from scanready.net.stream import PeerClosed, ReadTimeout, Stream, TlsError
from scanready.wire import WireError
from tests.cli.plugin import until
from tests.clients.login_process import logins, with_runtime
from tests.closed_ports import closed_port
from tests.in_process import Anywhere, in_process
from tests.ladder import account, in_time, logins_end

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="looks at processes as POSIX has them")


FORKED = pytest.mark.posix("what Windows has not: fork")


@pytest.fixture(params=[pytest.param("forked", marks=FORKED), "started"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Forked, or an interpreter for each login, as where there is no fork."""
    monkeypatch.setattr(templates, "FORKS", request.param == "forked")
    return str(request.param)


def test_what_goes_in_comes_out(way: str) -> None:
    assert in_process(logins.echo, "ü\0\ud800") == ["ü\0\ud800"]


def test_a_failure_crosses_over(way: str) -> None:
    with pytest.raises(Failure) as caught:
        in_process(logins.refuse)
    found = caught.value
    assert (found.cause, found.detail, found.fix, found.facts) == (common.LOGIN_REFUSED, "no", "fix", {"error": 7})
    assert found.also == ((Owner.AGENT, "other"),)
    assert isinstance(found.also[0][0], Owner)


@pytest.mark.parametrize("kind", ["TlsError", "PeerClosed", "ReadTimeout", "WireError"])
def test_an_error_of_the_talk_crosses_over_with_what_was_heard(kind: str) -> None:
    with pytest.raises((TlsError, PeerClosed, ReadTimeout, WireError)) as caught:
        in_process(logins.raises, kind)
    assert type(caught.value).__name__ == kind
    assert getattr(caught.value, "heard", b"") == b"abc"
    assert getattr(caught.value, "reason", "BAD_THING") == "BAD_THING"
    assert getattr(caught.value, "waited", 2.5) == 2.5
    in_tls = kind == "PeerClosed"
    assert (getattr(caught.value, "securing", False), getattr(caught.value, "spoke", False)) == (in_tls, in_tls)


@pytest.mark.parametrize(("kind", "number"), [("OSError", 111), ("gaierror", -2), ("TimeoutError", None)])
def test_an_error_of_the_system_crosses_over(kind: str, number: int | None) -> None:
    with pytest.raises(OSError, match=r"refused|no name|late") as caught:
        in_process(logins.raises, kind)
    assert caught.value.errno == number


def test_any_other_error_keeps_its_name_and_its_traceback() -> None:
    with pytest.raises(Exception, match="of a library") as caught:
        in_process(logins.raises, "KeyError")
    assert type(caught.value).__name__ == "KeyError"
    assert "logins.py" in str(caught.value.__cause__)


def test_a_process_that_ends_without_a_word_is_our_limit(way: str) -> None:
    with pytest.raises(Failure, match="without an answer") as caught:
        in_process(logins.crash)
    assert caught.value.cause is common.LIMIT


def test_a_library_that_goes_too_deep_is_our_limit() -> None:
    with pytest.raises(Failure, match="too deep") as caught:
        in_process(logins.dig)
    assert caught.value.cause is common.LIMIT


def test_what_is_not_declared_is_not_taken() -> None:
    with pytest.raises(Failure, match="no login sends") as caught:
        in_process(logins.wrong_type)
    assert caught.value.cause is common.LIMIT
    assert len(in_process(logins.much, 1 << 19)) == 1 << 19
    with pytest.raises(Failure, match="a message of 2097167 bytes") as caught:
        in_process(logins.much, 1 << 21)
    assert caught.value.cause is common.LIMIT


@pytest.mark.parametrize("function", [logins.hang, logins.spin])
def test_it_is_killed_in_time(function: Any, way: str) -> None:
    in_process(logins.echo, "warm")
    with in_time(0.7), pytest.raises(TimeoutError):
        in_process(function, seconds=0.5, kill=0.7)
    assert not _logins(), "nothing is left of it"


def test_a_login_that_has_no_time_left_does_not_begin(tmp_path: Path, way: str) -> None:
    """A library takes a time-out of 0 for sockets that do not wait: Python's TLS raised a ValueError for them."""
    touched = tmp_path / "touched"
    with pytest.raises(TimeoutError, match="no process was ready"):
        in_process(logins.touch, str(touched), seconds=0.0, kill=5.0)
    assert not touched.exists()


@pytest.mark.posix("a bound of the kernel's on memory")
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's bound is Linux's")
@pytest.mark.parametrize(
    ("function", "arguments"), [(logins.fill, (400, 1)), (logins.fill, (1000, 200)), (logins.announced, ())]
)
def test_it_takes_no_more_memory_than_it_may(function: Any, arguments: tuple[int, ...], way: str) -> None:
    """In small steps the parent sees it; in large ones the kernel refuses before anybody looks."""
    with pytest.raises(Failure, match="memory") as caught:
        in_process(function, *arguments)
    assert caught.value.cause is common.LIMIT
    assert in_process(logins.fill, 30, 1) == 30


@pytest.mark.posix("a bound of the kernel's on memory")
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's bound is Linux's")
def test_a_runtime_of_its_own_may_map_more_and_not_any_size(way: str) -> None:
    """Untouched, so that no look at the resident size sees it."""
    assert in_process(with_runtime.mapped, 512) == 512 << 20
    with pytest.raises(OSError, match="memory") as caught:
        in_process(with_runtime.mapped, 2048)
    assert caught.value.errno == errno.ENOMEM


@FORKED
@pytest.mark.skipif(sys.platform != "linux", reason="looks at the size of processes")
def test_many_logins_take_no_more_memory_together_than_one() -> None:
    """Eight that stay below the bound of one, and a small one beside them."""

    async def run() -> tuple[list[Any], int]:
        processes, most = LoginProcesses(), 0
        begun = asyncio.get_running_loop().time()
        own, begun_with = psutil.Process(), dict[int, int]()

        async def login(megabytes: int) -> Any:
            return await processes.run(logins.hold, (megabytes,), begun + 9, begun + 9, Anywhere())

        tasks = [asyncio.create_task(login(megabytes)) for megabytes in (4, *(50,) * 8)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.05)
            for child in own.children(recursive=True):
                begun_with.setdefault(child.pid, _anonymous(child.pid))  # pages of the process that it was forked from
            most = max(most, sum(max(0, _anonymous(pid) - size) for pid, size in begun_with.items()))
        processes.close()
        return await asyncio.gather(*tasks, return_exceptions=True), most

    in_process(logins.echo, "warm")
    outcomes, most = asyncio.run(run())
    assert outcomes[0] == 4
    ended = [one for one in outcomes if isinstance(one, Failure)]
    assert len(ended) >= 7
    assert all("together" in one.detail for one in ended)
    assert most < 150 << 20, "of eight times 50 MB"


def _anonymous(pid: int) -> int:
    """The bytes that no file backs, those included that it still shares with the process it was forked from."""
    return memory.resident(pid) or 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_where_nobody_can_look_at_it_it_looks_at_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import os, socket, time\n"
        "from scanready.clients.login_process import child, memory\n"
        "from scanready.clients.login_process.messages import Channel\n"
        "ours, theirs = socket.socketpair()\n"
        "memory.watch_here(lambda: child._end_for_memory(Channel(theirs)))\n"
        "held = []\n"
        "for _ in range(200): held.append(b'x' * (1 << 20)); time.sleep(0.005)\n"
        "os._exit(7)\n"
    )
    # A process has the peak of the one that started it; the shell's is small, whatever this one's is.
    from_a_shell = ["sh", "-c", '"$0" -c "$1"; exit $?', sys.executable, script]
    assert subprocess.run(from_a_shell, timeout=HANG, check=False).returncode == 1


def test_what_it_noted_is_known_though_it_was_killed(way: str) -> None:
    where = logins.Where()
    with pytest.raises(TimeoutError):
        # An interpreter has to start in that time, or the login does not begin.
        in_process(logins.note_and_hang, where, account("er"), seconds=6.0, kill=6.5)
    assert (where.trace.tried, where.trace.count) == (True, 3)


class Withdrawn(Anywhere):
    """Lets logins begin, and no secret leave."""

    asked = 0

    def permit(self) -> None:
        self.asked += 1
        if self.asked > 1:
            raise Failure(common.LOGIN_WITHHELD, "refused elsewhere meanwhile")


def test_a_secret_that_must_not_leave_any_more_does_not_whatever_the_library_makes_of_it(way: str) -> None:
    where, received = logins.GatedWhere(), list[bytes]()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read())
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(served, "127.0.0.1", 0)
        _, port = server.sockets[0].getsockname()
        processes, begun = LoginProcesses(), asyncio.get_running_loop().time()
        arguments = logins.GatedWhere(port, where.trace), account("er")
        try:
            with pytest.raises(Failure, match="refused elsewhere meanwhile"):
                await processes.run(logins.call_with_note, arguments, begun + 9, begun + 9, Withdrawn())
            async with asyncio.timeout(5):
                while not received:
                    await asyncio.sleep(0.01)
        finally:
            processes.close()
            server.close()

    asyncio.run(run())
    assert received == [b""]
    assert not where.trace.sent, "it counts as no attempt"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_password_is_in_no_argument_and_no_environment_and_ctrl_c_is_ours(way: str) -> None:
    found = in_process(logins.facts_of_process, "Passw0rd!-of-nobody")
    assert found["found"] == 0
    assert found["session"] != psutil.Process().pid
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(found["pid"]).wait(timeout=HANG)


def test_its_connections_come_from_here(way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert in_process(logins.call_host, "127.0.0.1", port).startswith("127.0.0.1 ")
        assert in_process(logins.call_host, "localhost", port).endswith("False")
    with closed_port() as closed, pytest.raises(ConnectionRefusedError, match="Connection refused"):
        in_process(logins.call_host, "127.0.0.1", closed)
    with pytest.raises(PermissionError):
        in_process(logins.ask_by_datagram, port)


def test_directory_environment_and_barred_modules_are_those_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert in_process(logins.module_state)[1:] == ["", "False"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OF_A_TEST", "set")
    assert in_process(logins.module_state) == [str(tmp_path), "set", "False"]
    monkeypatch.delenv("OF_A_TEST")
    monkeypatch.setitem(sys.modules, "barred_for_a_test", None)
    assert in_process(logins.module_state) == [str(tmp_path), "", "True"]


@pytest.mark.parametrize("piped", [False, True])
def test_a_connection_is_lent(piped: bool, way: str) -> None:
    """A pipe to it has a bound."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        writer.write(b"pong" + b"x" * (6 << 20))
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    async def run() -> bytes:
        server = await asyncio.start_server(served, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        stream = await Anywhere().dial(host, port, 5)

        async def opened() -> Stream:
            return stream

        processes, now = LoginProcesses(), asyncio.get_running_loop().time()
        try:
            lent = Lent(opened, piped=piped, most=1 << 20)
            found: bytes = await processes.run(logins.talk_over, (lent,), now + 20, now + 20, Anywhere())
            return found
        finally:
            processes.close()
            await stream.close()
            server.close()

    found = asyncio.run(run())
    assert found.startswith(b"pongxxxxxx")
    received = int(found[10:])
    assert (1 << 20) <= received < (2 << 20) if piped else received == 4 + (6 << 20)


@FORKED
def test_a_killed_template_is_made_anew() -> None:
    in_process(logins.echo, "warm")
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "scanready.clients.login_process" in " ".join(child.cmdline()):
                child.kill()
    assert in_process(logins.echo, "again") == ["again"]


@FORKED
def test_a_limit_of_this_host_is_told_by_the_login_and_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes are begun beside the climb, where no caller waits for an error."""

    def start(role: str) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    async def run() -> None:
        processes = LoginProcesses()
        processes.warm(logins.__name__)
        with pytest.raises(OSError, match="open files"):
            await processes.prepare(logins.echo)

    monkeypatch.setattr(resting, "take", templates.Templates)
    monkeypatch.setattr(interpreter, "start", start)
    asyncio.run(run())


@FORKED
def test_a_host_that_permits_no_further_process_is_our_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    cannot_fork = "import os; os.fork = lambda: os._exit(1); from scanready"
    monkeypatch.setattr(resting, "take", templates.Templates)
    monkeypatch.setattr(interpreter, "_START", interpreter._START.replace("from scanready", cannot_fork))
    with pytest.raises(Failure, match="permit no further process") as caught:
        in_process(logins.echo, "x")
    assert caught.value.cause is common.LIMIT


@FORKED
def test_those_that_spin_cost_the_others_no_place() -> None:
    """Thirty-four of them, as many as once had every thread and two more."""

    async def run() -> float:
        processes, loop = LoginProcesses(), asyncio.get_running_loop()
        await processes.prepare(logins.spin)
        now = loop.time()
        spinning = [
            asyncio.create_task(processes.run(logins.spin, (), now + 9, now + 10, Anywhere())) for _ in range(34)
        ]
        await asyncio.sleep(0.5)
        assert await processes.run(logins.echo, ("healthy",), now + 9, now + 9, Anywhere()) == ["healthy"]
        healthy = loop.time() - now
        assert not any(one.done() for one in spinning)
        for one in spinning:
            one.cancel()
        await asyncio.gather(*spinning, return_exceptions=True)
        processes.close()
        return healthy

    assert asyncio.run(run()) < 8
    assert logins_end()


def test_functions_that_no_other_process_finds_are_told() -> None:
    processes = LoginProcesses()

    def within(seconds: float) -> None:
        """Stand where no other process finds it."""

    assert processes.runs(logins.echo, ("x",))
    assert not processes.runs(within, ())
    assert not processes.runs(logins.echo, (within,)), "an argument that cannot be pickled"
    assert not processes.runs(lambda seconds: None, ())


@pytest.mark.skipif(sys.platform != "linux", reason="counts processes as Linux has them")
@pytest.mark.parametrize("function", ["hang", "spin", "keep_the_lock"])
@pytest.mark.parametrize(
    "way",
    [
        pytest.param("forked", marks=FORKED),
        pytest.param("forked, and what forks is killed, too", marks=FORKED),
        "started",
    ],
)
def test_nothing_is_left_when_this_process_is_killed(function: str, way: str) -> None:
    """Whether its library waits, computes, or keeps Python's lock while it waits, as a driver in C may."""
    forked = way != "started"
    root = Path(__file__).parents[3]
    script = (
        "import sys\nfrom tests.clients.login_process import logins\nfrom tests.in_process import in_process\n"
        "from scanready.clients.login_process import templates\n"
        f"templates.FORKS = {forked}\n"
        f"in_process(logins.{function}_noted, sys.argv[1], seconds=2.5, kill=600.0)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder, "noted")
        environment = {**os.environ, "PYTHONPATH": f"{root / 'verifiers'}:{root}"}
        parent = subprocess.Popen([sys.executable, "-c", script, str(noted)], cwd=root, env=environment)
        until(noted.exists, HANG)
    children = psutil.Process(parent.pid).children(recursive=True)
    assert len(children) == (3 if forked else 1), "what forks, what has the libraries, the login"
    if "too" in way:
        children[0].kill()
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    for one in alive:
        one.kill()
    assert not alive


@FORKED
def test_what_no_run_wants_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import psutil, time\nfrom scanready.clients.login_process import template\n"
        "from tests.clients.login_process import logins\nfrom tests.in_process import in_process\n"
        "in_process(logins.echo, 'x')\nbegun = time.monotonic()\n"
        "children = psutil.Process().children(recursive=True)\nassert children\n"
        "gone, alive = psutil.wait_procs(children, timeout=60)\nassert not alive, alive\n"
        "assert time.monotonic() - begun >= template.REST - 1\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, timeout=HANG, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_the_bounds_leave_room_for_the_promise() -> None:
    """A hundred megabytes above the baseline hold, whatever comes between two looks."""
    assert memory.MOST < memory.MOST_MAPPED < 100 << 20


def _logins() -> list[psutil.Process]:
    """The processes of logins that still run: those below what they are forked from."""
    alive = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE and child.cpu_times().user > 0.4 and "login" in child.cmdline():
                alive.append(child)
    return alive


def _first() -> psutil.Process:
    """Return the process that the others are forked from; other tests of this pytest process have children, too."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # one that has ended has no words
            if "template" in child.cmdline():
                found.append(child)
    (first,) = found
    return first


@FORKED
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux has them")
def test_no_zombie_is_left_in_a_process_that_goes_on() -> None:
    """The process that logins are forked from ends after a rest, and by being killed; no later run has to reap it."""
    in_process(logins.echo, "x")
    first = _first()
    below = first.children()
    first.kill()
    deadline = time.monotonic() + HANG
    while Path(f"/proc/{first.pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{first.pid}").exists(), "it is a zombie"
    assert below
    assert in_process(logins.echo, "again") == ["again"]


@FORKED
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux has them")
def test_a_template_that_was_killed_is_no_zombie_of_the_first_process() -> None:
    in_process(logins.echo, "x")
    first = _first()
    (of_module,) = first.children()
    of_module.kill()
    assert in_process(logins.echo, "again") == ["again"]
    assert not Path(f"/proc/{of_module.pid}").exists(), "it is a zombie"
