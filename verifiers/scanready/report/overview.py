"""A host whose type was not given: as what can it be scanned? One line for each type that answered."""

from __future__ import annotations

from rich.table import Table as RichTable
from rich.text import Text

from ..causes import common
from ..escape import visible
from ..model import Outcome, Report, Step, Verdict
from .document import Look
from .human import Paper, columns, owned, verdict_word

#: As these a scan would run.
GOOD = (Verdict.SCANNABLE, Verdict.READY, Verdict.LIMITED)


def answered(report: Report) -> bool:
    """True if somebody was there: a connection came about."""
    return any(
        check.step is Step.CONNECT and check.outcome in (Outcome.PASSED, Outcome.WARNED) for check in report.checks
    )


def draw(host: str, reports: list[Report], look: Look) -> str:
    """Return the answer, the types that answered, and the others by why they did not."""
    paper = Paper(look)
    good = [report for report in reports if report.verdict in GOOD]
    if good:
        types = ", ".join(report.target.type for report in good)
        paper.draw(
            Text.assemble((visible(host), "bold"), " can be scanned as: ", (types, "bold green"), overflow="fold")
        )
    else:
        tried = sum(report.cause is not common.NOT_BUILT for report in reports)
        paper.draw(
            Text.assemble(
                (visible(host), "bold"), (" cannot be scanned", "bold red"), f" as any of {tried} types tried"
            )
        )
    if look.verbosity < 0:
        return paper.text()
    met = [report for report in reports if answered(report) or report.verdict in GOOD]
    if met:
        paper.draw(Text(""), _lines(met, paper), indent=2)
    rest = [report for report in reports if report not in met]
    if rest:
        paper.draw(Text(""), _absent(rest), indent=2)
    return paper.text()


def _lines(reports: list[Report], paper: Paper) -> RichTable:
    grid = columns(None, None, None, None, 1)
    for report in reports:
        grid.add_row(
            paper.verdict_mark(report.verdict),
            Text(visible(report.target.type, 40)),
            Text(str(report.target.port)),
            verdict_word(report.verdict),
            _why(report),
        )
    return grid


def _why(report: Report) -> Text:
    if report.finding is None:
        climbed = [check.summary for check in report.checks if check.step is report.reached and check.summary]
        return Text(visible(climbed[-1]) if climbed else "", overflow="fold")
    return Text.assemble(owned(report.finding.cause), f" {visible(report.finding.detail)}", overflow="fold")


def _absent(reports: list[Report]) -> RichTable:
    """Types nobody answered for, one line a cause: a closed port of twenty is not worth twenty lines."""
    groups: dict[str, list[Report]] = {}
    for report in reports:
        groups.setdefault(report.cause.code if report.cause else report.verdict.value, []).append(report)
    grid = columns(None, 1)
    for code, members in groups.items():
        if code == common.NOT_BUILT.code:
            word, names = "not built in this version", ", ".join(report.target.type for report in members)
        else:
            word, names = code, ", ".join(f"{report.target.type} {report.target.port}" for report in members)
        grid.add_row(Text(word, "dim"), Text(visible(names, 2000), overflow="fold"))
    return grid
