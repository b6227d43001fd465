"""The ladder: everything about one target, rung by rung, then what it means and what to do. For ``check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from scanready.model import Outcome, Report, Target
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible

from .document import Look
from .filled import fill
from .findings import Part, Told, besides, decisive
from .known import note
from .paper import Paper, address, columns, duration, fact, owned, pairs, sentence, verdict_word

if TYPE_CHECKING:
    from rich.table import Table

    from .story import ToldStep

#: A rung is one line or two, three on a narrow terminal; the detail below it has more.
_SUMMARY = 200


def draw(report: Report, look: Look) -> str:
    """Return the whole ladder of one report."""
    paper = Paper(look)
    target = report.target
    paper.draw(Text.assemble((visible_name(target), "bold"), f"  from {visible(report.agent.name)}", _assumed(report)))
    paper.draw(_rungs(report, paper), indent=2)
    paper.draw(Text.assemble("\n", verdict_word(report.verdict), f": {sentence(report)}"))
    if words := note(report):
        paper.draw(pairs([("expect", words)]), indent=2)
    if told := decisive(report):
        paper.draw(pairs(_explanation(told, report.target)), indent=2)
        _paste(told.parts[0], paper)
        _others(told, paper)
    _besides(report, paper)
    if look.verbosity > 0:
        _tell(report, paper)
        paper.draw(Text("\nfacts"), pairs(_evidence(report)), indent=2)
    return paper.text()


def _tell(report: Report, paper: Paper) -> None:
    """The story rung by rung, and what to ask of whom. What several rungs have in common is said once."""
    from .story import tell

    told, known = tell(report), set[str]()
    paper.draw(Text("\nstep by step"), indent=2)
    for rung in told.rungs:
        if rung.outcome is Outcome.SKIPPED:
            continue  # the ladder above says why
        name = Text.assemble(paper.mark(rung.outcome), " ", (rung.step.value, "bold"), "  ", visible(rung.endpoint))
        paper.draw(name, indent=2)
        lines = [("sent", rung.sent), ("back", rung.received), ("cause", _named(rung)), ("meaning", rung.means)]
        paper.draw(pairs((word, text) for word, text in lines if text and text not in known), indent=6)
        by_hand = [line for line in rung.by_hand if line not in known]
        if by_hand:
            paper.draw(Text("by hand", "dim"), indent=6)
        for line in by_hand:
            paper.paste(line, indent=8)
        if rung.trace:
            paper.draw(Text("traceback", "dim"), indent=6)
            paper.paste(rung.trace, indent=8)
        if rung.remarks:
            paper.draw(Text("for its authors", "dim"), indent=6)
            paper.paste(rung.remarks, indent=8)
        known.update([rung.means] if rung.code else [], by_hand)
    for request in told.requests:
        paper.draw(Text.assemble("\nask ", (visible(request.whom), "bold"), overflow="fold"), indent=2)
        paper.paste(request.text, indent=4)


def _named(rung: ToldStep) -> str:
    return f"{rung.code} ({rung.owner})" if rung.code else ""


def brief(report: Report, look: Look) -> str:
    """Return one line: what it is and why. For ``--quiet``."""
    paper = Paper(look)
    why = Text.assemble("  ", owned(report.cause, report.owner)) if report.cause else Text()
    known = Text(f"  {words}", "dim") if (words := note(report)) else Text()
    paper.draw(Text.assemble(visible_name(report.target), "  ", verdict_word(report.verdict), why, known))
    return paper.text()


def _assumed(report: Report) -> str:
    return f" (judged as a {visible(report.agent.platform)} agent)" if report.agent.assumed else ""


def _rungs(report: Report, paper: Paper) -> Table:
    """One line a check. The endpoint is named where it is neither the target's own nor this agent, of the headline."""
    usual = {address(report.target), report.target.host, report.target.type, report.agent.name}
    grid = columns(None, None, 1)
    grid.add_column(justify="right", no_wrap=True)
    for check in report.checks:
        where = "" if check.endpoint in usual else f"{visible(check.endpoint)}: "
        skipped = check.outcome is Outcome.SKIPPED
        body = Text.assemble(where, visible(check.summary, _SUMMARY), style="dim" if skipped else "", overflow="fold")
        grid.add_row(paper.mark(check.outcome), check.step.value, body, "" if skipped else duration(check.seconds))
    return grid


def _explanation(told: Told, target: Target) -> list[tuple[str, str]]:
    return [
        ("cause", f"{told.cause.code}, at {told.step}"),
        ("detail", told.detail),
        ("meaning", fill(told.cause.meaning, target)),
        ("owner", told.owner.value),
        ("remedy", told.parts[0].remedy),
    ]


def _paste(part: Part, paper: Paper) -> None:
    if part.fix:
        paper.draw(Text("  fix", "dim"))
        paper.paste(part.fix, indent=4)


def _others(told: Told, paper: Paper) -> None:
    """Draw what each further owner of a cause can do about it."""
    for part in told.parts[1:]:
        paper.draw(pairs([("or owner", part.owner.value), ("remedy", part.remedy)]), indent=2)
        _paste(part, paper)


def _besides(report: Report, paper: Paper) -> None:
    """Draw the causes besides the decisive one: they are what comes next when that one is fixed."""
    for told in besides(report):
        paper.draw(pairs([("besides", f"{told.cause.code} ({told.owner}): {told.detail}")]), indent=2)
        for part in told.parts:
            if part.fix:
                paper.paste(part.fix, indent=4)


def _evidence(report: Report) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    told += [(visible(key, 40), fact(value)) for key, value in sorted(report.facts.items())]
    cost = report.footprint
    told.append(
        (
            "footprint",
            f"connections {cost.connections}, login attempts {cost.login_attempts}, probe logins {cost.probe_logins}",
        )
    )
    told.append(("took", duration(report.seconds)))
    return told
