"""Define the summary of a result that is kept to compare another run with it."""

from __future__ import annotations

from dataclasses import dataclass

from scanready.model import Target, Verdict

#: The facts of an estate verdict: each has the names of agents, joined by :data:`BETWEEN`.
AGENTS, MISSING = "agents", "agents without a result"
BETWEEN = ", "
#: Identifies a target within its run.
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """The summary of a report. ``facts`` maps the name of a fact to a text that can be compared."""

    target: Target
    verdict: Verdict
    code: str | None
    owner: str | None
    step: str | None
    detail: str
    fix: str | None
    facts: dict[str, str]
    waived: bool = False
