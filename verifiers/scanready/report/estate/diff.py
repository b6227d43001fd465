"""Compare two estate views in time: the estate verdict of each target, and the results of each agent by themselves.

No number mixes agents. The earlier view is kept in a private temporary file, so that memory depends on the number of
changes, not on that of the results.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from scanready.model import Standing, Verdict
from scanready.report.diff import Comparison, glimpse_of, sort_in
from scanready.report.findings import decisive
from scanready.report.glimpse import AGENTS, BETWEEN, MISSING, Glimpse
from scanready.report.parse import target_restored
from scanready.report.serialize import identity, target_object

from .view import EstateView, Row

#: In place of an agent's name: the estate verdict.
_ESTATE = "\0"


@dataclass(slots=True)
class EstateComparison:
    """The changes between two estate views.

    Attributes:
        estate: the changes of estate verdicts, by target.
        agents: for each agent that both views have results of, the changes of its own results.
        gone: the agents that only the earlier view has results of, with their numbers of results.
        new: those that only the later one has results of.
    """

    estate: Comparison = field(default_factory=Comparison)
    agents: dict[str, Comparison] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)

    @property
    def regressions(self) -> int:
        """The number of targets whose estate verdict was good and now is not, or is worse: some agent could do it."""
        return self.estate.regressions


def compare_estates(
    before: EstateView, after: EstateView, takes: Callable[[str], bool] | None = None
) -> EstateComparison:
    """Compare two estate views. If ``takes`` is given, only the targets whose identities it accepts are compared."""
    found = EstateComparison()
    with _Kept() as kept:
        for row in before.rows():
            if takes is None or takes(identity(row.target)):
                kept.add(row)
        met: dict[str, int] = {}
        for row in after.rows():
            if takes is not None and not takes(identity(row.target)):
                continue
            _compare(kept, _ESTATE, estate_glimpse(row), identity(row.target), found.estate)
            for name, report in row.reports.items():
                met[name] = met.get(name, 0) + 1
                if name in kept.agents:
                    own = found.agents.setdefault(name, Comparison())
                    _compare(kept, name, glimpse_of(report), identity(row.target), own)
        found.new = {name: count for name, count in sorted(met.items()) if name not in kept.agents}
        found.gone = {name: count for name, count in sorted(kept.agents.items()) if name not in met}
        found.agents = dict(sorted(found.agents.items()))
        found.estate.removed = list(kept.left(_ESTATE))
        for name, own in found.agents.items():
            own.removed = list(kept.left(name))
    return found


def _compare(kept: _Kept, agent: str, after: Glimpse, key: str, found: Comparison) -> None:
    before = kept.take(agent, key)
    if before is None:
        found.added.append(after)
    else:
        sort_in(found, before, after)


def estate_glimpse(row: Row) -> Glimpse:
    """Return the summary of a target's estate verdict. Its facts are the agents that it rests on and that are missing.

    A change of these is a change of a fact: the verdict holds, but for another reason.
    """
    told, finding = row.verdict, row.verdict.finding
    facts = {AGENTS: BETWEEN.join(told.by), MISSING: BETWEEN.join(told.missing)}
    fix = None
    if finding is not None and (met := row.reports.get(told.met_by or "")):
        lead = decisive(met)
        fix = lead.fix if lead and lead.cause is finding.cause else finding.fix
    return Glimpse(
        row.target,
        told.verdict,
        finding.cause.code if finding else None,
        finding.owner.value if finding else None,
        told.step.value if told.step else None,
        f"{told.met_by}: {finding.detail}" if finding else "",
        fix,
        {name: value for name, value in facts.items() if value},
        row.standing is Standing.WAIVED,
    )


class _Kept:
    """The earlier view: for each target its estate verdict and the results of its agents, in a temporary file."""

    def __init__(self) -> None:
        self.agents: dict[str, int] = {}
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.execute(
            "CREATE TABLE kept (agent TEXT, key TEXT, state TEXT, PRIMARY KEY (agent, key)) WITHOUT ROWID"
        )
        self._file.execute("BEGIN")

    def __enter__(self) -> _Kept:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        """Keep a row."""
        key, target = identity(row.target), target_object(row.target)
        states = [(_ESTATE, key, _packed(estate_glimpse(row), target))]
        for name, report in row.reports.items():
            self.agents[name] = self.agents.get(name, 0) + 1
            states.append((name, key, _packed(glimpse_of(report), target)))
        self._file.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", states)

    def take(self, agent: str, key: str) -> Glimpse | None:
        """Return what is kept of a target, and forget it; None if there is nothing."""
        place = "FROM kept WHERE agent = ? AND key = ?"
        found = self._file.execute(f"SELECT state {place}", (agent, key)).fetchone()
        self._file.execute(f"DELETE {place}", (agent, key))
        return _unpacked(found[0]) if found else None

    def left(self, agent: str) -> Iterator[Glimpse]:
        """Yield what was not taken."""
        for (state,) in self._file.execute("SELECT state FROM kept WHERE agent = ? ORDER BY key", (agent,)):
            yield _unpacked(state)


def _packed(glimpse: Glimpse, target: dict[str, Any]) -> str:
    cause = glimpse.code, glimpse.owner, glimpse.step, glimpse.detail, glimpse.fix
    return json.dumps([target, glimpse.verdict.value, cause, glimpse.facts, glimpse.waived])


def _unpacked(text: str) -> Glimpse:
    target, verdict, (code, owner, step, detail, fix), facts, waived = json.loads(text)
    return Glimpse(target_restored(target), Verdict(verdict), code, owner, step, detail, fix, facts, waived)
