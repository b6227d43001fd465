"""Draw an estate view for a terminal: target by agent, then the causes, then the counts of each agent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from scanready.model import GOOD, Standing, Verdict
from scanready.report.groups import Group
from scanready.report.known import note
from scanready.report.listed import MOST, listed
from scanready.report.look import Look
from scanready.report.paper import GRAVITY, Paper, counted, headed, owned, pairs, verdict_word
from scanready.run.target_name import LONGEST_NAME
from scanready.wire.printable import visible

from .causes import EstateCauses
from .view import EstateInfo, EstateTotals, Row
from .words import LONGEST_AGENT, absence, agent_names, by_verdict, headline, own_word, proven, reason, remarks

if TYPE_CHECKING:
    from rich.table import Table

# As in the table of one agent.
_LARGE = 200
_MOST_ALIKE = 10
_LONGEST_LIST = MOST * LONGEST_NAME
_NOT_FINE = (Verdict.BLOCKED, Verdict.UNDECIDED, Verdict.LIMITED)
#: Columns that target, verdict and cause need beside the agents.
_BESIDE_AGENTS = 70
#: Characters of an agent's name that stay on one line beside its counts, at 80 columns.
_WHOLE_NAME = 16
_WORDS = {verdict.value: verdict for verdict in Verdict}


@dataclass(slots=True)
class _Line:
    """The fields of a row that the table keeps: those of its reports are not among them."""

    name: str
    verdict: Verdict
    agents: tuple[str, ...]
    reason: str
    waived: bool


class EstateTable:
    """Write everything at the end: the widths of the columns depend on all rows."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._lines: list[_Line] = []
        self._causes = EstateCauses()
        self._known: list[tuple[str, str]] = []
        self._fine = self._not_fine = 0
        self._cells: dict[tuple[str, ...], tuple[str, ...]] = {}

    def begin(self, info: EstateInfo) -> str:
        """Decide whether each agent has a column."""
        self._info = info
        self._names = [column.name for column in info.columns]
        wide = sum(max(len(visible(name, LONGEST_AGENT)), len("scannable")) + 2 for name in self._names)
        self._has_columns = wide + _BESIDE_AGENTS <= self._look.width
        self._large = info.targets > _LARGE
        return ""

    def add(self, row: Row) -> str:
        """Keep the fields that the table needs."""
        self._causes.add(row)
        waived = row.standing is Standing.WAIVED
        bad = row.verdict.verdict in _NOT_FINE and not waived
        self._not_fine += bad
        self._fine += not bad
        for agent, report in row.reports.items():
            if words := note(report):
                self._known.append((visible(row.name, LONGEST_NAME), f"{visible(agent, LONGEST_AGENT)}: {words}"))
        if self._is_listed(row, bad=bad):
            cells = tuple(own_word(row, name) for name in self._names) if self._has_columns else (by_verdict(row),)
            cells = self._cells.setdefault(cells, cells)
            self._lines.append(_Line(row.name, row.verdict.verdict, cells, reason(row), waived))
        return ""

    def _is_listed(self, row: Row, *, bad: bool) -> bool:
        if self._look.verbosity < 0:
            return row.verdict.verdict not in GOOD and bad
        if not self._large or self._look.verbosity > 0:
            return True
        return bad and self._not_fine <= _LARGE

    def end(self, totals: EstateTotals) -> str:
        """Return everything."""
        paper = Paper(self._look)
        if self._lines:
            paper.draw(self._table())
        if left := self._left():
            paper.draw(Text(left, "dim"))
        for group in self._causes.groups():
            paper.draw(Text(""))
            self._draw_group(group, paper)
        if todo := self._causes.to_do():
            paper.draw(Text(f"\nto do, by owner (a target counts for each owner who can fix it): {todo}"))
        if self._known:
            paper.draw(Text("\nknown failures, by agent", "bold"))
            paper.draw(pairs(self._known), indent=2)
        paper.draw(Text("\nagents, each with the verdicts of its own results", "bold"))
        paper.draw(self._agents(totals))
        for remark in remarks(self._info):
            paper.draw(Text(f"note: {remark}", overflow="fold"))
        paper.draw(Text(f"\n{proven(self._info, totals)}", "bold"))
        paper.draw(Text(headline(totals), "bold"))
        return paper.text()

    def _left(self) -> str:
        if not self._large or self._look.verbosity != 0:
            return ""
        lines = [f"{counted(self._fine, 'target')} without a problem"] if self._fine else []
        lines += [f"{self._not_fine - _LARGE} more below, by cause"] if self._not_fine > _LARGE else []
        return f"not listed: {', '.join(lines)} (-v lists every target)" if lines else ""

    def _table(self) -> Table:
        table = headed()
        table.add_column("target", overflow="fold", min_width=8)
        table.add_column("verdict", no_wrap=True)
        if self._has_columns:
            for name in self._names:
                table.add_column(Text(visible(name, LONGEST_AGENT)), no_wrap=True)
        else:
            table.add_column("its agents", overflow="fold", min_width=12)
        table.add_column("cause or agents", overflow="fold", min_width=16)
        for line in self._lines:
            agents = [verdict_word(_WORDS[word]) if word in _WORDS else Text(word, "dim") for word in line.agents]
            table.add_row(
                Text(visible(line.name, LONGEST_NAME)),
                Text.assemble(verdict_word(line.verdict), " (known)" if line.waived else ""),
                *agents,
                Text(line.reason),
            )
        return table

    def _draw_group(self, group: Group, paper: Paper) -> None:
        count = counted(len(group.members), "target")
        paper.draw(Text.assemble(verdict_word(group.verdict), "  ", owned(group.cause, group.owner), f"  {count}"))
        words = [("meaning", group.meaning), ("remedy", group.remedy)]
        words += [("alternative", f"({owner}) {remedy}") for owner, remedy in group.others]
        if self._look.verbosity > 0:
            words.append(("confirm", group.confirm))
        alike, left = group.alike, 0
        if len(alike) > 1:
            words.append(("met by", agent_names(sorted({name for members in alike for name in members[0].agents}))))
        paper.draw(pairs(words), indent=2)
        if self._large and self._look.verbosity <= 0:
            left = sum(map(len, alike[_MOST_ALIKE:]))
            alike = alike[:_MOST_ALIKE]
        for members in alike:
            first, where = members[0], listed(member.where for member in members)
            paper.draw(Text.assemble((visible(where, _LONGEST_LIST), "bold"), overflow="fold"), indent=2)
            lines = [("met by", agent_names(first.agents)), ("detail", first.detail)]
            lines += [("also found", f"{one.code} ({one.owner}): {one.detail}") for one in first.besides]
            paper.draw(pairs(lines), indent=4)
            for owner, fix in ((None, first.fix), *first.others):
                if fix:
                    paper.draw(Text(f"alternative fix ({owner})" if owner else "fix", "dim"), indent=4)
                    paper.paste(fix, indent=6)
        if left:
            rest = f"and {counted(left, 'more target')} with details, fixes or agents of their own: -v shows them"
            paper.draw(Text(f"{rest}, `scanready report RUN --split owner=DIR` writes them", "dim"), indent=2)

    def _agents(self, totals: EstateTotals) -> Table:
        table = headed()
        longest = max((len(visible(column.name, LONGEST_AGENT)) for column in self._info.columns), default=0)
        table.add_column("agent", overflow="fold", min_width=max(8, min(longest, _WHOLE_NAME)))
        for verdict in (*reversed(GRAVITY), "no result"):
            table.add_column(str(verdict), justify="right", no_wrap=True)
        table.add_column("", overflow="fold")
        for column in self._info.columns:
            found = totals.agents.get(column.name, Counter())
            numbers = [found[verdict] for verdict in reversed(GRAVITY)] + [totals.missing[column.name]]
            cells = [Text(visible(column.name, LONGEST_AGENT)), *(Text(str(number)) for number in numbers)]
            table.add_row(*cells, Text(f"absent: {absence(column)}" if column.absent else ""))
        return table
