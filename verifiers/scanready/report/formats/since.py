"""The parts of the page that look back: what changed since an earlier run, and the trend over the last runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scanready.model import GOOD, Verdict
from scanready.report.background import Earlier, Moment
from scanready.report.diff import Change, Comparison
from scanready.report.diff_formats import TITLES, summary
from scanready.report.glimpse import Glimpse
from scanready.report.headline import summed
from scanready.report.paper import GRAVITY
from scanready.run.target_name import visible_name

#: Targets that are listed of each kind of change; the rest is counted.
_LISTED = 24
#: The kinds that are open when the page is opened, and that are printed.
_OPEN = ("failures", "worse", "fixed")


@dataclass(frozen=True, slots=True)
class Changed:
    """One target that changed: its name, its verdict and cause before (empty if the same) and after, and the detail."""

    where: str
    before: str
    verdict: Verdict
    after: str
    detail: str


def changes(found: Comparison, earlier: Earlier, agent: str) -> dict[str, Any]:
    """Return what the page says of the changes since an earlier run. ``agent`` is the name of this run's."""
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
    """Return the picture of the last runs, the oldest first: a column each, its parts in hundredths of its height.

    None if there is only one run: that is no trend.
    """
    if len(moments) < 2:
        return None
    columns = [_column(moment) for moment in moments]
    told = [f"{_day(moment)}: {summed(moment.verdicts, named=True) or 'no result'}" for moment in moments]
    first, last = (f"{_good(moment)} of {sum(moment.verdicts.values())}" for moment in (moments[0], moments[-1]))
    between = f"{_day(moments[0])} to {_day(moments[-1])}"
    words = f"Without a failure: {first}, now {last}."
    return {"columns": columns, "text": "; ".join(told), "words": words, "between": between}


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
