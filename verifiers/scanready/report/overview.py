"""Draw a host without a type: the types that it can be scanned as, one line for each type that answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.text import Text

from scanready.causes import common, unproven
from scanready.model import GOOD, Report, Verdict
from scanready.run.any_type import answered
from scanready.wire.printable import visible

from .headline import as_types
from .known import note
from .look import Look
from .paper import Paper, columns, owned, verdict_word
from .summary import traits

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_UNHEARD = (common.SILENT, common.OUT_OF_TIME)
_SHARED = (
    "the types tried on one silent port share the time limit of one target; TYPE://HOST:PORT gives one type all of it"
)


def draw(host: str, reports: list[Report], look: Look) -> str:
    """Return the result, the types that answered, and the other types grouped by cause."""
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
    """Return the number of types tried; name the undecided ones, as the host may be one of those."""
    tried = [report for report in reports if report.cause is not unproven.NOT_BUILT]
    open_ = ", ".join(report.target.type for report in tried if report.verdict is Verdict.UNDECIDED)
    tried_as = "the one type tried" if len(tried) == 1 else f"any of the {len(tried)} types tried"
    return f" as {tried_as}" + (f"; undecided: {open_}" if open_ else "")


def _hint(groups: list[list[Report]], faulty: list[Report]) -> str:
    """Return the command that shows more; empty if there is nothing to add."""
    met = faulty + [members[0] for members in groups if answered(members[0])]
    if worth := [report for report in met if report.cause not in (common.OTHER_PROTOCOL, *_UNHEARD)]:
        return f"`scanready check {visible(str(worth[0].target))}` shows the ladder and, if one exists, the fix"
    return _SHARED if any(report.cause in _UNHEARD and report.target.guessed for report in met) else ""


def _alike(reports: Iterable[Report]) -> list[list[Report]]:
    """Group the types with the same cause on the same port: a web server fails as ten types for one reason."""
    groups: dict[tuple[str, int], list[Report]] = {}
    for report in reports:
        groups.setdefault((_code(report), report.target.port), []).append(report)
    return list(groups.values())


def _absent(reports: Iterable[Report]) -> list[list[Report]]:
    """Group the types without an answer by cause, so that twenty closed ports need one line."""
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
    """Return product, login and encryption, then the known failure and the cause."""
    answer = "; ".join(filter(None, (*(traits(report) if report.verdict in GOOD else ()), note(report))))
    if report.finding is None:
        return Text(visible(answer), overflow="fold")
    cause = Text.assemble(
        owned(report.finding.cause, report.owner), f" {visible(report.finding.detail)}", overflow="fold"
    )
    return Text.assemble(visible(answer), "\n", cause, overflow="fold") if answer else cause


def _groups(groups: list[list[Report]]) -> RichTable:
    """Return one line for each cause; types that met the same answer on one port share it."""
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
            if first.cause is common.OTHER_PROTOCOL:
                names = f"{detail} (port {first.target.port}), not {types}"
        else:
            names = ", ".join(f"{report.target.type} {report.target.port}" for report in members)
        grid.add_row(Text(_code(first), "dim"), Text(visible(names, 2000), overflow="fold"))
    return grid
