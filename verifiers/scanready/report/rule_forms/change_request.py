"""Write firewall rules as CSV for a change request, one rule a line."""

from __future__ import annotations

from collections.abc import Sequence

from scanready.report.formats.csv import csv_line
from scanready.report.look import Look
from scanready.report.rules import Rule

from .form import Form, unfit

COLUMNS = ("source", "destination", "host", "protocol", "ports", "types", "condition", "reason")


def table(rules: Sequence[Rule], look: Look) -> str:
    """Return one line for each rule; each cell is one line, as many importers reject others."""
    lines = [csv_line(COLUMNS)]
    for rule in rules:
        values = (rule.source, rule.destination, rule.host, rule.transport, rule.ports, " ".join(rule.types))
        reason = "; ".join(filter(None, (rule.why, unfit(rule))))
        lines.append(csv_line(tuple(" ".join(value.split()) for value in (*values, rule.when, reason))))
    return "".join(lines)


FORM = Form(table, "CSV")
