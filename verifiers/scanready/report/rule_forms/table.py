"""Draw firewall rules as a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from scanready.report.look import Look
from scanready.report.rules import Rule
from scanready.wire.printable import visible

from .form import Form, unfit


def table(rules: Sequence[Rule], look: Look) -> str:
    """Return a table of the rules, then remarks on names, ranges and unfit rules."""
    from rich.text import Text

    from scanready.report.paper import Paper, headed

    paper = Paper(look)
    drawn = headed()
    for name in ("source", "destination"):
        drawn.add_column(name, overflow="fold", min_width=9)
    for name in ("protocol", "ports"):
        drawn.add_column(name, no_wrap=True)
    drawn.add_column("for", overflow="fold")
    for rule in rules:
        what = f"{rule.host}: " if rule.host != rule.destination else ""
        what += ", ".join(rule.types) + (f"; only for {rule.when}" if rule.when else "")
        drawn.add_row(
            Text(visible(rule.source)),
            Text(visible(rule.destination)),
            rule.transport,
            rule.ports,
            Text(visible(what), "dim" if rule.when else ""),
        )
    paper.draw(drawn)
    for note in _remarks(rules):
        paper.draw(Text(f"\n{note}"))
    return paper.text()


def _remarks(rules: Sequence[Rule]) -> list[str]:
    from scanready.report.paper import counted

    notes = []
    if names := list(dict.fromkeys(rule.host for rule in rules if not rule.resolved)):
        shown = ", ".join(visible(name, 60) for name in names[:5]) + (", ..." if len(names) > 5 else "")
        notes.append(f"names without an address: {shown} (--resolve looks them up, --from reads them from a run)")
    if any("-" in rule.ports and not rule.when for rule in rules):
        notes.append("a range: the service takes a port from it at each start, unless the port is pinned")
    for reason, count in Counter(filter(None, map(unfit, rules))).items():
        notes.append(f"{counted(count, 'rule')} that no firewall accepts: {reason}")
    return notes


FORM = Form(table)
