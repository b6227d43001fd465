"""Ask all questions of a role concurrently, and derive one verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from scanready.model import Check, Outcome, Step, Verdict, judge
from scanready.remedies.fixes import addressed
from scanready.run import timestamps

from . import (
    attack_tools,
    client_programs,
    clock,
    libraries,
    machine,
    master_server,
    ports,
    proxy_settings,
    resolvers,
    subnets,
    vantage_point,
)
from .question import Answer
from .request import Asked

Question = Callable[[Asked], Awaitable[list[Answer]]]

#: The questions for each role, in the order of the report.
QUESTIONS: dict[str, tuple[Question, ...]] = {
    "proxy": (
        *(
            machine.look,
            client_programs.look,
            libraries.look,
            libraries.look_at_tls,
            attack_tools.look,
        ),
        ports.look_below_1024,
        ports.look_at_range,
        ports.look_at_descriptors,
        vantage_point.look,
        subnets.look,
        resolvers.look,
        proxy_settings.look,
        clock.look,
        master_server.way_there,
    ),
    "node": (machine.look, vantage_point.look, subnets.look, resolvers.look, clock.look, master_server.way_there),
    "master": (
        machine.look,
        vantage_point.look,
        subnets.look,
        resolvers.look,
        clock.look,
        master_server.listening,
        master_server.way_to_updates,
    ),
}


@dataclass(frozen=True, slots=True)
class Fitness:
    """Hold the result of an examination. ``decisive`` is the answer that decided a verdict other than ready."""

    asked: Asked
    answers: tuple[Answer, ...]
    verdict: Verdict
    decisive: Check | None
    started: str
    seconds: float

    @property
    def findings(self) -> list[Answer]:
        """Return all answers that have a finding, the decisive one first."""
        found = [answer for answer in self.answers if answer.finding]
        grave = (Outcome.FAILED, Outcome.WARNED)
        return sorted(found, key=lambda answer: (answer is not self.decisive, grave.index(answer.outcome)))


async def examine(asked: Asked) -> Fitness:
    """Run all checks of this host that the role needs, concurrently: the slowest check sets the time."""
    loop = asyncio.get_running_loop()
    started = timestamps.now()
    begun = loop.time()
    told = await asyncio.gather(*(question(asked) for question in QUESTIONS[asked.role]))
    answers = tuple(answer for group in told for answer in group)
    for answer in answers:
        if (found := answer.finding) and found.fix:
            fix = addressed(found.fix, answer.about.host if answer.about else "", asked.agent.name)
            answer.finding = replace(found, fix=fix)
    verdict, decisive = judge(answers, Step.AGENT)
    return Fitness(asked, answers, verdict, decisive, started, loop.time() - begun)
