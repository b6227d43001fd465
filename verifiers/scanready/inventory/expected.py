"""Read a known failure: its verdict, its cause, and the last day on which it is expected.

The date is required, because a note without one outlives its reason.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from scanready.catalogue.wrong import Wrong, did_you_mean, shown
from scanready.model import Expectation, Verdict

#: The verdicts that can be expected.
_VERDICTS = (Verdict.BLOCKED, Verdict.LIMITED, Verdict.UNDECIDED)
_KEYS = (*(verdict.value for verdict in _VERDICTS), "until", "reason", "agents")
_FORM = "{blocked: CODE, until: YYYY-MM-DD, reason: TEXT}"
#: Python reads further forms of ISO 8601, such as a date by its week.
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One problem of an entry.

    Attributes:
        key: the key of the entry with the problem; empty if the problem is of the whole entry.
        of_value: the value of the key is wrong, not the key.
        item: the number of the wrong item, if the value is a list.
    """

    message: str
    key: str = ""
    of_value: bool = True
    item: int | None = None


@dataclass(slots=True)
class _Faults:
    found: list[Fault] = field(default_factory=list)

    @contextmanager
    def at(self, key: str, item: int | None = None) -> Iterator[None]:
        """Note a :class:`Wrong` as a problem of this value, and continue after the block."""
        try:
            yield
        except Wrong as wrong:
            self.found.extend(Fault(message, key, item=item) for message in wrong.messages)


def expectation(entry: Any, *, any_cause: bool = False) -> Expectation:
    """Read ``{blocked: CODE, until: DATE, reason: TEXT, agents: [NAME]}``, or with ``limited`` or ``undecided``.

    Args:
        any_cause: accept any code, since the causes of the type are unknown.

    Raises:
        Wrong: all problems of the entry.
    """
    found, faults = examined(entry, any_cause=any_cause)
    if found is None:
        raise Wrong(*(fault.message for fault in faults))
    return found


def examined(entry: Any, *, any_cause: bool = False) -> tuple[Expectation | None, list[Fault]]:
    """Read an entry as :func:`expectation` does; return None with all problems and their places if it has any."""
    if not isinstance(entry, Mapping):
        return None, [Fault(f"`expect` must be a mapping, as in {_FORM}")]
    faults = _Faults([_unknown(str(key)) for key in entry if key not in _KEYS])
    verdict, code = Verdict.BLOCKED, ""
    named = [one for one in _VERDICTS if one.value in entry]
    if len(named) != 1:
        place = named[1].value if named else ""
        message = "write one of `blocked`, `limited` and `undecided` with a cause's code"
        faults.found.append(Fault(message, place, of_value=False))
    for one in named[:1]:
        with faults.at(one.value):
            verdict, code = one, _code(one.value, entry[one.value], any_cause=any_cause)
    until, reason = datetime.date.max, ""
    with faults.at("until"):
        until = _date(entry.get("until"))
    with faults.at("reason"):
        reason = _reason(entry.get("reason"))
    agents = tuple(_agents(entry.get("agents"), faults))
    if faults.found:
        return None, faults.found
    return Expectation(verdict, code, until, reason, agents), []


def _unknown(key: str) -> Fault:
    return Fault(f"unknown key {shown(key)}{did_you_mean(key, _KEYS)} in {_FORM}", key, of_value=False)


def _code(verdict: str, value: Any, *, any_cause: bool) -> str:
    from scanready.run.registry import all_causes

    if not isinstance(value, str) or not value:
        raise Wrong(f"`{verdict}` must be the code of a cause, such as connect.filtered")
    causes = {} if any_cause else all_causes()
    if not any_cause and value not in causes:
        raise Wrong(f"there is no cause {shown(value)}{did_you_mean(value, causes)} (`scanready explain` lists all)")
    return value


def _date(value: Any) -> datetime.date:
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    if value is None:
        raise Wrong(f"`until` is missing: write the last day on which it is expected, as in {_FORM}")
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return datetime.date.fromisoformat(value)
    except ValueError as error:
        raise Wrong(f"`until`: there is no day {shown(value)} in the calendar") from error
    raise Wrong(f"`until` must be a day in the form YYYY-MM-DD, such as 2026-12-31, not {shown(str(value))}")


def _reason(value: Any) -> str:
    if isinstance(value, (Mapping, list, bool)):
        raise Wrong("`reason` must be text")
    return "" if value is None else str(value)


def _agents(value: Any, faults: _Faults) -> Iterator[str]:
    """Yield the names of ``agents``; the key may be missing but not empty, since no agent would match."""
    if value is None:
        return
    names = [value] if isinstance(value, str) else value
    message = "`agents` must be a list of agent names, such as [proxy-nyc, proxy-paris]"
    if not isinstance(names, list) or not names:
        faults.found.append(Fault(message, "agents"))
        return
    for place, name in enumerate(names):
        if isinstance(name, str) and name.strip():
            yield name
        else:
            faults.found.append(Fault(message, "agents", item=place if isinstance(value, list) else None))
