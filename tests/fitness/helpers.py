"""Ask about this host, and assert one answer: outcome, cause, owner."""

from __future__ import annotations

import asyncio
from typing import Any

from scanready.fitness import Asked, Fitness, examine
from scanready.fitness.question import Answer
from scanready.model import Outcome, Owner, Target
from scanready.net.this_agent import this_agent
from scanready.run.settings import Settings
from tests.ladder import PLENTY
from tests.vocabulary import of_agent, wrong_with


def asked(*targets: Target, **more: Any) -> Asked:
    """A question about this host, with little patience."""
    return Asked(this_agent(), targets=targets, settings=Settings(timeout=PLENTY), **more)


def ask(question: Any, about: Asked) -> list[Answer]:
    """The answers of one module."""
    found: list[Answer] = asyncio.run(question(about))
    assert not wrong_with(found, of_agent())
    return found


def examined(about: Asked) -> Fitness:
    """The whole examination."""
    found = asyncio.run(examine(about))
    assert not wrong_with(found.answers, of_agent())
    return found


def expect(answer: Answer, outcome: Outcome, code: str | None = None, owner: Owner | None = None) -> Answer:
    """Assert what one answer says."""
    told = f"{answer.endpoint}: {answer.outcome}, {answer.summary}"
    found = answer.finding.cause if answer.finding else None
    assert (answer.outcome, found.code if found else None) == (outcome, code), told
    assert (found.owner if found else None) is owner, told
    assert answer.summary, "every answer says something"
    return answer
