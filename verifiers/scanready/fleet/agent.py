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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from celery.exceptions import Reject, SecurityWarning
from celery.signals import setup_logging

from scanready import __version__
from scanready.causes import common
from scanready.model import Agent
from scanready.net.dial_gate import Bounds
from scanready.report.serialize import as_line
from scanready.run import timestamps
from scanready.run.settings import BOUNDS

from .account_book import AccountBook
from .broker_login import RefusedError
from .cancels import Cancels
from .celery_app import celery_app
from .connection import Broker, BrokerError, opened
from .earlier_logins import EarlierLogins
from .engine import Engine, NoTurn, not_checked
from .faults import explained
from .journal import Journal, JournalError
from .login_batch import LoginDesk
from .messages import CANCELLED, MOST_TARGETS, OWN_FILE, Batch, Heartbeat, MessageError, Results, decode, encode
from .names import CHECK, HEARTBEAT, name_of
from .once import Once
from .own_file import held_alone
from .publisher import Publisher, Unsent
from .stopping import GRACE, EndTold, Stopping, Unfinished
from .threads import keep_up
from .worker_log import WorkerLog
from .worker_signals import QuietWorker, end_worker, ignore_others

#: Seconds between two heartbeats.
BEAT = 10.0
#: Results wait at most this long for others, in seconds, and are at most so large together, in characters.
_FLUSH = 0.5
_FULL = 1 << 20
#: A batch that was begun so often, and never finished, has probably ended this process each time.
_MOST_TRIES = 3
#: Seconds that the end of the process waits for each of its threads.
_FAREWELL = 2.0
_SUSPECTS = "batches of {} were under way when this agent was killed: each of them goes by itself now"
_BY_ITSELF = "the worker has ended by itself: see the lines above, and start it again"


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


class Worker:
    """An agent. :meth:`work` returns after SIGTERM or Ctrl-C.

    Args:
        agent: its name is that of its user at the broker.
        journal: the file of its batches.
        warn: called with a line for people, in any thread.
        accounts: the run store of this agent, which has the journal of accounts.
        earlier: the rules about logins outside the run of a batch.
        ca_file: PEM file of further authorities that its targets' certificates may be of.
        bounds: of the connections of all batches together.

    Raises:
        JournalError: the file cannot be written, or another process uses it.
    """

    def __init__(
        self,
        broker: Broker,
        agent: Agent,
        journal: Path,
        warn: Callable[[str], None],
        accounts: Path,
        earlier: EarlierLogins,
        ca_file: str | None = None,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self.broker, self.agent, self.warn = broker, agent, warn
        self._held = held_alone(journal, agent.name)
        self.journal = Journal(journal)
        self._desk = LoginDesk(self.journal, AccountBook(accounts, agent.name), earlier, warn)
        self._engine = Engine(agent, ca_file, bounds)
        self._stopping = Stopping(warn)
        self._once = Once(warn)
        self._publisher = Publisher(broker, agent.name, self._once, self._stopping.event)
        self._since = timestamps.now()
        self._ended = threading.Event()
        # While batches are finished, the coordinator hears that the agent is there.
        self._heart = Publisher(broker, agent.name, self._once, self._ended)
        self._lock = threading.Lock()
        self._carried_out: dict[tuple[str, str], Future[bool]] = {}  # True: it is over
        self._outlived: Counter[tuple[str, str]] = Counter()  # how often a batch failed, and this process went on

    def work(self) -> None:
        """Work until SIGTERM or Ctrl-C: batches under way may go on for some seconds, see :mod:`.stopping`.

        The results of the others stay in the file, and the broker delivers their batches to the next process.

        Raises:
            BrokerError: the broker cannot be used, or another process has this agent's name there.
        """
        ignore_others(self._once)
        opened(self.broker).release()
        cancels = Cancels(self.broker, self.agent.name, self.journal.cancel, self._once)
        cancels.hold()
        self.broker.login.told = self._refused
        app = celery_app(self.broker, self.agent.name)
        app.steps["worker"].add(EndTold)
        app.task(self._begin, name=CHECK)
        threads = [
            keep_up("the heartbeat", self._beat, self._ended, self._once),
            keep_up("the hearing of cancellations", lambda: cancels.hear(self._ended), self._ended, self._once),
        ]
        # It warns of root because of pickled messages, and this worker refuses those.
        warnings.simplefilter("ignore", SecurityWarning)
        log = WorkerLog(self.broker, self._once)
        setup_logging.connect(log.begin, weak=False)
        self.warn(f"{self.agent.name} is waiting for targets at {self.broker.netloc}")
        app.subclass_with_self(QuietWorker)(
            hostname=f"scanready@{self.agent.name}",
            loglevel="WARNING",
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            signalled=self._stopping.begin,
            connected=log.connected,
            ended=lambda: self._stopping.begin_because(log.last or _BY_ITSELF),
        ).start()
        self._close(threads)
        if self._stopping.why:
            raise BrokerError(self._stopping.why)

    def _refused(self, refusal: RefusedError) -> None:
        """End: the broker has refused the password to one of the connections, and would refuse it to each."""
        self._stopping.begin_because(explained(self.broker, refusal))
        end_worker()

    def _close(self, threads: Iterable[threading.Thread]) -> None:
        """End the threads: OpenSSL frees at the end of the process what one of them may be using.

        One that waits for the broker until then uses nothing any more.
        """
        self._ended.set()
        for thread in threads:
            thread.join(_FAREWELL)
        self._engine.close(_FAREWELL)

    def _begin(self, text: str) -> None:
        """Take a task, unless this process ends: then the broker keeps it for the next one."""
        if self._stopping.event.is_set():
            raise Reject("the agent ends", requeue=True)
        try:
            self.take(text)
        except (Unsent, Unfinished) as error:
            raise Reject(str(error), requeue=True) from error

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
            if not going.result():
                raise Reject("the first delivery goes back", requeue=True)
            return
        is_over = False
        try:
            self._carry_out(message)
            is_over = True
        except NoTurn as error:  # the broker waits for no acknowledgement as long as many batches take
            raise Reject(str(error), requeue=True) from error
        except (Unsent, Unfinished) as error:
            line = f"batches of {name_of(message.run)} go back to the broker: {error}; "
            self._once.say(line, f"{line}their results are kept for the next start")
            raise Reject(str(error), requeue=True) from error
        except JournalError as error:  # the coordinator asks again when there is room, for example
            self._fail(message, f"{OWN_FILE}{error}")
            is_over = True
        except Exception as error:  # noqa: BLE001  # the coordinator must not wait for a batch that failed
            self._fail(message, f"scanready failed: {type(error).__name__}: {error}")
            is_over = True
        finally:
            with self._lock:
                del self._carried_out[key]
            going.set_result(is_over)

    def _fail(self, batch: Batch, why: str) -> None:
        """Tell the coordinator and people that a batch ends without the results that are missing."""
        failed = self._desk.masked(batch, why)[:500]
        self.warn(f"a batch of {name_of(batch.run)} failed: {failed}")
        ends = self._desk.ends(batch)
        sent = Results(batch.run, batch.batch, self.agent.name, done=True, refused=failed, logins=ends)
        self._publisher.send(batch.run, encode(sent))

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
        self._take_back(batch)
        begun = self.journal.begun(batch.run, batch.batch) - self._outlived[batch.run, batch.batch]
        if begun + 1 >= _MOST_TRIES:
            detail = f"the batch of this target was begun {begun} times, and each time the agent ended before it"
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

        if begun:
            self._once.say(f"suspects {batch.run}", _SUSPECTS.format(name_of(batch.run)))
        has_begun = threading.Event()

        def begin() -> None:  # in its turn: a batch that waits has not ended this process, and keeps its count
            if self._stopping.event.is_set():
                raise Unfinished("not begun")
            self.journal.begin(batch.run, batch.batch)
            has_begun.set()

        cancelled = partial(self.journal.is_cancelled, batch.run)

        def check() -> None:
            error: BaseException | None = None
            try:
                self._engine.check(
                    asked,
                    known,
                    put,
                    cancelled,
                    exclusive=begun > 0,
                    begin=begin,
                    guard=prepared.guard if prepared else None,
                    enter=(lambda: self._desk.enter(batch)) if prepared else (lambda: None),
                )
                if got == wanted:
                    if prepared:
                        self._desk.keep_ends(batch)
                    self.journal.finish(batch.run, batch.batch)
            except BaseException as raised:  # noqa: BLE001  # it is raised where the batch is carried out
                error = raised
            done.put(_End(error))

        # The end of this process does not wait for a daemon thread.
        threading.Thread(target=check, name="batch", daemon=True).start()
        yield from self._until_end(batch, done, has_begun)

    def _until_end(
        self, batch: Batch, done: queue.SimpleQueue[tuple[int, str] | _End], has_begun: threading.Event
    ) -> Iterator[tuple[int, str]]:
        put_back = False
        while True:
            if self._stopping.event.is_set() and has_begun.is_set() and not put_back:
                self.journal.put_back(batch.run, batch.batch)
                put_back = True
            if self._stopping.is_over:
                time.sleep(_FLUSH)
                yield 0, ""  # results that wait for others are sent now
                raise Unfinished(f"not finished within {GRACE:.0f} s")
            try:
                found = done.get(timeout=_FLUSH)
            except queue.Empty:
                yield 0, ""
                continue
            if isinstance(found, _End):
                break
            yield found
        if found.error is not None:
            self._outlived[batch.run, batch.batch] += has_begun.is_set() and not put_back
            self._take_back(batch)
            raise found.error

    def _take_back(self, batch: Batch) -> None:
        """Take back from the count of a batch, which the next process reads, the times that ended no process."""
        key = batch.run, batch.batch
        with contextlib.suppress(JournalError):  # a full disk: this process remembers the rest until there is room
            while self._outlived[key] > 0:
                self.journal.put_back(*key)
                self._outlived[key] -= 1
            del self._outlived[key]

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
        self._publisher.send(batch.run, encode(made), lambda: self.journal.is_cancelled(batch.run))
        return waiting[count:]

    def _beat(self) -> None:
        """Send one heartbeat, and wait until the next one is due."""
        with self._lock:
            runs = tuple(sorted({run for run, _ in self._carried_out}))
        beat = Heartbeat(self.agent.name, __version__, self.agent.platform, self._since, runs)
        with contextlib.suppress(Unsent):
            self._heart.send(HEARTBEAT, encode(beat))
        self._ended.wait(BEAT)


def _is_full(waiting: list[tuple[int, str]]) -> bool:
    return len(waiting) >= MOST_TARGETS or sum(len(line) for _, line in waiting) > _FULL
