"""Read a known failure: its verdict, its cause, and the last day on which it is expected.

The date is required, because a note without one outlives its reason.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from scanready.catalogue.wrong import Complaints, Wrong, did_you_mean, shown
from scanready.model import Expectation, Verdict

#: The verdicts that can be expected.
_VERDICTS = (Verdict.BLOCKED, Verdict.LIMITED, Verdict.UNDECIDED)
_FORM = "{blocked: CODE, until: YYYY-MM-DD, reason: TEXT}"


def expectation(entry: Any, *, any_cause: bool = False) -> Expectation:
    """Read ``{blocked: CODE, until: DATE, reason: TEXT, agents: [NAME]}``, or with ``limited`` or ``undecided``.

    Args:
        any_cause: accept any code, since the causes of the type are unknown.

    Raises:
        Wrong: all problems of the entry.
    """
    if not isinstance(entry, Mapping):
        raise Wrong(f"`expect` must be a mapping, as in {_FORM}")
    complaints = Complaints()
    named = [verdict for verdict in _VERDICTS if verdict.value in entry]
    known = {*(verdict.value for verdict in _VERDICTS), "until", "reason", "agents"}
    for key in entry:
        if key not in known:
            complaints.messages.append(f"unknown key {shown(str(key))}{did_you_mean(str(key), known)} in {_FORM}")
    if len(named) != 1:
        complaints.messages.append("write one of `blocked`, `limited` and `undecided` with a cause's code")
    code = str(entry.get(named[0].value, "")) if named else ""
    if named and not any_cause:
        with complaints.collected():
            _check_code(code)
    until = datetime.date.max
    with complaints.collected():
        until = _date(entry.get("until"))
    agents: tuple[str, ...] = ()
    with complaints.collected():
        agents = _agents(entry.get("agents"))
    complaints.settle()
    return Expectation(named[0], code, until, str(entry.get("reason") or ""), agents)


def _check_code(code: str) -> None:
    from scanready.run.registry import all_causes

    causes = all_causes()
    if code not in causes:
        raise Wrong(f"there is no cause {shown(code)}{did_you_mean(code, causes)} (`scanready explain` lists all)")


def _date(value: Any) -> datetime.date:
    if isinstance(value, datetime.date):
        return value
    if value is None:
        raise Wrong(f"`until` is missing: write the last day on which it is expected, as in {_FORM}")
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        raise Wrong(f"`until` must be a date such as 2026-12-31, not {shown(str(value))}") from None


def _agents(value: Any) -> tuple[str, ...]:
    """Return the names of ``agents``; the key may be missing but not empty, since no agent would match."""
    if value is None:
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise Wrong("`agents` must be a list of agent names, such as [proxy-nyc, proxy-paris]")
    return tuple(names)
