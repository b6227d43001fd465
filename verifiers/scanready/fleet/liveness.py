"""Judge which agents still owe answers, and which never will. No I/O; times are seconds of one clock, given by callers.

A run must end, though a queue was purged or an agent hangs, and must not end while an agent works slowly. An agent's
heartbeats list the runs that it has batches of in hand, and the broker counts the messages that wait in its queue. A
batch that is in neither place is gone. It is sent again once, and then given up.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from .messages import MOST_SECONDS

#: Seconds of heartbeats without the run after which the queues are looked at, and further ones before an act.
IDLE, CONFIRMING = 25.0, 15.0
#: Runs that an agent may have in hand at once, each with batches that take all their time, and none is cut short.
RUNS = 4
#: Seconds without any progress after which an agent is given up. The runs in hand have their turns one after another,
#: and a turn takes at most MOST_SECONDS. So one of the batches of each run ends within this time.
STALL = RUNS * MOST_SECONDS + 120.0
_MOST_STARTS = 16


class Verdict(enum.Enum):
    """The next step for the batches that an agent has not answered."""

    WAIT = "wait"
    AGAIN = "send them again"
    GONE = "they were sent twice, and are nowhere"
    STALLED = "no progress"


@dataclass
class _Agent:
    progressed: float
    unanswered: set[str] = field(default_factory=set)
    again: set[str] = field(default_factory=set)
    beaten: float = 0.0
    idle_since: float | None = None
    suspected: float | None = None
    known: tuple[int, int] = (0, 0)
    waiting: int | None = None
    since: str = ""
    starts: set[str] = field(default_factory=set)
    is_twin: bool = False

    @property
    def is_idle(self) -> bool:
        """True if its heartbeats have not listed the run for some time; silence does not count."""
        return self.idle_since is not None and self.beaten >= self.idle_since + IDLE


class Liveness:
    """The agents of one run, as far as the coordinator heard of them."""

    def __init__(self) -> None:
        self._agents: dict[str, _Agent] = {}

    def sent(self, agent: str, batch: str, now: float) -> None:
        """Note that the broker has a batch of this agent."""
        one = self._of(agent, now)
        one.unanswered.add(batch)
        one.idle_since, one.suspected, one.waiting, one.progressed = None, None, None, now

    def answered(self, agent: str, batch: str) -> None:
        """Note that the agent has sent all that it will send of a batch."""
        if agent in self._agents:
            self._agents[agent].unanswered.discard(batch)

    def unanswered(self, agent: str) -> frozenset[str]:
        """Return the batches that the agent owes an answer for."""
        return frozenset(self._agents[agent].unanswered) if agent in self._agents else frozenset()

    def beat(self, agent: str, since: str, *, lists_run: bool, now: float) -> bool:
        """Note a heartbeat; return True if it shows for the first time that two processes have this name.

        Args:
            since: when the process started. That of a process that was replaced does not come again.
        """
        one = self._of(agent, now)
        one.beaten = now
        if lists_run:
            one.idle_since = None
        elif one.idle_since is None:
            one.idle_since = now
        if since == one.since:
            return False
        one.since = since
        if since in one.starts and not one.is_twin:
            one.is_twin = True
            return True
        if len(one.starts) < _MOST_STARTS:
            one.starts.add(since)
        return False

    def is_idle(self, agent: str) -> bool:
        """Return True if the agent owes answers, and says that it works on nothing of this run."""
        one = self._agents.get(agent)
        return one is not None and bool(one.unanswered) and one.is_idle

    def look(self, agent: str, now: float, missing: int, waiting: int | None) -> Verdict:
        """Return what to do about an agent that is there. After AGAIN, its batches are noted as sent twice.

        Args:
            missing: results that are missing of it.
            waiting: messages in its queue and in that of the results; None if it is not idle.
        """
        one = self._of(agent, now)
        known = (len(one.unanswered), missing)
        fewer = waiting is not None and one.waiting is not None and waiting < one.waiting
        if not one.unanswered or known != one.known or fewer:
            one.progressed, one.suspected = now, None
        one.known, one.waiting = known, waiting
        if not one.unanswered:
            return Verdict.WAIT
        if waiting != 0 or not one.is_idle:
            one.suspected = None
        elif one.suspected is None:
            one.suspected = now
        elif one.beaten >= one.suspected + CONFIRMING:
            if one.unanswered <= one.again:
                return Verdict.GONE
            one.again |= one.unanswered
            one.idle_since, one.suspected, one.progressed = None, None, now
            return Verdict.AGAIN
        return Verdict.STALLED if now - one.progressed > STALL else Verdict.WAIT

    def give_up(self, agent: str) -> None:
        """Expect no answer for the batches that were sent to an agent so far."""
        self._agents[agent].unanswered.clear()

    def pause(self, now: float) -> None:
        """Note that nothing could be heard until now: the broker was away, or took no messages."""
        for one in self._agents.values():
            one.progressed, one.idle_since, one.suspected, one.waiting = now, None, None, None

    def _of(self, agent: str, now: float) -> _Agent:
        return self._agents.setdefault(agent, _Agent(now))
