"""Hold every report of the test suite to the declared vocabulary of facts.

tests/conftest.py calls :func:`watch` once. From then on a report of a built-in type raises where a check states a fact
that its type does not declare, or one of another type than declared. Reports of other processes are not watched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scanready.catalogue.facts import Fact
from scanready.fitness import facts as fitness
from scanready.model import Check, Report
from scanready.run import conclusion, engine
from scanready.run.registry import catalogue

_conclude = conclusion.conclude


def wrong_with(checks: Iterable[Check], declared: Iterable[Fact]) -> list[str]:
    """Say what is wrong with the facts of checks: a line for each that is not declared, or not as declared."""
    known: dict[str, list[Fact]] = {}
    for fact in declared:
        known.setdefault(fact.name, []).append(fact)
    found = []
    for check in checks:
        for name, value in check.facts.items():
            if name not in known:
                found.append(f"{check.step} of {check.endpoint} states {name}={value!r}, which is not declared")
            elif not any(fact.accepts(value) for fact in known[name]):
                found.append(f"{check.step} of {check.endpoint}: {name}={value!r} is no {known[name][0].type}")
    return found


def of_agent() -> tuple[Fact, ...]:
    """The facts that ``scanready agent`` may state."""
    return (*fitness.FACTS, *(fact for part in catalogue().parts("facts") for fact in getattr(part, "AGENT_FACTS", ())))


def watch() -> None:
    """Check every report that this process makes."""
    setattr(engine, "conclude", _checked)  # noqa: B010  # the name that the engine imported


def _checked(*arguments: Any, **named: Any) -> Report:
    report = _conclude(*arguments, **named)
    row = catalogue().built_in.get(report.target.type)
    if row is not None and (wrong := wrong_with(report.checks, row.facts)):
        raise AssertionError(f"{report.target}: {'; '.join(wrong)}")
    return report
