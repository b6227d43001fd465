"""Write one self-contained HTML file: it needs no network, runs only its own script, and contains all results as JSON.

The page is written from top to bottom as the results arrive: the head, the run as the document of ``--format json``
with packed results, the parts drawn here (picture, hand-over by owner), and the script. The script draws the other
parts in the browser from the JSON, as text. The content security policy allows only this style and this script, by
their hashes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scanready.model import LADDER, Owner, Report, Verdict
from scanready.report import rule_forms
from scanready.report.diff import Differences
from scanready.report.document import RunInfo, Totals
from scanready.report.earlier import Moment
from scanready.report.groups import INTRODUCTIONS, OWNERS, Group, Groups, firewall
from scanready.report.headline import summed
from scanready.report.look import Look
from scanready.report.paper import GRAVITY, SENTENCES
from scanready.report.serialize import as_line

from .json import begin, end
from .markup import inert, joined, policy, template, told
from .packing import Packer
from .since import changes, trend

_STYLES = ("style.css", "print.css")
_SCRIPTS = ("dom.js", "data.js", "detail.js", "filters.js", "app.js")
#: The most entries of each list in the hand-over; the table of targets has all of them.
_LIMITS = {"targets": 24, "fixes": 200, "open_fixes": 6, "rules": 500}
#: Targets listed under all causes together, and the same for fixes, if there are many causes.
_IN_ALL = 2000
#: Causes in the printed summary: with the headline and the types they fill two pages of A4.
_PRINTED = 20
#: From the best to the worst, the order in the pictures.
ORDER = tuple(reversed(GRAVITY))


class Html:
    """Write the data as it arrives; keep counts and the failures by cause."""

    def __init__(self, look: Look) -> None:
        self._by_type: dict[str, Counter[Verdict]] = {}
        self._hosts: set[str] = set()
        self._cost: Counter[str] = Counter()
        self._separator = "\n"

    def begin(self, run: RunInfo) -> str:
        """Return the head of the page and the beginning of its data."""
        self._run, self._groups = run, Groups(run)
        since = run.background.since
        self._differences = Differences(since.glimpses) if since else None
        head: str = template("head.html").render(run=run, policy=policy(_STYLES, _SCRIPTS), style=joined(_STYLES))
        self._packer = Packer(run.agent.addresses)
        return head + inert(begin(run, "rows"))

    def add(self, report: Report) -> str:
        """Return the data of the result."""
        self._groups.add(report)
        if self._differences:
            self._differences.add(report)
        self._by_type.setdefault(report.target.type, Counter())[report.verdict] += 1
        self._hosts.add(report.target.host)
        cost = report.footprint
        self._cost.update({"connections": cost.connections, "logins": cost.login_attempts, "probes": cost.probe_logins})
        row = self._packer.row(as_line(report), told(report), report.target.host)
        row, self._separator = self._separator + row, ",\n"
        return inert(row)

    def _changes(self, totals: Totals) -> dict[str, Any] | None:
        earlier = self._run.background.since
        if earlier is None or self._differences is None:
            return None
        found = self._differences.end(whole=earlier.whole and not totals.interrupted)
        return changes(found, earlier, self._run.agent.name)

    def end(self, totals: Totals) -> str:
        """Return the end of the data, the parts of the page drawn here, and the script."""
        headline, title, share = self._groups.headline(totals), self._groups.title(totals), self._groups.share
        by_owner = self._groups.by_owner()
        owners = [(owner, OWNERS[owner], of, firewall(of), _targets(of)) for owner, of in by_owner.items()]
        page: str = template("body.html").render(
            run=self._run,
            totals=totals,
            changes=self._changes(totals),
            trend=trend([*self._run.background.trend, Moment(self._run.started, totals.verdicts)]),
            headline=headline,
            title=title,
            share=share,
            hosts=len(self._hosts),
            cost=self._cost,
            order=ORDER,
            sentences=SENTENCES,
            summary=_printed(by_owner),
            arcs=_arcs(totals),
            bars=_bars(self._by_type),
            owners=owners,
            introductions=INTRODUCTIONS,
            known=self._groups.known(),
            forms=_forms,
            limits=_limits(sum(map(len, by_owner.values()))),
            steps=[step.value for step in LADDER],
            ladder=json.dumps([step.value for step in LADDER]),
            script=joined(_SCRIPTS),
        )
        return inert(end(totals)) + page


def _limits(groups: int) -> dict[str, int]:
    """Return the limits for one cause on a page with this many causes, so that the page stays small."""
    of_each = max(4, _IN_ALL // max(1, groups))
    return _LIMITS | {name: min(_LIMITS[name], of_each) for name in ("targets", "fixes", "open_fixes")}


def _targets(groups: Iterable[Group]) -> int:
    """Return how many targets are in the groups; a target in several groups counts once."""
    return len({member.place for group in groups for member in group.members})


def _printed(by_owner: Mapping[Owner, Sequence[Group]]) -> dict[str, Any]:
    """Return the printed hand-over: causes with their owner, the gravest first, and the number of causes left out."""
    causes = [(owner, group) for owner, groups in by_owner.items() for group in groups]
    causes.sort(key=lambda pair: (pair[1].gravity, -len(pair[1].members)))
    return {"causes": causes[:_PRINTED], "left": len(causes[_PRINTED:])}


def _forms(rules: Any) -> list[tuple[str, str]]:
    """Return the rules in each form that is pasted, with the name of the form."""
    return [(form.title, form.write(rules, Look())) for form in rule_forms.FORMS.values() if form.title]


def _arcs(totals: Totals) -> list[tuple[Verdict, float, float]]:
    """Return the arcs of the headline's ring: verdict, length and beginning, in hundredths of the circle."""
    arcs, begun = [], 0.0
    for verdict in ORDER:
        if count := totals.verdicts[verdict]:
            length = 100 * count / max(1, totals.targets)
            arcs.append((verdict, length, begun))
            begun += length
    return arcs


def _bars(by_type: dict[str, Counter[Verdict]]) -> list[dict[str, Any]]:
    """Return one bar for each type, the largest first, with its parts in hundredths of its width."""
    bars = []
    for name, found in sorted(by_type.items(), key=lambda pair: (-pair[1].total(), pair[0])):
        parts, begun = [], 0.0
        for verdict in ORDER:
            if count := found[verdict]:
                width = 100 * count / found.total()
                parts.append((verdict, count, begun, width))
                begun += width
        bars.append({"type": name, "total": found.total(), "words": summed(found), "parts": parts})
    return bars
