"""A few words of a result, so that another run can be compared with it."""

from __future__ import annotations

from dataclasses import dataclass

from scanready.model import Target, Verdict

#: Tells a target from every other one of its run.
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What is kept of a report. ``facts`` maps a fact to a text that can be compared."""

    target: Target
    verdict: Verdict
    code: str | None
    owner: str | None
    step: str | None
    detail: str
    fix: str | None
    facts: dict[str, str]
    waived: bool = False
