"""Bound what the messages of one agent cost the coordinator. No I/O; times are seconds of one clock.

The broker says who sent a message, so it can be dropped before it is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeGuard

from .messages import MOST_TARGETS

#: Seconds between two heartbeats of one agent that are read. Two processes of one name are still both heard.
SHORTEST = 1.0
#: Seconds for which a flood of heartbeats counts: those of other agents may have been lost in it.
LASTING = 60.0
#: A batch has a message for each result at most, and one for its end; it may be delivered several times.
_DELIVERIES = 4
_BASE = 1000
#: Excess heartbeats in LASTING seconds that make a flood; fewer are those of a broker that comes back.
_FLOOD = 100


class Flood:
    """Count the messages of agents.

    Args:
        agents: those of one run; None for every agent of the broker.
    """

    def __init__(self, agents: Iterable[str] | None) -> None:
        self._agents = None if agents is None else frozenset(agents)
        self._beaten: dict[str, float] = {}
        self._excess: Counter[str] = Counter()
        self._counted_from = 0.0
        self._flooded = float("-inf")
        self._batches: Counter[str] = Counter()
        self._results: Counter[str] = Counter()

    def takes_heartbeat(self, agent: str | None, now: float) -> bool:
        """Return True if a heartbeat is to be read."""
        if not self._is_known(agent):
            return False
        if now >= self._beaten.get(agent, float("-inf")) + SHORTEST:
            self._beaten[agent] = now
            return True
        if now > self._counted_from + LASTING:
            self._counted_from = now
            self._excess.clear()
        self._excess[agent] += 1
        if self._excess[agent] > _FLOOD:
            self._flooded = now
        return False

    def is_flooded(self, now: float) -> bool:
        """Return True if heartbeats of some agents may have been lost among those of another one."""
        return now < self._flooded + LASTING

    @property
    def flooding(self) -> tuple[str, ...]:
        """The agents that send too many heartbeats."""
        return tuple(sorted(agent for agent, count in self._excess.items() if count > _FLOOD))

    def expect(self, agent: str, batches: int) -> None:
        """Note that an agent may answer so many batches more."""
        self._batches[agent] += batches

    def takes_results(self, agent: str | None) -> bool:
        """Return True if a message with results is to be read."""
        if not self._is_known(agent):
            return False
        self._results[agent] += 1
        return self._results[agent] <= self.most_results(agent)

    def _is_known(self, agent: str | None) -> TypeGuard[str]:
        return agent is not None and (self._agents is None or agent in self._agents)

    def most_results(self, agent: str) -> int:
        """Return the number of messages with results that an agent may send."""
        return _BASE + self._batches[agent] * (MOST_TARGETS + 1) * _DELIVERIES
