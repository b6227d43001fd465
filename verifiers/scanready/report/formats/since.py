"""Describe the changes since an earlier run and the trend of the last runs, for the HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scanready.model import GOOD, Verdict
from scanready.report.diff import Change, Comparison
from scanready.report.diff_formats import TITLES, summary
from scanready.report.earlier import Earlier, Moment
from scanready.report.glimpse import Glimpse
from scanready.report.headline import summed
from scanready.report.paper import GRAVITY
from scanready.run.target_name import visible_name

#: Targets listed for each kind of change; the others are counted.
_LISTED = 24
#: The kinds of changes that are unfolded when the page is opened, and that are printed.
_OPEN = ("failures", "worse", "fixed")


@dataclass(frozen=True, slots=True)
class Changed:
    """One changed target: its name, its verdict and cause before (empty if unchanged) and after, and the detail."""

    where: str
    before: str
    verdict: Verdict
    after: str
    detail: str


def changes(found: Comparison, earlier: Earlier, agent: str) -> dict[str, Any]:
    """Return the changes since an earlier run, for the template. ``agent`` is the name of this run's agent."""
    kinds = []
    for kind, title in TITLES.items():
        entries = getattr(found, kind)
        if entries:
            listed = [_changed(entry) for entry in entries[:_LISTED]]
            left = len(entries) - len(listed)
            kinds.append({"title": title, "count": len(entries), "open": kind in _OPEN, "listed": listed, "left": left})
    other = earlier.agent if earlier.agent != agent else ""
    return {"name": earlier.name, "started": earlier.started, "agent": other, "words": summary(found), "kinds": kinds}


def _changed(entry: Change | Glimpse) -> Changed:
    after = entry.after if isinstance(entry, Change) else entry
    before = _words(entry.before) if isinstance(entry, Change) else ""
    detail = after.detail if after.verdict not in (Verdict.READY, Verdict.SCANNABLE) else ""
    words = after.code or ""
    if isinstance(entry, Change) and before == _words(after):
        before = ""
        if entry.facts:
            detail = ", ".join(f"{name}: {was or 'nothing'} → {now or 'nothing'}" for name, was, now in entry.facts[:4])
    return Changed(visible_name(after.target), before, after.verdict, words, detail)


def _words(glimpse: Glimpse) -> str:
    return f"{glimpse.verdict} {glimpse.code}" if glimpse.code else glimpse.verdict.value


def trend(moments: Sequence[Moment]) -> dict[str, Any] | None:
    """Return one column for each of the last runs, the oldest first, with its parts in hundredths of its height.

    Returns None for a single run.
    """
    if len(moments) < 2:
        return None
    columns = [_column(moment) for moment in moments]
    texts = [f"{_day(moment)}: {summed(moment.verdicts, named=True) or 'no result'}" for moment in moments]
    first, last = (f"{_good(moment)} of {sum(moment.verdicts.values())}" for moment in (moments[0], moments[-1]))
    between = f"{_day(moments[0])} to {_day(moments[-1])}"
    words = f"Targets that a scan can read: {first} in the first run, {last} in the last."
    return {"columns": columns, "text": "; ".join(texts), "words": words, "between": between}


def _good(moment: Moment) -> int:
    return sum(moment.verdicts.get(verdict, 0) for verdict in GOOD)


def _day(moment: Moment) -> str:
    return moment.started[:16].replace("T", " ")


def _column(moment: Moment) -> dict[str, Any]:
    of, parts, begun = max(1, sum(moment.verdicts.values())), [], 0.0
    for verdict in GRAVITY:
        if count := moment.verdicts.get(verdict, 0):
            height = 100 * count / of
            parts.append((verdict, count, begun, height))
            begun += height
    return {"day": _day(moment), "parts": parts}
