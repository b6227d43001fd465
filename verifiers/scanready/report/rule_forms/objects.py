"""Write firewall rules as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from scanready.report.look import Look
from scanready.report.rules import Rule

from .form import Form


def document(rules: Sequence[Rule], look: Look) -> str:
    """Return the text of ``{"schema": 1, "rules": [...]}``."""
    return json.dumps({"schema": 1, "rules": [rule_object(rule) for rule in rules]}, indent=2) + "\n"


def rule_object(rule: Rule) -> dict[str, Any]:
    """Return a rule as JSON types; ``when`` is null if the rule is always needed."""
    first, last = rule.span
    return {
        "source": rule.source,
        "destination": rule.destination,
        "host": rule.host,
        "resolved": rule.resolved,
        "transport": rule.transport,
        "ports": [first, last],
        "types": list(rule.types),
        "when": rule.when or None,
        "why": rule.why,
    }


FORM = Form(document)
