"""A host whose type was not given: as what can it be scanned? One line for each type that answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.text import Text

from scanready.causes import common, unproven
from scanready.model import GOOD, Report, Verdict
from scanready.run.any_type import answered
from scanready.wire.printable import visible

from .document import Look
from .headline import as_types
from .known import note
from .paper import Paper, columns, owned, verdict_word
from .summary import traits

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_UNHEARD = (common.SILENT, common.OUT_OF_TIME)
_SHARED = "types tried on one silent port share the time of one target; TYPE://HOST:PORT gives it all to one"


def draw(host: str, reports: list[Report], look: Look) -> str:
    """Return the answer, the types that answered, and the others by why they did not."""
    paper = Paper(look)
    good = [report for report in reports if report.verdict in GOOD]
    if good:
        paper.draw(Text.assemble((visible(host), "bold"), ": ", (as_types(good), "bold green"), overflow="fold"))
    else:
        paper.draw(Text.assemble((visible(host), "bold"), (" cannot be scanned", "bold red"), _as_nothing(reports)))
    if look.verbosity < 0:
        return paper.text()
    alike = _alike(report for report in reports if report not in good and answered(report))
    lines = good + [report for members in alike if len(members) == 1 for report in members]
    if lines:
        paper.draw(Text(""), _lines(lines, paper), indent=2)
    groups = [members for members in alike if len(members) > 1]
    groups += _absent(report for report in reports if report not in good and not answered(report))
    if groups:
        paper.draw(Text(""), _groups(groups), indent=2)
    if hint := _hint(groups if not good else [], [report for report in lines if report.finding]):
        paper.draw(Text(f"\n{hint}"))
    return paper.text()


def _as_nothing(reports: list[Report]) -> str:
    """What could not be decided is not the same as what cannot be."""
    tried = [report for report in reports if report.cause is not unproven.NOT_BUILT]
    open_ = ", ".join(report.target.type for report in tried if report.verdict is Verdict.UNDECIDED)
    tried_as = "the one type" if len(tried) == 1 else f"any of {len(tried)} types"
    return f" as {tried_as} tried" + (f"; undecided: {open_}" if open_ else "")


def _hint(groups: list[list[Report]], faulty: list[Report]) -> str:
    """Where to read on."""
    met = faulty + [members[0] for members in groups if answered(members[0])]
    if worth := [report for report in met if report.cause not in (common.OTHER_PROTOCOL, *_UNHEARD)]:
        return f"`scanready check {visible(str(worth[0].target))}` shows the ladder, and the fix if there is one"
    return _SHARED if any(report.cause in _UNHEARD and report.target.guessed for report in met) else ""


def _alike(reports: Iterable[Report]) -> list[list[Report]]:
    """Types that met the same end on the same port: a web server is not worth ten lines on what it is not."""
    groups: dict[tuple[str, int], list[Report]] = {}
    for report in reports:
        groups.setdefault((_code(report), report.target.port), []).append(report)
    return list(groups.values())


def _absent(reports: Iterable[Report]) -> list[list[Report]]:
    """Types nobody answered for, by cause: a closed port of twenty is not worth twenty lines."""
    groups: dict[str, list[Report]] = {}
    for report in reports:
        groups.setdefault(_code(report), []).append(report)
    return list(groups.values())


def _code(report: Report) -> str:
    return report.cause.code if report.cause else report.verdict.value


def _lines(reports: list[Report], paper: Paper) -> RichTable:
    grid = columns(None, None, None, None, 1)
    for report in reports:
        grid.add_row(
            paper.verdict_mark(report.verdict),
            Text(visible(report.target.type, 40)),
            Text(str(report.target.port or "-")),
            verdict_word(report.verdict),
            _story(report),
        )
    return grid


def _story(report: Report) -> Text:
    """The product, its login and encryption; then its known failure and its cause."""
    answer = "; ".join(filter(None, (*(traits(report) if report.verdict in GOOD else ()), note(report))))
    if report.finding is None:
        return Text(visible(answer), overflow="fold")
    cause = Text.assemble(
        owned(report.finding.cause, report.owner), f" {visible(report.finding.detail)}", overflow="fold"
    )
    return Text.assemble(visible(answer), "\n", cause, overflow="fold") if answer else cause


def _groups(groups: list[list[Report]]) -> RichTable:
    """One line a cause; what was met on one port says there what it was."""
    grid = columns(None, 1)
    for members in groups:
        first = members[0]
        types = ", ".join(report.target.type for report in members)
        if first.cause is unproven.NOT_BUILT:
            grid.add_row(Text("not built in this version", "dim"), Text(visible(types, 2000), overflow="fold"))
            continue
        if answered(first):
            detail = min((report.finding.detail for report in members if report.finding), key=len, default="")
            names = f"{first.target.port} as {types}: {detail}"
        else:
            names = ", ".join(f"{report.target.type} {report.target.port}" for report in members)
        grid.add_row(Text(_code(first), "dim"), Text(visible(names, 2000), overflow="fold"))
    return grid
