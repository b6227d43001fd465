"""Write one line for a Nagios or Icinga check of an estate: its state is that of the worst estate verdict."""

from __future__ import annotations

from collections import Counter

from scanready.model import Standing, Verdict
from scanready.report.document import UNKNOWN
from scanready.report.formats.nagios import OK, STATES, state_of, worst
from scanready.report.look import Look

from .causes import lead_of
from .view import EstateInfo, EstateTotals, Row
from .words import agent_names, headline, own_verdicts, proven

_MOST_CAUSES = 5
_MOST_AGENTS = 8


class EstateNagios:
    """Write one line at the end; ``exit_code`` is then the plugin's."""

    def __init__(self, look: Look) -> None:
        self.exit_code = UNKNOWN
        self._states: set[int] = set()
        self._causes: Counter[str] = Counter()
        self._met_by: dict[str, set[str]] = {}

    def begin(self, info: EstateInfo) -> str:
        """Begin to count."""
        self._info = info
        return ""

    def add(self, row: Row) -> str:
        """Count one row."""
        self._states.add(state_of(row.verdict.verdict, row.standing, self._info.require))
        lead = lead_of(row)
        if lead is not None and row.standing is not Standing.WAIVED:
            words = f"{lead.told.cause.code} ({lead.told.owner})"
            self._causes[words] += 1
            self._met_by.setdefault(words, set()).update(lead.agents)
        return ""

    def end(self, totals: EstateTotals) -> str:
        """Return the line."""
        if totals.interrupted or not self._states:
            self._states.add(UNKNOWN)
        self.exit_code = worst(self._states)
        parts = [headline(totals), proven(self._info, totals)]
        if self._causes:
            parts.append(self._most_common())
        if self.exit_code != OK:
            parts += self._agents(totals)
        text = "; ".join(parts).replace("|", "/")
        return f"SCANREADY {STATES[self.exit_code]} - {text} | {_performance(totals)}\n"

    def _most_common(self) -> str:
        first = sorted(self._causes.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_CAUSES]
        text = ", ".join(f"{words} {count}x, met by {self._named(words)}" for words, count in first)
        return text + (", ..." if len(self._causes) > _MOST_CAUSES else "")

    def _named(self, words: str) -> str:
        return agent_names(sorted(self._met_by[words]), 3)

    def _agents(self, totals: EstateTotals) -> list[str]:
        """Return the verdicts of each agent's own results; an agent without any is named."""
        names = [column.name for column in self._info.columns]
        words = [f"{agent_names([name])}: {own_verdicts(totals.agents[name])}" for name in names[:_MOST_AGENTS]]
        return words + ([f"{len(names) - _MOST_AGENTS} more agents"] if len(names) > _MOST_AGENTS else [])


def _performance(totals: EstateTotals) -> str:
    """Return the performance data: the targets by estate verdict."""
    return " ".join(f"{verdict}={totals.verdicts[verdict]};;;0;{totals.targets}" for verdict in Verdict)
