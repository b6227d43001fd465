"""Watch over the agents of a run: find lost agents and lost batches, and notice a broker that takes no messages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import amqp

from scanready.causes import fleet
from scanready.model import Cause

from .connection import Broker
from .division import Estate
from .faults import imported
from .flood import Flood
from .ledger import Ledger
from .liveness import STALL, Liveness, Verdict
from .login_pass import LoginPass
from .messages import Batch
from .names import results_of, tasks_of
from .once import Limited, Once
from .outbox import Outbox

if TYPE_CHECKING:
    import kombu

#: Seconds without a heartbeat after which the broker is asked whether it takes any.
_PROBE = 25.0
#: Seconds between two looks at what each agent has in hand.
_JUDGE = 5.0


class Watch:
    """The part of a coordinator that looks for agents which do not answer. The other part is its only subclass."""

    broker: Broker
    estate: Estate
    ledger: Ledger
    logins: LoginPass
    unanswered: int
    _agent_timeout: float
    _batches: dict[str, tuple[int, ...]]
    _connection: kombu.Connection | None
    _flood: Flood
    _heard: dict[str, float]
    _liveness: Liveness
    _looked: float
    _lost: set[str]
    _once: Once
    _open: dict[str, set[int]]
    _outbox: Outbox
    _judged: float
    _probed: float
    _tell: Limited
    _unsent: list[Batch]
    _without: frozenset[int]

    def _awaits(self, agent: str) -> bool:
        raise NotImplementedError

    def _needed(self, batches: Iterator[Batch]) -> list[Batch]:
        raise NotImplementedError

    def _settle(self, agent: str, places: set[int], cause: Cause, detail: str) -> None:
        raise NotImplementedError

    def _nothing_heard(self) -> None:
        """Note that no agent could be heard until now."""
        now = time.monotonic()
        self._heard = dict.fromkeys(self._heard, now)
        self._liveness.pause(now)

    def _look_for_lost(self) -> None:
        self._looked = now = time.monotonic()
        late = [name for name in self._awaited() if now - self._heard[name] > self._agent_timeout]
        soon = any(now - self._heard[name] > _PROBE for name in self._awaited())
        if self._outbox.is_blocked() or ((late or (soon and now > self._probed + _PROBE)) and self._is_blocked(now)):
            self._once.say(
                "blocked",
                f"the broker {self.broker.netloc} takes no messages: its memory or its disk is short, see its log. "
                "No agent counts as lost meanwhile",
            )
            self._nothing_heard()
            return
        self._once.end("blocked", line=f"the broker {self.broker.netloc} takes messages again")
        flooded = self._flood.is_flooded(now)
        for name in late:
            if not (flooded and self._is_connected(name)):
                self._lose(name)
        if now > self._judged + _JUDGE:
            self._judged = now
            for name in self._awaited():
                self._judge(name, now)

    def _awaited(self) -> list[str]:
        """Return the agents that are there, and have not answered for all of their targets."""
        return [name for name in self._heard if name not in self._lost and self._awaits(name)]

    def _is_blocked(self, now: float) -> bool:
        self._probed = now
        return not self._outbox.probe()

    def _is_connected(self, agent: str) -> bool:
        """Return True if the agent takes batches, as the broker knows. Its heartbeats may be lost among others."""
        told = self._word_on(tasks_of(agent))
        if told is None or told.consumer_count == 0:
            return False
        self._heard[agent] = time.monotonic()
        return True

    def _lose(self, name: str) -> None:
        self._lost.add(name)
        detail = f"no heartbeat of {name} for {self._agent_timeout:.0f} s{self._hint(name)}"
        if self._open[name]:
            self._tell(f"{detail}: {len(self._open[name])} of its targets are undecided until it is back")
        else:
            self._tell(f"{detail}: what became of the logins that it was given is not known until it is back")
        self._settle(name, self._open[name], fleet.LOST, detail)

    def _hint(self, name: str) -> str:
        """Return what the broker's word on an agent's queue says about its silence."""
        if self._connection is None:
            return ""
        if (told := self._word_on(tasks_of(name))) is None:
            return f", since the broker has no queue {tasks_of(name)}: {imported(name)}"
        if told.consumer_count:
            return f", and its process is connected: see its log; if it may not write: {imported(name)}"
        return ""

    def _judge(self, name: str, now: float) -> None:
        """Send the batches of an agent again that are nowhere, or give them up."""
        waiting = None
        if self._liveness.is_idle(name):
            queues = map(self._word_on, (tasks_of(name), results_of(self.ledger.key)))
            waiting = sum(told.message_count for told in queues if told is not None)
        match self._liveness.look(name, now, len(self._open[name]), waiting):
            case Verdict.AGAIN:
                self._send_again(name)
            case Verdict.GONE:
                self._give_up_batches(name, "its batches were lost twice on their way, or their results were")
            case Verdict.STALLED:
                self._give_up_batches(name, f"it is there, and nothing came of it for {STALL / 60:.0f} minutes")

    def _send_again(self, name: str) -> None:
        batches = self._liveness.unanswered(name)
        asked = (
            one
            for one in self.estate.batches(self.ledger.key, self._without)
            if one.agent == name and one.batch in batches
        )
        again = self._needed(asked) + self.logins.asked_again(batches)  # the agent repeats no login of a batch
        self._tell(f"{name} has not answered {len(batches)} batches, and does not have them: they are sent again")
        for batch in batches - {one.batch for one in again}:
            self._liveness.answered(name, batch)  # only its last message is missing
        self._unsent += again

    def _give_up_batches(self, name: str, why: str) -> None:
        left = set[int]()
        for batch in self._liveness.unanswered(name):
            left |= self._open[name].intersection(self._batches.get(batch, ()))
            self.logins.give_up(batch, name)
        self._liveness.give_up(name)
        if left:
            self._tell(f"{name} does not answer for {len(left)} of its targets, which are undecided: {why}")
            self._settle(name, left, fleet.UNANSWERED, f"{name} sent no result: {why}")
            self._open[name] -= left
            self.unanswered += len(left)

    def _distrust(self, name: str | None) -> None:
        """End the targets of an agent that floods the run: its results are not known from those of the flood."""
        why = "more messages than it can have came with its name; they are dropped. See who uses its password"
        if name not in self._heard:
            self._once.say(
                f"many {name}", f"messages of {name or 'an unknown sender'} are dropped: it is no agent here"
            )
        elif left := self._open[name]:
            self._tell(f"messages of {name} are dropped, and {len(left)} of its targets are undecided: {why}")
            self._settle(name, left, fleet.UNANSWERED, why)
            self.unanswered += len(left)
            self._open[name] = set()
            self._unsent = [batch for batch in self._unsent if batch.agent != name or batch.login is not None]

    def _word_on(self, queue: str) -> Any:
        """Return the broker's word on a queue; None if it is not there."""
        if self._connection is None:
            return None
        try:
            return looked_at(self._connection, queue)
        except amqp.exceptions.NotFound:
            return None


def looked_at(connection: Any, queue: str) -> Any:
    """Return the broker's word on a queue that exists: its ``message_count`` and ``consumer_count``."""
    channel = connection.channel()
    found = channel.queue_declare(queue, passive=True)
    channel.close()
    return found
