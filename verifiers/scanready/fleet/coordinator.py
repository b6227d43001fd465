"""Send the batches of an estate to its agents, and store their results as they come.

Results are acknowledged after their commit. The coordinator may end at any time: the broker keeps what comes meanwhile,
and the run is continued from the store.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import amqp

from scanready.causes import common, fleet
from scanready.model import Agent, Cause, Report, Target, Verdict
from scanready.report.parse import NotAResult, restored
from scanready.report.serialize import identity

from .connection import DENIED, LOST, Broker, BrokerError, LoginRefusedError, heard, opened, publish
from .division import Estate
from .engine import not_checked
from .faults import BlockedError, explained
from .flood import Flood
from .ledger import Ledger, Row, row_of
from .liveness import Liveness
from .login_pass import LoginPass, UnderWay
from .messages import CANCELLED, OWN_FILE, Batch, Heartbeat, Login, MessageError, Results, decode, target_sent
from .names import HEARTBEAT, NOWHERE, RESULTS, TASKS, heartbeats_of, results_of, tasks_of
from .once import Limited, Once
from .outbox import Outbox, Sent
from .paced import Paced
from .plain_lines import PlainLines
from .watch import Watch, looked_at

if TYPE_CHECKING:
    import kombu

#: Batches that are sent before results are looked for again.
_AT_ONCE = 20
#: Messages that the broker sends ahead.
_PREFETCH = 40
#: Milliseconds after which the broker drops the results of a run that is not continued.
_KEPT = 7 * 86_400_000
_PAUSE = 2.0
#: Seconds after a batch was taken in which the broker is expected to take the next one.
_FRESH = 1.0
#: Seconds between two looks for lost agents while messages come without a pause.
_LOOK = 5.0


class Coordinator(Watch):
    """One run of many agents.

    Args:
        done: the places whose results are stored already.
        tell: called with a line for people.
        count: called with the verdict of each result that comes for the first time.
        agent_timeout: seconds without a heartbeat after which an agent counts as lost.
        login: what login batches say; None if no login is made.

    Attributes:
        dropped: the number of results that agents do not send because the run was cancelled.
        unanswered: the number of results that were given up, because a batch is nowhere or its agent hangs.
        logins: the second pass.
    """

    def __init__(
        self,
        broker: Broker,
        estate: Estate,
        ledger: Ledger,
        done: set[int],
        tell: Callable[[str], None],
        count: Callable[[Verdict], None],
        agent_timeout: float,
        login: Login | None = None,
    ) -> None:
        self.broker, self.estate, self.ledger = broker, estate, ledger
        self._tell, self._count, self._agent_timeout = Limited(tell), count, agent_timeout
        self._once = Once(tell)
        self._outbox = Outbox(broker, _KEPT / 1000)  # an agent that was away for longer has no old runs to carry out
        self._connection: kombu.Connection | None = None
        self._liveness = Liveness()
        self._dropped_beats = Paced()
        self._plain = PlainLines()
        self._flood = Flood(agent.name for agent in estate.agents)
        self._open: dict[str, set[int]] = defaultdict(set)  # agent -> places without a result
        self._batches: dict[str, tuple[int, ...]] = {}
        self._lost: set[str] = set()
        self._silent = {agent.name for agent in estate.agents}
        self._heard = {agent.name: time.monotonic() for agent in estate.agents}
        self._platforms = {agent.name: agent.platform for agent in estate.agents}
        self.dropped = self.unanswered = 0
        self._probed = self._judged = self._taken = float("-inf")
        self._looked = time.monotonic()
        without = self._refuse_secrets(done)
        for place, _, name in estate.places():
            if place not in done and place not in without:
                self._open[name].add(place)
        self._without = frozenset(without)
        self.logins = LoginPass(estate, ledger, login, self._tell)
        self._unsent = self._needed(estate.batches(ledger.key, self._without))
        for places in self._batches.values():
            if (first := estate.at(places[0])) is not None:
                self._flood.expect(first[1], 1)

    @property
    def missing(self) -> int:
        """The number of results that did not come."""
        return sum(map(len, self._open.values())) + self.dropped + self.unanswered + self.logins.unfinished

    @property
    def lost(self) -> tuple[str, ...]:
        """The names of the agents that are lost."""
        return tuple(sorted(name for name in self._lost if self._open[name] or self.logins.owes(name)))

    @property
    def unheard(self) -> tuple[str, ...]:
        """The names of the agents that owe results, and have sent nothing yet. Any thread may ask."""
        return tuple(sorted(name for name in self._silent - self._lost if self._open.get(name)))

    def run(self, stopped: threading.Event) -> None:
        """Return when each agent has answered for its targets or is lost, or when ``stopped`` is set.

        Raises:
            BrokerError: the broker denies something to the coordinator. If it is away, the coordinator waits for it.
        """
        while not stopped.is_set() and self._is_waiting():
            try:
                with opened(self.broker) as connection:
                    self._work(connection, stopped)
            except DENIED as error:  # it would be denied again
                raise BrokerError(explained(self.broker, error)) from error
            except LoginRefusedError:  # it would be refused again
                raise
            except (*LOST, BrokerError) as error:
                words = str(error) if isinstance(error, BrokerError) else explained(self.broker, error)
                self._once.say(words, f"{words}; trying again every {_PAUSE:.0f} s")
                stopped.wait(_PAUSE)
                self._nothing_heard()
            finally:
                self._outbox.close()
        if not stopped.is_set():
            self.logins.finish()

    def forget(self) -> None:
        """Delete the queue of the run: all its results are stored."""
        try:
            with opened(self.broker) as connection:
                connection.channel().queue_delete(results_of(self.ledger.key))
        except (*LOST, BrokerError) as error:
            self._tell(f"the queue of {self.ledger.name} stays for 7 days: {explained(self.broker, error)}")

    def _is_waiting(self) -> bool:
        """Return whether an agent that is there owes something; begin the logins once the first visits are over."""
        first = any(places for name, places in self._open.items() if name not in self._lost)
        if not first or self.logins.has_begun:
            for batch in self.logins.batches(self._lost):
                self._batches[batch.batch] = tuple(place for place, _ in batch.targets)
                self._unsent.insert(0, batch)
                self._flood.expect(batch.agent, 1)
        return first or any(self.logins.waits_for(name) for name in self._heard if name not in self._lost)

    def _awaits(self, agent: str) -> bool:
        return bool(self._open[agent]) or self.logins.waits_for(agent)

    def _needed(self, batches: Iterator[Batch]) -> list[Batch]:
        needed = []
        for batch in batches:
            self._batches[batch.batch] = tuple(place for place, _ in batch.targets)
            if not self._open[batch.agent].isdisjoint(self._batches[batch.batch]):
                needed.append(batch)
        needed.reverse()  # the first is taken from the end
        return needed

    def _refuse_secrets(self, done: set[int]) -> set[int]:
        """Return the places whose target cannot travel; each gets a result that says so."""
        why: dict[int, str] = {}
        refused = []
        for place, target, name in self.estate.places():
            if id(target) not in why:
                why[id(target)] = _hindrance(target)
            if why[id(target)]:
                refused.append((place, not_checked(self._agent(name), target, common.LIMIT, why[id(target)])))
        self.ledger.put(one for one in refused if one[0] not in done)
        return {place for place, _ in refused}

    def _work(self, connection: kombu.Connection, stopped: threading.Event) -> None:
        """Send and receive until the run is over; a connection that ends raises."""
        self._connection = connection
        channel = connection.channel()
        queue = results_of(self.ledger.key)
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-expires": _KEPT})
        channel.queue_bind(queue, RESULTS, self.ledger.key)
        listener = _listen(channel)
        self._dropped_beats.forget()
        heard(connection, queue, self._take, _PREFETCH)
        heard(connection, listener, self._take_beat, _PREFETCH)
        while not stopped.is_set() and self._is_waiting():
            try:
                connection.drain_events(timeout=0.01 if self._send_some() else 0.5)
            except TimeoutError:
                self._dropped_beats.release()
                self._look_for_lost()
            else:
                self._dropped_beats.release()
                if time.monotonic() > self._looked + _LOOK:  # the heartbeats of many agents leave no pause
                    self._look_for_lost()

    def _send_some(self) -> bool:
        """Give some batches to the broker; return True if it takes more at once."""
        for _ in range(min(_AT_ONCE, len(self._unsent))):
            batch = self._unsent[-1]
            sent = self._noted_and_sent(batch) if batch.login is not None else self._sent(batch)
            if sent is not Sent.KEPT:
                if sent is Sent.FULL:
                    self._unsent.insert(0, self._unsent.pop())  # others need not wait for this one
                return False
            self._unsent.pop()
        return bool(self._unsent)

    def _sent(self, batch: Batch) -> Sent:
        sent = self._outbox.send(batch)
        if sent is Sent.KEPT:
            self._taken = time.monotonic()
            self._liveness.sent(batch.agent, batch.batch, self._taken)
        elif sent is Sent.FULL:
            words = f"the queue of {batch.agent} is full: its batches are sent as it works"
            self._once.say(f"full {batch.agent}", words)
        return sent

    def _noted_and_sent(self, batch: Batch) -> Sent:
        """Give a login to the broker; its note is written just before. One that is not made any more is dropped.

        A broker that says that it has not taken the login has its note taken back.
        """
        # A login is not noted as sent while the broker takes nothing.
        if time.monotonic() > self._taken + _FRESH and not self._outbox.probe():
            return Sent.BLOCKED
        try:
            leaving = self.logins.leaving(batch)
        except UnderWay as error:
            self._once.say(
                f"under way {error}", f"another run has a login with {error} under way: its outcome is awaited"
            )
            return Sent.FULL
        if leaving is None:
            return Sent.KEPT
        try:
            sent = self._sent(leaving)
        except DENIED:
            self.logins.take_back(batch)
            raise
        if sent in (Sent.FULL, Sent.BLOCKED):
            self.logins.take_back(batch)
        return sent

    def _take_beat(self, message: Any) -> None:
        """Hear a heartbeat; one of an agent that sends too many is dropped unread."""
        user, now = message.properties.get("user_id"), time.monotonic()
        if self._flood.takes_heartbeat(user, now):
            self._take(message)
            return
        self._dropped_beats.hold(message)
        for agent in self._flood.flooding if self._flood.is_flooded(now) else ():
            self._once.say(
                f"flood {agent}", f"{agent} sends too many heartbeats; they are dropped. See who uses its password"
            )

    def _take(self, message: Any) -> None:
        """Store what a message holds, and acknowledge it after the commit."""
        user = message.properties.get("user_id")
        if message.delivery_info.get("routing_key") != HEARTBEAT and not self._flood.takes_results(user):
            self._distrust(user)
            message.channel.basic_ack(message.delivery_tag)
            return
        try:
            found = decode(message.body)
            self._demand_identity(found, user)
            if isinstance(found, Results):
                self._take_results(found)
                if found.done:
                    self._liveness.answered(found.agent, found.batch)
            elif isinstance(found, Heartbeat):
                self._take_heartbeat(found)
        except MessageError as error:
            self._tell(f"a message of {user or 'an unknown sender'} was refused: {error}")
            self._give_up(user, error)
        message.channel.basic_ack(message.delivery_tag)

    def _demand_identity(self, found: Any, user: str | None) -> None:
        if not isinstance(found, (Results, Heartbeat)):
            raise MessageError("it is neither results nor a heartbeat")
        if found.agent != user:
            raise MessageError(f"it names the agent {found.agent}, and its sender is {user or 'not known'}")

    def _take_heartbeat(self, beat: Heartbeat) -> None:
        if beat.agent in self._heard:
            self._heard[beat.agent] = time.monotonic()
            self._silent.discard(beat.agent)
            self._platforms[beat.agent] = beat.platform
            lists_run = self.ledger.key in beat.runs
            if self._liveness.beat(beat.agent, beat.since, lists_run=lists_run, now=time.monotonic()):
                self._tell(f"two processes are {beat.agent}: stop one of them, or give each its own --name")
            if beat.agent in self._lost:
                self._lost.discard(beat.agent)
                self._tell(f"{beat.agent} is back; its results are awaited again")

    def _take_results(self, found: Results) -> None:
        if found.run != self.ledger.key:
            raise MessageError(f"its results are of the run {found.run}")
        if found.agent not in self._heard:
            raise MessageError(f"{found.agent} is not an agent of this run")
        self._heard[found.agent] = time.monotonic()
        self._silent.discard(found.agent)
        rows, reports = list[Row](), list[tuple[int, Report]]()
        for place, target, line in self._assigned(found):
            if self.logins.replaces(place, found.batch):
                continue
            verdict = None if self.logins.reads(target) else self._plain.verdict(found.agent, line, target)
            if verdict is not None:
                rows.append(Row(place, f"{identity(target)}@{found.agent}", verdict.value, line))
                continue
            report = self.logins.counted(place, found.batch, self._report(target, line, found.agent))
            rows.append(row_of(place, report))
            reports.append((place, report))
        self.ledger.put_rows(rows)
        for place, report in reports:
            self.logins.add(place, report)
        for row in rows:
            if row.place in self._open[found.agent]:
                self._open[found.agent].discard(row.place)
                self._count(Verdict(row.verdict))
        if found.done:
            self._conclude(found)

    def _assigned(self, found: Results) -> Iterator[tuple[int, Target, str]]:
        """Yield the results at places of this agent with their targets; no other one is stored."""
        for place, line in found.lines:
            expected = self.estate.at(place)
            if expected is None or expected[1] != found.agent:
                self._tell(f"a result was refused: {found.agent} has no target at the place {place}")
            else:
                yield place, expected[0], line

    def _report(self, target: Target, line: str, agent: str) -> Report:
        """Return the report in a result; one that says so if it cannot be read: the agent does not send it again."""
        try:
            result = json.loads(line)
            report = restored(result)
            if any(one.agent.name != agent for one in (report, *report.types)):
                raise NotAResult("it names another agent")
            hosts = {one.target.host for one in report.types}
            if identity(report.target) != identity(target) or hosts - {target.host}:
                raise NotAResult("it is of another target than the agent was asked for")
        except (ValueError, RecursionError) as error:
            why = f"the coordinator refused the result of {agent}: {str(error)[:200]}"
            self._tell(why)
            return not_checked(self._agent(agent), target, common.LIMIT, why)
        report.target = target
        self._plain.checked(agent, result)
        return report

    def _give_up(self, agent: str | None, error: MessageError) -> None:
        """End the targets of a batch whose message cannot be read: the agent does not send it again."""
        if agent is not None and agent in self._heard and error.run == self.ledger.key:
            self._liveness.answered(agent, error.batch)
            left = self._open[agent].intersection(self._batches.get(error.batch, ()))
            self._settle(agent, left, common.LIMIT, f"the coordinator refused a message of {agent}: {error}"[:500])
            self._open[agent] -= left
            self.logins.give_up(error.batch, agent)

    def _conclude(self, found: Results) -> None:
        """End the targets of a batch that the agent will send no results for."""
        self.logins.take(found)
        left = self._open[found.agent].intersection(self._batches.get(found.batch, ()))
        if not left:
            return
        if found.refused == CANCELLED:
            self.dropped += len(left)
            self._open[found.agent] -= left
            return
        self._tell(f"{found.agent} refused a batch: {found.refused or 'it sent no result'}")
        if found.refused.startswith(OWN_FILE):  # a continued run asks again
            self._settle(found.agent, left, fleet.UNANSWERED, found.refused)
            self.unanswered += len(left)
        else:
            why = f"the agent refused it: {found.refused or 'it sent no result'}"
            self._settle(found.agent, left, common.LIMIT, why)
        self._open[found.agent] -= left

    def _settle(self, agent: str, places: set[int], cause: Cause, detail: str) -> None:
        """Give targets a result that says why the agent has none."""
        found = [(place, self.estate.at(place)) for place in sorted(places)]
        self.ledger.put(
            (place, not_checked(self._agent(agent), expected[0], cause, detail))
            for place, expected in found
            if expected
        )

    def _agent(self, name: str) -> Agent:
        return Agent(name, self._platforms[name])


def demand_queues(broker: Broker, agents: Iterable[str]) -> None:
    """Check, before a run is stored, that the user is a coordinator's and that each agent has a queue.

    Raises:
        BrokerError: it cannot, or it has not.
    """
    try:
        with opened(broker) as connection:
            _demand_permissions(broker, connection)
            for agent in agents:
                _demand_queue(broker, connection, agent)
    except LOST as error:
        raise BrokerError(explained(broker, error)) from error


def _demand_permissions(broker: Broker, connection: kombu.Connection) -> None:
    """Listen and publish once, as a run does: the user of an agent may do neither."""
    channel = connection.channel()
    _listen(channel)
    with contextlib.suppress(BlockedError):  # a run waits for the end of an alarm
        publish(channel, TASKS, NOWHERE, "{}", broker.user)


def _listen(channel: Any) -> str:
    """Make a queue of heartbeats; return its name, another one each time.

    After a cut, the broker keeps that of the old connection for a while.
    """
    listener = heartbeats_of(secrets.token_hex(8))
    channel.queue_declare(listener, exclusive=True, auto_delete=True, durable=False)
    channel.queue_bind(listener, RESULTS, HEARTBEAT)
    return listener


def _demand_queue(broker: Broker, connection: kombu.Connection, agent: str) -> None:
    try:
        looked_at(connection, tasks_of(agent))
    except amqp.exceptions.NotFound as error:
        words = f"the broker {broker.netloc} has no queue for the agent {agent}"
        raise BrokerError(
            f"{words}: import the definitions of `scanready fleet broker` with it (--existing names the others)"
        ) from error


def _hindrance(target: Target) -> str:
    """Return why a target cannot travel; empty if it can."""
    try:
        target_sent(target)
    except MessageError as error:
        return str(error)
    return ""
