"""Draw the ladder of one target: each step, the verdict with its cause, and the remedy. Used by ``check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from scanready.model import Outcome, Report, Target
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible

from .filled import fill
from .findings import Part, Told, besides, decisive
from .headline import judged_by
from .known import note
from .look import Look
from .paper import Paper, address, columns, duration, fact, owned, pairs, sentence, verdict_word

if TYPE_CHECKING:
    from rich.table import Table

    from .story import ToldStep

#: Characters: a rung has one or two lines, three on a narrow terminal; the detail below it has more.
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
    if cause := decisive(report):
        first, *others = cause.parts
        aligned = [part for part in others if not part.fix] if not first.fix else []
        lines = [*_explanation(cause, report.target), *map(_alternative, aligned)]
        paper.draw(pairs(lines), indent=2)
        _paste(first, paper)
        for part in others:
            if part not in aligned:
                paper.draw(pairs([_alternative(part)]), indent=2)
                _paste(part, paper)
    _besides(report, paper)
    if look.verbosity > 0:
        _tell(report, paper)
        paper.draw(Text("\nfacts"), pairs(_evidence(report)), indent=2)
    return paper.text()


def _tell(report: Report, paper: Paper) -> None:
    """Draw the story step by step, then the requests. A text that several steps share is drawn once."""
    from .story import tell

    story, known = tell(report), set[str]()
    paper.draw(Text("\nstep by step"), indent=2)
    for rung in story.rungs:
        if rung.outcome is Outcome.SKIPPED:
            continue  # the ladder above has the reason
        name = Text.assemble(paper.mark(rung.outcome), " ", (rung.step.value, "bold"), "  ", visible(rung.endpoint))
        paper.draw(name, indent=2)
        lines = [("sent", rung.sent), ("result", rung.received), ("cause", _named(rung)), ("meaning", rung.means)]
        paper.draw(pairs((word, text) for word, text in lines if text and text not in known), indent=6)
        by_hand = [line for line in rung.by_hand if line not in known]
        if by_hand:
            paper.draw(Text("check manually", "dim"), indent=6)
        for line in by_hand:
            paper.paste(line, indent=8)
        if rung.trace:
            paper.draw(Text("traceback", "dim"), indent=6)
            paper.paste(rung.trace, indent=8)
        if rung.remarks:
            paper.draw(Text("for the plug-in's authors", "dim"), indent=6)
            paper.paste(rung.remarks, indent=8)
        known.update([rung.means] if rung.code else [], by_hand)
    for request in story.requests:
        paper.draw(Text.assemble("\nask ", (visible(request.whom), "bold"), overflow="fold"), indent=2)
        paper.paste(request.text, indent=4)


def _named(rung: ToldStep) -> str:
    return f"{rung.code} ({rung.owner})" if rung.code else ""


def brief(report: Report, look: Look) -> str:
    """Return one line with the target, its verdict and its cause. Used by ``--quiet``."""
    paper = Paper(look)
    why = Text.assemble("  ", owned(report.cause, report.owner)) if report.cause else Text()
    known = Text(f"  {words}", "dim") if (words := note(report)) else Text()
    paper.draw(Text.assemble(visible_name(report.target), "  ", verdict_word(report.verdict), why, known))
    return paper.text()


def _assumed(report: Report) -> str:
    agent = report.agent
    return (f" (judged as a {visible(agent.platform)} agent)" if agent.assumed else "") + judged_by(agent)


def _rungs(report: Report, paper: Paper) -> Table:
    """Return one line for each check. It names the endpoint if that is neither the target itself nor this agent."""
    usual = {address(report.target), report.target.host, report.target.type, report.agent.name}
    grid = columns(None, None, 1)
    grid.add_column(justify="right", no_wrap=True)
    for check in report.checks:
        where = "" if check.endpoint in usual else f"{visible(check.endpoint)}: "
        skipped = check.outcome is Outcome.SKIPPED
        body = Text.assemble(where, visible(check.summary, _SUMMARY), style="dim" if skipped else "", overflow="fold")
        grid.add_row(paper.mark(check.outcome), check.step.value, body, "" if skipped else duration(check.seconds))
    return grid


def _explanation(found: Told, target: Target) -> list[tuple[str, str]]:
    return [
        ("cause", f"{found.cause.code}, at {found.step}"),
        ("detail", found.detail),
        ("meaning", fill(found.cause.meaning, target)),
        ("owner", found.owner.value),
        ("remedy", found.parts[0].remedy),
    ]


def _paste(part: Part, paper: Paper) -> None:
    if part.fix:
        paper.draw(Text("  fix", "dim"))
        paper.paste(part.fix, indent=4)


def _alternative(part: Part) -> tuple[str, str]:
    """Return the remedy of another owner of the cause."""
    return "alternative", f"({part.owner}) {part.remedy}"


def _besides(report: Report, paper: Paper) -> None:
    """Draw the causes besides the decisive one: they remain when that one is fixed."""
    for other in besides(report):
        paper.draw(pairs([("also found", f"{other.cause.code} ({other.owner}): {other.detail}")]), indent=2)
        for part in other.parts:
            if part.fix:
                paper.paste(part.fix, indent=4)


def _evidence(report: Report) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    lines += [(visible(key, 40), fact(value)) for key, value in sorted(report.facts.items())]
    cost = report.footprint
    lines.append(
        (
            "footprint",
            f"connections {cost.connections}, login attempts with a credential {cost.login_attempts}, "
            f"login attempts with an invented account {cost.probe_logins}",
        )
    )
    lines.append(("took", duration(report.seconds)))
    return lines
