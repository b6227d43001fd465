"""Divide an estate among its agents: which batches, in which order, and which place each result has. No I/O.

The division of the same targets and agents is always the same, so a coordinator that is started again sends the same
batches, and an agent that has carried one out only sends its results again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scanready.model import DeclaredAgent, Step, Target, assigned
from scanready.report.serialize import identity

from .messages import MOST_SECONDS, MOST_TARGETS, Batch


@dataclass(frozen=True, slots=True)
class Estate:
    """The targets of a run and its agents.

    Attributes:
        targets: in the order of the inventory.
        agents: in the order of the inventory.
        depth: the last step that is asked. Targets with a credential are asked up to ``auth`` at most.
        timeout: seconds for each target.
    """

    targets: Sequence[Target]
    agents: Sequence[DeclaredAgent]
    depth: Step
    timeout: float
    _index: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._index.update({agent.name: number for number, agent in enumerate(self.agents)})

    def place(self, target: int, agent: str) -> int:
        """Return the place of the result of an agent for the target with this number."""
        return target * len(self.agents) + self._index[agent]

    def at(self, place: int) -> tuple[Target, str] | None:
        """Return target and agent of a place; None if there is none, or if the agent does not check that target."""
        number, agent = divmod(place, len(self.agents))
        if number >= len(self.targets):
            return None
        target, name = self.targets[number], self.agents[agent].name
        return (target, name) if name in assigned(target, self.agents) else None

    def digest(self) -> str:
        """Return a short key of all places: of the targets and their agents, in their order."""
        told = hashlib.blake2b(digest_size=12)
        for place, target, name in self.places():
            told.update(f"{place} {identity(target)} {name}\n".encode())
        return told.hexdigest()

    def places(self) -> Iterator[tuple[int, Target, str]]:
        """Yield each place with its target and agent."""
        for number, target in enumerate(self.targets):
            for name in assigned(target, self.agents):
                yield self.place(number, name), target, name

    def batches(self, run: str, without: frozenset[int] = frozenset()) -> Iterator[Batch]:
        """Yield the batches of all agents in turn, so that each has work from the beginning.

        Args:
            without: places whose target cannot travel.
        """
        waiting = [self._of(run, agent.name, without) for agent in self.agents]
        while waiting:
            for batches in list(waiting):
                batch = next(batches, None)
                if batch is None:
                    waiting.remove(batches)
                else:
                    yield batch

    def _of(self, run: str, agent: str, without: frozenset[int]) -> Iterator[Batch]:
        own = [(place, target) for place, target, name in self.places() if name == agent and place not in without]
        # The engine of an agent changes its settings only when it is idle: those of one depth follow each other.
        groups = (
            (self.depth, [one for one in own if one[1].credential is None]),
            (min(self.depth, Step.AUTH, key=lambda step: step.height), [one for one in own if one[1].credential]),
        )
        count = 0
        for depth, members in groups:
            for start in range(0, len(members), MOST_TARGETS):
                chosen = tuple(members[start : start + MOST_TARGETS])
                yield Batch(run, f"{agent}-{count}", agent, depth, self.timeout, MOST_SECONDS, chosen)
                count += 1
