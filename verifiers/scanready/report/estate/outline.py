"""Look through results before an estate view is read: who has them, and which of them refused a login.

Nearly all results have an ordinary form and no refused login. These are not restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scanready.model import Agent, Outcome, Report, Step
from scanready.report.parse import restored, target_restored
from scanready.report.plain_result import is_plain
from scanready.report.serialize import identity


@dataclass(frozen=True, slots=True)
class Outline:
    """Hold what the first reading needs of one result.

    Attributes:
        key: the identity of its target.
        named: the agents that the target names.
        agent: the agent that checked it.
        started: when that began, UTC, ISO 8601.
        report: the whole report; None if it has no refused login.
    """

    key: str
    named: tuple[str, ...]
    agent: Agent
    started: str
    report: Report | None

    @classmethod
    def of(cls, report: Report) -> Outline:
        """Return the outline of a report."""
        return cls(identity(report.target), report.target.agents, report.agent, report.started, report)


def outlines(results: Iterable[Any]) -> Iterator[Outline]:
    """Yield the outlines of results, as JSON types.

    Raises:
        NotAResult: one of them is no result.
    """
    known: dict[Any, tuple[Mapping[str, Any], Agent]] = {}
    for result in results:
        found = known.get(_name_of_agent(result))
        if found is not None and is_plain(result, found[0]) and not _has_refusal(result):
            target = target_restored(result["target"])
            yield Outline(identity(target), target.agents, found[1], result["started"], None)
        else:
            report = restored(result)
            known[report.agent.name] = result["agent"], report.agent
            yield Outline.of(report)


def _name_of_agent(result: Any) -> str | None:
    match result:
        case {"agent": {"name": str() as name}}:
            return name
    return None


def _has_refusal(result: Mapping[str, Any]) -> bool:
    """Return whether a login of an ordinary result failed."""
    return result["target"]["credential"] is not None and any(
        check["step"] == Step.LOGIN and check["outcome"] == Outcome.FAILED for check in result["checks"]
    )
