"""Write firewall rules for nftables."""

from __future__ import annotations

from collections.abc import Sequence

from scanready.remedies.fixes import firewall_expression
from scanready.report.look import Look
from scanready.report.rules import Rule

from .form import Chain, Form, comment, is_ipv6, remarked

_CHAIN = Chain("FAMILY TABLE CHAIN", "inet filter forward")


def ruleset(rules: Sequence[Rule], look: Look, chain: str = _CHAIN.usual) -> str:
    """Return a file for ``nft -f``, which appends to a chain that already accepts replies."""
    family, name, chain_name = chain.split()
    lines = [
        "# On the firewall, as a file for `nft -f`:",
        "# It appends rules to the chain below. The chain should already accept replies:",
        "#   ct state established,related accept",
        f"table {family} {name} {{",
        f"  chain {chain_name} {{",
    ]
    for rule in rules:
        line = f"{nftables_rule(rule)} comment {comment(rule)}"
        lines.append(f"    {remarked(rule, line, _of_another_family(rule, family))}")
    return "\n".join([*lines, "  }", "}", ""])


def nftables_rule(rule: Rule) -> str:
    """Return one rule in the syntax of nftables, which is also the fix of a finding."""
    return firewall_expression(rule.source, rule.destination, rule.ports, rule.transport)


def _of_another_family(rule: Rule, family: str) -> str:
    only = {"ip": False, "ip6": True}.get(family)
    return (
        ""
        if only is None or only is is_ipv6(rule.destination)
        else f"a table of the family {family} cannot have this rule"
    )


FORM = Form(ruleset, "nftables", _CHAIN)
