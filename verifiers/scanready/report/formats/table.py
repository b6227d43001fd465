"""Draw a table of all targets, then the failures grouped by cause, each with one remedy. Used by ``verify``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from scanready.model import GOOD, Report, Target, Verdict
from scanready.report.diff import Differences
from scanready.report.diff_formats import summary
from scanready.report.document import Places, RunInfo, Totals
from scanready.report.groups import ByCause, Group, Member, ToDo
from scanready.report.headline import assumptions, held_how, judged_by
from scanready.report.known import is_waived, note
from scanready.report.listed import MOST, listed
from scanready.report.look import Look
from scanready.report.paper import Paper, counted, counts, headed, owned, pairs, verdict_word
from scanready.run.target_name import LONGEST_NAME, visible_name
from scanready.wire.printable import visible

if TYPE_CHECKING:
    from rich.table import Table as RichTable

# Below this many columns the step that was reached is left out, so that an address and a cause fit on one line.
# The cause names nearly the same.
_NARROW = 90
# The most rows that a person reads one by one.
_LARGE = 200
# The most details and fixes of one cause that a large run shows; a fix often has the address of its target.
_MOST_ALIKE = 10
# A list is cut by count: no name is cut.
_LONGEST_LIST = MOST * LONGEST_NAME
_NOT_FINE = (Verdict.BLOCKED, Verdict.UNDECIDED, Verdict.LIMITED)


@dataclass(slots=True)
class _Row:
    """The fields of a report that the table keeps. Without its checks, ten thousand reports need little memory."""

    target: Target
    verdict: Verdict
    reached: str
    code: str
    note: str
    waived: bool


class Table:
    """Write everything at the end: the widths of the columns depend on all rows."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._rows: dict[int, _Row] = {}
        self._causes = ByCause()
        self._todo = ToDo()

    def begin(self, run: RunInfo) -> str:
        """Remember the inventory's order."""
        self._places = Places(run)
        self._assumed, self._judged = assumptions(run.assumed), judged_by(run.agent)
        self._since = run.background.since
        self._differences = Differences(self._since.glimpses) if self._since else None
        return ""

    def add(self, report: Report) -> str:
        """Keep the fields that the table needs."""
        place = self._places.of(report.target)
        code = ", ".join(filter(None, (report.cause.code if report.cause else "", held_how(report))))
        self._rows[place] = _Row(
            report.target, report.verdict, report.reached or "", code, note(report), is_waived(report)
        )
        self._causes.add(report, place)
        self._todo.add(report, place)
        if self._differences:
            self._differences.add(report)
        return ""

    def end(self, totals: Totals) -> str:
        """Return everything."""
        paper = Paper(self._look)
        if self._assumed:
            paper.draw(Text(f"{self._assumed}\n", "bold"))
        rows, left = self._shown()
        if rows:
            paper.draw(self._table(rows))
        if left:
            paper.draw(Text(left, "dim"))
        groups = self._causes.groups()
        for group in groups:
            paper.draw(Text(""))
            self._draw_group(group, paper)
        if todo := self._todo.words():
            paper.draw(Text(f"\nto do, by owner (a target counts for each owner who can fix it): {todo}"))
        known = [row for _, row in sorted(self._rows.items()) if row.note]
        if known:
            paper.draw(Text("\nknown failures", "bold"))
            paper.draw(pairs((visible_name(row.target), row.note) for row in known), indent=2)
        text = f"{counts(totals)}{self._judged}"
        paper.draw(Text(f"\n{text}" if rows or groups or known else text, "bold"))
        if self._since and self._differences:
            found = self._differences.end(whole=self._since.whole and not totals.interrupted)
            paper.draw(Text(f"since {visible(self._since.name)}: {summary(found)}", "bold"))
        return paper.text()

    def _shown(self) -> tuple[list[_Row], str]:
        """Return the rows to list, and one line about the others.

        A large run lists only the targets with a problem, and at most ``_LARGE`` of them: the groups have the rest.
        """
        rows = [self._rows[place] for place in sorted(self._rows)]
        if self._look.verbosity < 0:
            return [row for row in rows if row.verdict not in GOOD and not row.waived], ""
        if len(rows) <= _LARGE or self._look.verbosity > 0:
            return rows, ""
        bad = [row for row in rows if row.verdict in _NOT_FINE and not row.waived]
        lines = [f"{counted(len(rows) - len(bad), 'target')} without a problem"] if len(bad) < len(rows) else []
        lines += [f"{len(bad) - _LARGE} more below, by cause"] if len(bad) > _LARGE else []
        return bad[:_LARGE], f"not listed: {', '.join(lines)} (-v lists every target)"

    def _table(self, rows: list[_Row]) -> RichTable:
        narrow = self._look.width < _NARROW
        table = headed()
        table.add_column("target", overflow="fold", min_width=8)
        table.add_column("verdict", no_wrap=True)
        if not narrow:
            table.add_column("last passed", no_wrap=True)
        table.add_column("cause", no_wrap=True, overflow="fold")
        for row in rows:
            cells = [
                Text(visible_name(row.target)),
                Text.assemble(verdict_word(row.verdict), " (known)" if row.waived else ""),
                Text(row.reached),
                Text(row.code),
            ]
            if narrow:
                del cells[2]
            table.add_row(*cells)
        return table

    def _draw_group(self, group: Group, paper: Paper) -> None:
        count = counted(len(group.members), "target")
        paper.draw(Text.assemble(verdict_word(group.verdict), "  ", owned(group.cause, group.owner), f"  {count}"))
        words = [("meaning", group.meaning), ("remedy", group.remedy)]
        words += [("alternative", f"({owner}) {remedy}") for owner, remedy in group.others]
        if self._look.verbosity > 0:
            words.append(("confirm", group.confirm))
        paper.draw(pairs(words), indent=2)
        alike, left = group.alike, 0
        if len(self._rows) > _LARGE and self._look.verbosity <= 0:
            left = sum(map(len, alike[_MOST_ALIKE:]))
            alike = alike[:_MOST_ALIKE]
        for members in alike:
            where = listed(member.where for member in members)
            paper.draw(Text.assemble((visible(where, _LONGEST_LIST), "bold"), overflow="fold"), indent=2)
            paper.draw(Text.assemble(("detail ", "dim"), visible(members[0].detail), overflow="fold"), indent=4)
            _draw_member(members[0], paper)
        if left:
            rest = f"and {counted(left, 'more target')} with details or fixes of their own: -v shows them"
            paper.draw(Text(f"{rest}, `scanready report RUN --split owner=DIR` writes them", "dim"), indent=2)


def _draw_member(member: Member, paper: Paper) -> None:
    """Draw the fixes of each owner for a target, and the target's other causes."""
    for owner, fix in ((None, member.fix), *member.others):
        if fix:
            paper.draw(Text(f"alternative fix ({owner})" if owner else "fix", "dim"), indent=4)
            paper.paste(fix, indent=6)
    for second in member.besides:
        words = f"{second.code} ({second.owner}): {visible(second.detail)}"
        paper.draw(Text.assemble(("also found ", "dim"), words, overflow="fold"), indent=4)
        if second.fix:
            paper.paste(second.fix, indent=6)
