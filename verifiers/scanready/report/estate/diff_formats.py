"""Write a comparison of two estate views: estate verdicts first, then each agent by itself."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from scanready.report.diff import Comparison
from scanready.report.diff_formats import changes_object, draw, heading, sections, summary
from scanready.report.look import Look
from scanready.report.markdown import code
from scanready.report.paper import Paper, counted
from scanready.report.serialize import SCHEMA
from scanready.wire.printable import visible

from .diff import EstateComparison

_ESTATE = "estate verdicts: can any agent scan the target?"


def table(found: EstateComparison, names: tuple[str, str], look: Look) -> str:
    """Return the comparison for a terminal; ``names`` are the names of the two runs."""
    paper = Paper(look)
    paper.draw(heading(names))
    paper.draw(Text(f"\n{_ESTATE}", "bold underline"))
    draw(found.estate, paper)
    for name, own in found.agents.items():
        paper.draw(Text(f"\nresults of {visible(name, 80)}", "bold underline"))
        draw(own, paper)
    for line in _of_one(found, names):
        paper.draw(Text(f"\n{line}"))
    return paper.text()


def _of_one(found: EstateComparison, names: tuple[str, str]) -> list[str]:
    """Return a sentence for each agent that only one of the runs has results of."""
    told = []
    for agents, run in ((found.gone, names[0]), (found.new, names[1])):
        for name, count in agents.items():
            told.append(f"{visible(name, 80)} has results only in {visible(run)}: {counted(count, 'result')}")
    return told


def json_object(found: EstateComparison, runs: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """Return the comparison as JSON types; ``runs`` describe the two. ``regressions`` counts estate verdicts."""
    return {
        "schema": SCHEMA,
        "from": runs[0],
        "to": runs[1],
        "regressions": found.regressions,
        "estate": changes_object(found.estate),
        "agents": {name: changes_object(own) for name, own in found.agents.items()},
        "agents_removed": found.gone,
        "agents_added": found.new,
    }


def markdown(found: EstateComparison, names: tuple[str, str]) -> str:
    """Return the comparison for a ticket or a pull request."""
    lines = [f"**From {code(names[0])} to {code(names[1])}**", "", f"### {_ESTATE[0].upper()}{_ESTATE[1:]}", ""]
    lines += _part(found.estate)
    for name, own in found.agents.items():
        lines += ["", f"### Results of {code(name)}", "", *_part(own)]
    for agents, run in ((found.gone, names[0]), (found.new, names[1])):
        for name, count in agents.items():
            lines += ["", f"{code(name)} has results only in {code(run)}: {counted(count, 'result')}"]
    return "\n".join(lines) + "\n"


def _part(found: Comparison) -> list[str]:
    return [summary(found), *sections(found, "####")]
