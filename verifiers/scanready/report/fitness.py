"""Write the result of ``scanready agent``: a ladder for people, a JSON object for programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.text import Text

from scanready.fitness import ROLES, Fitness
from scanready.fitness.question import Answer
from scanready.model import Outcome, Verdict
from scanready.remedies.placeholders import named
from scanready.wire.printable import visible

from .filled import fill
from .look import Look
from .paper import Paper, columns, duration, fact, pairs, verdict_word
from .serialize import SCHEMA, agent_object, plainly

if TYPE_CHECKING:
    from rich.table import Table

SENTENCES = {
    Verdict.READY: "this host can serve as a {role}, as far as the checks show",
    Verdict.LIMITED: "this host can serve as a {role}, but a check found a problem that could make a scan fail",
    Verdict.BLOCKED: "this host cannot serve as a {role}",
    Verdict.UNDECIDED: "the checks do not show whether this host can serve as a {role}",
}


def draw(fitness: Fitness, look: Look) -> str:
    """Return all checks, then the verdict, then each finding with its remedy."""
    paper = Paper(look)
    asked = fitness.asked
    paper.draw(Text.assemble((visible(asked.agent.name), "bold"), f"  as a {ROLES[asked.role]}"))
    if look.verbosity >= 0:
        paper.draw(_checks(fitness, paper), indent=2)
        paper.draw(Text(""))
    sentence = SENTENCES[fitness.verdict].format(role=ROLES[asked.role])
    paper.draw(Text.assemble(verdict_word(fitness.verdict), f": {sentence}"))
    for number, answer in enumerate(fitness.findings):
        paper.draw(*([Text("")] if number else []), pairs(_explanation(answer, confirm=look.verbosity > 0)), indent=2)
        if answer.finding and answer.finding.fix:
            paper.draw(Text("  fix", "dim"))
            paper.paste(answer.finding.fix, indent=4)
    if look.verbosity > 0:
        paper.draw(Text(""), pairs([*_evidence(fitness), ("took", duration(fitness.seconds))]), indent=2)
    return paper.text()


def _evidence(fitness: Fitness) -> list[tuple[str, str]]:
    """Return all facts; the name of a fact that several subjects have begins with the subject."""
    facts = [(one.endpoint, key, value) for one in fitness.answers for key, value in one.facts.items() if value]
    often = Counter(key for _, key, _ in facts)
    return [(visible(f"{subject}: {key}" if often[key] > 1 else key, 40), fact(value)) for subject, key, value in facts]


def _checks(fitness: Fitness, paper: Paper) -> Table:
    grid = columns(None, None, 1)
    grid.add_column(justify="right", no_wrap=True)
    for answer in fitness.answers:
        skipped = answer.outcome is Outcome.SKIPPED
        body = Text(visible(answer.summary), "dim" if skipped else "", overflow="fold")
        grid.add_row(paper.mark(answer.outcome), answer.endpoint, body, "" if skipped else duration(answer.seconds))
    return grid


def _explanation(answer: Answer, *, confirm: bool) -> list[tuple[str, str]]:
    finding = answer.finding
    assert finding is not None, "only findings are explained"
    cause = finding.cause
    lines = [
        ("cause", f"{cause.code}, {answer.endpoint}"),
        ("detail", finding.detail),
        ("meaning", _filled(cause.meaning, answer)),
        ("owner", finding.owner.value),
        ("remedy", _filled(cause.remedy, answer)),
    ]
    return [*lines, ("confirm", _filled(cause.confirm, answer))] if confirm else lines


def _filled(text: str, answer: Answer) -> str:
    return fill(text, answer.about) if answer.about else named(text)


def as_object(fitness: Fitness) -> dict[str, Any]:
    """Return the result in plain JSON types."""
    found: dict[str, Any] = plainly(
        {
            "schema": SCHEMA,
            "agent": agent_object(fitness.asked.agent),
            "role": fitness.asked.role,
            "verdict": fitness.verdict,
            "cause": _cause(fitness.findings[0]) if fitness.decisive else None,
            "causes": [_cause(answer) for answer in fitness.findings],
            "checks": [_check(answer) for answer in fitness.answers],
            "started": fitness.started,
            "seconds": round(fitness.seconds, 6),
        }
    )
    return found


def _check(answer: Answer) -> dict[str, Any]:
    return {
        "subject": answer.endpoint,
        "outcome": answer.outcome,
        "summary": answer.summary,
        "facts": answer.facts,
        "cause": answer.finding.cause.code if answer.finding else None,
        "seconds": round(answer.seconds, 6),
    }


def _cause(answer: Answer) -> dict[str, Any]:
    finding = answer.finding
    assert finding is not None, "only findings have a cause"
    return {
        "code": finding.cause.code,
        "owner": finding.owner,
        "subject": answer.endpoint,
        "detail": finding.detail,
        "meaning": _filled(finding.cause.meaning, answer),
        "remedy": _filled(finding.cause.remedy, answer),
        "confirm": _filled(finding.cause.confirm, answer),
        "fix": finding.fix,
    }
