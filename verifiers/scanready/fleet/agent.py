"""Work for a coordinator: a Celery worker that takes batches from its queue and sends their results.

A batch is acknowledged after the broker has confirmed its results, so it survives the end of this process. The agent
keeps the results in its own file, too: it does not carry out a batch again that the broker delivers again.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import amqp
from celery.exceptions import Reject, SecurityWarning
from celery.signals import worker_shutting_down

from scanready import __version__
from scanready.causes import common
from scanready.model import Agent
from scanready.report.serialize import as_line
from scanready.run import timestamps

from .account_book import AccountBook
from .celery_app import BATCHES, celery_app
from .connection import LOST, PATIENCE, Broker, explained, heard, opened, publish
from .engine import Engine, not_checked
from .journal import Journal
from .login_batch import BindEarlier, LoginDesk
from .messages import CANCELLED, MOST_TARGETS, Batch, Cancel, Heartbeat, MessageError, Results, decode, encode
from .names import CHECK, HEARTBEAT, RESULTS, cancels_of

#: Seconds between two heartbeats.
BEAT = 10.0
#: Results wait at most this long for others, in seconds, and are at most so large together, in characters.
_FLUSH = 0.5
_FULL = 1 << 20
#: A batch that was begun so often, and never finished, has probably ended this process each time.
_MOST_TRIES = 3
_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


class Unsent(Exception):
    """Raised if this process is to end, and the broker is away: a message was not sent."""


class Publisher:
    """Send messages to the exchange of results, again and again until the broker confirms each one.

    Args:
        ending: set when this process is to end; then a message is tried once.
    """

    def __init__(self, broker: Broker, name: str, warn: Callable[[str], None], ending: threading.Event) -> None:
        self._broker, self._name, self._warn, self._ending = broker, name, warn, ending
        self._lock = threading.Lock()
        self._channel: Any = None

    def send(self, key: str, text: str) -> None:
        """Return when the broker has the message.

        Raises:
            Unsent: this process is to end, and the broker is away.
        """
        with self._lock:
            failed = 0
            while True:
                try:
                    if self._channel is None:
                        self._channel = self._broker.connection().channel()
                    publish(self._channel, RESULTS, key, text, self._name)
                    return
                except amqp.exceptions.PreconditionFailed as error:  # too large, for example: it would be so again
                    self._disconnect()
                    self._warn(f"{explained(self._broker, error)}; a message was dropped")
                    return
                except LOST as error:
                    self._disconnect()
                    failed += 1
                    if failed > 1 and self._ending.is_set():
                        raise Unsent from error
                    if failed == 1:
                        continue  # the connection was idle, and has ended unnoticed
                    if failed == 2:
                        self._warn(f"{explained(self._broker, error)}; trying again")
                    self._ending.wait(_PAUSE)

    def _disconnect(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None and channel.connection is not None:
            with contextlib.suppress(*LOST):
                channel.connection.collect()  # without a farewell, which would wait for the broker


class Worker:
    """An agent. :meth:`work` returns after SIGTERM or Ctrl-C.

    Args:
        agent: its name is that of its user at the broker.
        journal: the file of its batches.
        warn: called with a line for people, in any thread.
        accounts: the run store of this agent, which has the journal of accounts.
        bind: withholds what earlier runs of this agent found refused.
    """

    def __init__(
        self,
        broker: Broker,
        agent: Agent,
        journal: Path,
        warn: Callable[[str], None],
        accounts: Path,
        bind: BindEarlier,
    ) -> None:
        self.broker, self.agent, self.warn = broker, agent, warn
        self.journal = Journal(journal)
        self._desk = LoginDesk(self.journal, AccountBook(accounts, agent.name), bind, warn)
        self._engine = Engine(agent)
        self._ending = threading.Event()
        self._publisher = Publisher(broker, agent.name, warn, self._ending)
        self._since = timestamps.now()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._carried_out: dict[tuple[str, str], Future[None]] = {}
        self._threads = ThreadPoolExecutor(BATCHES, "batch")

    def work(self) -> None:
        """Work until SIGTERM or Ctrl-C: batches under way are finished first.

        If the broker is away then, their results stay in the file. The broker delivers the batches to the next process.

        Raises:
            BrokerError: the broker cannot be used.
        """
        opened(self.broker).release()
        app = celery_app(self.broker, self.agent.name)
        app.task(self.take, name=CHECK)
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        threading.Thread(target=self._hear_cancels, name="cancel", daemon=True).start()
        # It warns of root because of pickled messages, and this worker refuses those.
        warnings.simplefilter("ignore", SecurityWarning)
        worker_shutting_down.connect(self._end, weak=False)
        self.warn(f"{self.agent.name} is waiting for targets at {self.broker.netloc}")
        app.Worker(
            hostname=f"scanready@{self.agent.name}",
            loglevel="WARNING",
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        ).start()
        self._ended.set()

    def _end(self, **_: object) -> None:
        """Hear of SIGTERM or Ctrl-C."""
        self._ending.set()

    def take(self, text: str) -> None:
        """Carry out the task in a message of Celery. Its results are at the broker when this returns."""
        try:
            message = decode(text)
            if not isinstance(message, Batch):
                raise MessageError("the message is no batch")
            if message.agent != self.agent.name:
                raise MessageError(f"the batch is for {message.agent}", message.run, message.batch)
        except MessageError as error:
            self.warn(f"a message was refused: {error}")
            if error.run:
                name, why = self.agent.name, str(error)[:500]
                refused = Results(error.run, error.batch, name, done=True, refused=why, logins=None)
                self._publisher.send(error.run, encode(refused))
            return
        key = message.run, message.batch
        with self._lock:  # a broker that comes back delivers again what is still being carried out
            going = self._carried_out.get(key)
            first = going is None
            if going is None:
                going = self._carried_out[key] = Future()
        if not first:
            going.result()
            return
        try:
            self._carry_out(message)
        except Unsent as error:
            self.warn(f"results of {message.run} were not sent: the broker is away; they are kept for the next start")
            raise Reject(str(error), requeue=True) from error
        except Exception as error:  # noqa: BLE001  # the coordinator must not wait for a batch that failed
            failed = self._desk.masked(message, f"{type(error).__name__}: {error}")[:500]
            self.warn(f"a batch of {message.run} failed: {failed}")
            ends = self._desk.ends(message)
            sent = Results(*key, self.agent.name, done=True, refused=f"scanready failed: {failed}", logins=ends)
            self._publisher.send(message.run, encode(sent))
        finally:
            with self._lock:
                del self._carried_out[key]
            going.set_result(None)

    def _carry_out(self, batch: Batch) -> None:
        if self.journal.is_cancelled(batch.run):
            self._send(batch, [], done=True, refused=CANCELLED)
            return
        known = self.journal.results(batch.run, batch.batch)
        waiting, since = list(known.items()), time.monotonic()
        if not self.journal.is_finished(batch.run, batch.batch):
            for place, line in self._coming(batch, set(known)):
                if line:
                    waiting.append((place, line))
                while waiting and (_is_full(waiting) or time.monotonic() > since + _FLUSH):
                    waiting, since = self._send(batch, waiting), time.monotonic()
        cancelled = self.journal.is_cancelled(batch.run)
        while len(waiting) > MOST_TARGETS:
            waiting = self._send(batch, waiting)
        while left := self._send(batch, waiting, done=True, refused=CANCELLED if cancelled else ""):
            waiting = left

    def _coming(self, batch: Batch, known: set[int]) -> Iterator[tuple[int, str]]:
        """Yield place and result of each target as it ends; an empty result after a time without one."""
        begun = self.journal.begin(batch.run, batch.batch)
        if begun >= _MOST_TRIES:
            detail = f"the batch of this target was begun {begun - 1} times, and each time the agent ended before it"
            for place, target in batch.targets:
                if place not in known:
                    yield place, self._keep(batch, place, as_line(not_checked(self.agent, target, common.BUG, detail)))
            self.journal.finish(batch.run, batch.batch)
            return
        done: queue.SimpleQueue[tuple[int, str] | _End] = queue.SimpleQueue()

        prepared = self._desk.prepare(batch) if batch.login else None
        asked = prepared.batch if prepared else batch
        got = len(known)
        wanted = len(known | {place for place, _ in asked.targets})

        def put(place: int, line: str) -> None:  # kept at once: the broker may be away when they are to be sent
            nonlocal got
            got += 1
            done.put((place, self._keep(batch, place, line)))

        def check() -> None:
            error: BaseException | None = None
            try:
                self._engine.check(
                    asked,
                    known,
                    put,
                    lambda: self.journal.is_cancelled(batch.run),
                    exclusive=begun > 1,
                    guard=prepared.guard if prepared else None,
                    enter=(lambda: self._desk.enter(batch)) if prepared else (lambda: None),
                )
                if got == wanted:
                    self.journal.finish(batch.run, batch.batch)
            except BaseException as raised:  # noqa: BLE001  # it is raised where the batch is carried out
                error = raised
            done.put(_End(error))

        self._threads.submit(check)
        while True:
            try:
                found = done.get(timeout=_FLUSH)
            except queue.Empty:
                yield 0, ""
                continue
            if isinstance(found, _End):
                break
            yield found
        if found.error is not None:
            raise found.error

    def _keep(self, batch: Batch, place: int, line: str) -> str:
        self.journal.keep(batch.run, batch.batch, place, line)
        return line

    def _send(
        self, batch: Batch, waiting: list[tuple[int, str]], *, done: bool = False, refused: str = ""
    ) -> list[tuple[int, str]]:
        """Send as many results as one message takes; return the others."""
        count = size = 0
        for _, line in waiting[:MOST_TARGETS]:
            size += len(line)
            if count and size > _FULL:
                break
            count += 1
        last = done and count == len(waiting)
        ends = self._desk.ends(batch) if last and batch.login else ()
        why = refused if last else ""
        made = Results(batch.run, batch.batch, self.agent.name, tuple(waiting[:count]), last, why, ends)
        self._publisher.send(batch.run, encode(made))
        return waiting[count:]

    def _beat(self) -> None:
        # The results complain already. While batches are finished, the coordinator hears that the agent is there.
        publisher = Publisher(self.broker, self.agent.name, lambda _: None, self._ended)
        while not self._ended.is_set():
            with self._lock:
                runs = tuple(sorted({run for run, _ in self._carried_out}))
            beat = Heartbeat(self.agent.name, __version__, self.agent.platform, self._since, runs)
            with contextlib.suppress(Unsent):
                publisher.send(HEARTBEAT, encode(beat))
            self._ended.wait(BEAT)

    def _hear_cancels(self) -> None:
        def take(message: Any) -> None:
            try:
                cancel = decode(message.body)
                if isinstance(cancel, Cancel):
                    self.journal.cancel(cancel.run)
            except MessageError as error:
                self.warn(f"a message was refused: {error}")
            message.channel.basic_ack(message.delivery_tag)

        while not self._ended.is_set():
            try:
                with self.broker.connection() as connection:
                    heard(connection, cancels_of(self.agent.name), take, 10)
                    while not self._ended.is_set():
                        try:
                            connection.drain_events(timeout=1.0)
                        except TimeoutError:
                            connection.heartbeat_check()
            except LOST:
                self._ended.wait(PATIENCE / 5)


def _is_full(waiting: list[tuple[int, str]]) -> bool:
    return len(waiting) >= MOST_TARGETS or sum(len(line) for _, line in waiting) > _FULL
