"""The agent's threads live on after any error, a stop is bounded, and one process has a name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("celery")

import amqp

from fixtures.limits import PATIENCE
from scanready.cli.fleet.verify import _interruptible
from scanready.fleet import cancels, stopping, threads
from scanready.fleet.cancels import Cancels, NameTakenError
from scanready.fleet.connection import LOST, Alarm, Broker, blocking_told
from scanready.fleet.faults import BlockedError, explained
from scanready.fleet.journal import Journal, JournalError
from scanready.fleet.messages import Cancel, encode
from scanready.fleet.once import Once
from scanready.fleet.own_file import held_alone
from scanready.fleet.stopping import Stopping
from scanready.fleet.threads import keep_up
from scanready.fleet.worker_signals import QuietWorker

BROKER = Broker("127.0.0.1", 1, "a", "x", tls=False)


@pytest.mark.parametrize("error", [RuntimeError("x"), AttributeError("none"), MemoryError(), KeyError("k"), OSError(5)])
def test_a_thread_lives_on_after_any_error_and_says_it_once(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(threads, "PAUSE", 0.0)
    lines: list[str] = []
    ended, calls = threading.Event(), 0

    def work() -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            ended.set()
            return
        raise error

    keep_up("the heartbeat", work, ended, Once(lines.append)).join(PATIENCE)
    assert calls == 6
    assert len(lines) == 1
    assert lines[0].startswith(f"the heartbeat failed, and goes on: {type(error).__name__}")


class Heard:
    """A queue of cancellations whose messages the test gives."""

    def __init__(self, cancel: Any = None) -> None:
        self.lines: list[str] = []
        self.runs: list[str] = []
        self.acknowledged = 0
        self.cancels = Cancels(BROKER, "a", cancel or self.runs.append, Once(self.lines.append))

    def give(self, body: Any) -> None:
        """Deliver a message."""
        self.cancels._take(SimpleNamespace(body=body, channel=self, delivery_tag=1))

    def basic_ack(self, _: int) -> None:
        """Count it."""
        self.acknowledged += 1


HOSTILE: dict[str, Any] = {
    "empty": "",
    "no text": None,
    "a number": 5,
    "bytes of no encoding": b"\xff\xfe\x00\xd8",
    "huge": " " * (9 << 20),
    "deep": "[" * 100_000,
    "a long number": '{"message":' + "9" * 10_000 + "}",
    "another kind": '{"message":1,"kind":"heartbeat","agent":"a","version":"1","platform":"L","since":"x","runs":[]}',
    "no run": '{"message":1,"kind":"cancel"}',
    "a run that is a list": '{"message":1,"kind":"cancel","run":[]}',
    "a surrogate": '{"message":1,"kind":"cancel","run":""}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_is_dropped_and_the_next_one_is_heard(name: str) -> None:
    heard = Heard()
    for _ in range(5):
        heard.give(HOSTILE[name])
    heard.give(encode(Cancel("r")))
    assert heard.runs == ["r"]
    assert heard.acknowledged == 6
    assert len(heard.lines) == 1
    assert len(heard.lines[0]) < 500


def test_a_cancellation_that_is_not_kept_is_not_acknowledged() -> None:
    """The disk is full, for example: the broker delivers it again."""

    def fail(_: str) -> None:
        raise OSError(28, "no space")

    heard = Heard(fail)
    with pytest.raises(OSError, match="no space"):
        heard.give(encode(Cancel("r")))
    assert heard.acknowledged == 0


class Line:
    """Stand for a connection whose queue has another consumer."""

    def collect(self) -> None:
        """Do nothing."""


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def heard(*_: object, **__: object) -> None:
        raise amqp.exceptions.AccessRefused("queue 'scanready.cancel.a' in exclusive use")

    monkeypatch.setattr(cancels, "opened", lambda *_: Line())
    monkeypatch.setattr(cancels, "heard", heard)
    monkeypatch.setattr(cancels, "_PAUSE", 0.0)


@pytest.mark.usefixtures("taken")
def test_a_second_process_with_the_name_does_not_start() -> None:
    heard = Heard()
    with pytest.raises(NameTakenError, match=r"another process is a at 127\.0\.0\.1:1: stop it, or give each its own"):
        heard.cancels.hold(0.05)
    assert len(heard.lines) == 1


@pytest.mark.usefixtures("taken")
def test_an_agent_that_lost_its_name_says_so_once_and_works_on() -> None:
    heard, ended = Heard(), threading.Event()
    for _ in range(5):
        heard.cancels.hear(ended)
    assert heard.lines == [
        "another process is a at 127.0.0.1:1: stop it, or give each its own --name; both take batches of this agent"
    ]


def test_a_full_queue_ends_no_connection_and_is_explained() -> None:
    nacked = amqp.exceptions.MessageNacked()
    assert not isinstance(nacked, LOST)
    assert "full queue" in explained(BROKER, nacked)


def test_an_alarm_of_the_broker_is_no_matter_of_the_firewall() -> None:
    """The confirm that does not come is a time-out, too."""
    channel: Any = SimpleNamespace(connection=SimpleNamespace(on_blocked=Alarm().begin))
    for blocked in (False, True):
        if blocked:
            channel.connection.on_blocked("low on memory")
        with pytest.raises(OSError, match=r"alarm|no confirm") as raised, blocking_told(channel):
            raise TimeoutError("no confirm")
        assert isinstance(raised.value, BlockedError) == blocked
        words = explained(BROKER, raised.value)
        assert ("takes no messages" in words) == blocked
        assert ("firewall" in words) != blocked


def test_a_queue_with_other_arguments_is_explained() -> None:
    words = "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost 'scanready'"
    error = amqp.exceptions.PreconditionFailed(f"{words}: received none but current is '5'", reply_code=406)
    assert "(x-expires 5, not none): delete it when it is empty (`rabbitmqctl delete_queue" in explained(BROKER, error)


HOLD = """
import sys
from pathlib import Path
from scanready.fleet.own_file import held_alone
held = held_alone(Path(sys.argv[1]), "a")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_file_is_for_one_process(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "a.db"
    holder = subprocess.Popen(
        [sys.executable, "-P", "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(JournalError, match=rf"another process \(process {holder.pid}\) is the agent a with this file"):
        held_alone(file, "a")
    held_alone(tmp_path / "b.db", "b").release()
    holder.kill()
    holder.wait(PATIENCE)
    holder.stdin.close()
    holder.stdout.close()
    held_alone(file, "a").release()


def test_a_batch_that_goes_back_was_not_tried(tmp_path: Path) -> None:
    """Two ends by SIGTERM and one by a crash are one try that failed."""
    journal = Journal(tmp_path / "a.db")
    for _ in range(2):
        assert journal.begin("r", "b") == 1
        journal.put_back("r", "b")
    assert journal.begin("r", "b") == 1
    assert journal.begin("r", "b") == 2, "it was ended in some other way"
    journal.put_back("r", "unknown")


def aside(call: Callable[..., None], *words: str) -> None:
    """Call it in another thread."""
    thread = threading.Thread(target=call, args=words)
    thread.start()
    thread.join(PATIENCE)


class Ending:
    """The end of a process that does not end: each code that it would have ended with, and the lines before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.codes: list[int] = []
        self.lines: list[str] = []
        self._done = threading.Event()
        monkeypatch.setattr(os, "_exit", self._exit)
        self.stopping = Stopping(self.lines.append, grace=0.0, limit=0.01)

    def _exit(self, code: int) -> None:
        self.codes.append(code)
        self._done.set()

    def after(self, begin: Callable[..., None], *words: str) -> None:
        """Begin the end in another thread, since the main thread's signals stay as they are; wait for the end."""
        aside(begin, *words)
        assert self._done.wait(PATIENCE), "its thread would end the process of the tests"


def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ending = Ending(monkeypatch)
    assert not ending.stopping.is_over
    ending.after(ending.stopping.begin)
    assert ending.stopping.is_over
    assert ending.codes == [0]
    assert ending.lines[0].startswith("ending: batches under way go on for up to 0 s")
    assert "the next start goes on" in ending.lines[1]


def test_a_worker_that_ended_by_itself_says_why_with_another_code(monkeypatch: pytest.MonkeyPatch) -> None:
    ending = Ending(monkeypatch)
    ending.after(ending.stopping.begin_because, "the broker refuses the login")
    aside(ending.stopping.begin_because, "a later reason")
    assert ending.stopping.why == "the broker refuses the login"
    assert ending.codes == [2]
    assert ending.lines[-1] == ending.stopping.why


def test_a_worker_that_ends_after_a_signal_has_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    ending = Ending(monkeypatch)
    ending.after(ending.stopping.begin)
    aside(ending.stopping.begin_because, "the worker ends, as the signal asked")
    assert not ending.stopping.why


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give this system Ctrl-Break, as Windows has it; put all handlers back at the end. Yield its number."""
    number = int(signal.SIGRTMIN) + 5
    monkeypatch.setattr(signal, "SIGBREAK", number, raising=False)
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, number)}
    yield number
    for one, handler in before.items():
        signal.signal(one, handler)


def test_ctrl_break_ends_an_agent_as_ctrl_c_does(signals: int) -> None:
    worker = QuietWorker.__new__(QuietWorker)
    worker.hostname, worker.blueprint = "a", None  # its repr has them
    worker.install_platform_tweaks(None)
    assert signal.getsignal(signals) == signal.getsignal(signal.SIGINT) == worker._end
    stopping._next_ends_at_once()
    assert signal.getsignal(signals) == signal.getsignal(signal.SIGINT) == signal.SIG_DFL


def test_ctrl_break_ends_a_coordinator_as_ctrl_c_does(signals: int) -> None:
    stopped = threading.Event()
    with _interruptible(stopped, lambda: None):
        signal.raise_signal(signals)
        assert stopped.is_set()


def test_the_time_for_a_stop_is_within_that_of_the_service() -> None:
    unit = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text()
    (line,) = (line for line in unit.splitlines() if line.startswith("TimeoutStopSec="))
    assert stopping.GRACE < stopping.LIMIT < int(line.partition("=")[2])
    assert f"within {stopping.LIMIT:.0f} seconds" in unit
