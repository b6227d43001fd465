"""Firewall rules in the forms that people paste: a table, CSV, JSON, nftables, Windows, AWS.

Names come from the inventory and go into other people's consoles: in a rule's own syntax stand nothing but addresses
and numbers, in its comment nothing but letters, digits and a few signs.
"""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from scanready.model import is_address
from scanready.remedies.fixes import Fix, firewall_expression, on_target
from scanready.remedies.quoting import HOST, PORTS, POWERSHELL_TEXT, Place, plain
from scanready.report.formats.csv import csv_line
from scanready.wire.printable import visible

from .document import Look
from .rules import Rule

COLUMNS = ("source", "destination", "host", "protocol", "ports", "types", "condition", "reason")
#: nftables takes 128 characters, AWS 255.
_COMMENT = 100
CHAIN = "inet filter forward"
_PERMIT_INBOUND = Fix(
    "New-NetFirewallRule -DisplayName {name} -Direction Inbound -Action Allow "
    "-Protocol {transport} -LocalPort {ports} -RemoteAddress {agent}",
    at=on_target("in an elevated PowerShell"),
    name=POWERSHELL_TEXT,
    transport=Place("TCP", lambda text: text.upper() if text in ("tcp", "udp") else None),
    ports=PORTS,
    agent=HOST.called("AGENT-ADDRESS"),
)


def table(rules: Sequence[Rule], look: Look) -> str:
    """A table for people, then what is to be known of it."""
    from rich.text import Text

    from .paper import Paper, headed

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


def csv(rules: Sequence[Rule], look: Look) -> str:
    """A line a rule, for a change request."""
    lines = [csv_line(COLUMNS)]
    for rule in rules:
        values = (rule.source, rule.destination, rule.host, rule.transport, rule.ports, " ".join(rule.types))
        lines.append(csv_line((*values, rule.when, "; ".join(filter(None, (rule.why, unfit(rule)))))))
    return "".join(lines)


def json_(rules: Sequence[Rule], look: Look) -> str:
    """``{"schema": 1, "rules": [...]}``."""
    return json.dumps({"schema": 1, "rules": [rule_object(rule) for rule in rules]}, indent=2) + "\n"


def rule_object(rule: Rule) -> dict[str, Any]:
    """Return a rule as JSON types; ``when`` is null where the rule is needed in any case."""
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


def nftables(rules: Sequence[Rule], look: Look, chain: str = CHAIN) -> str:
    """A file for ``nft -f``: it appends to a chain that lets replies through already."""
    family, name, chain_name = chain.split()
    lines = [
        "# What the scanner's agent needs; appended to the chain below, which should let replies through already:",
        "#   ct state established,related accept",
        f"table {family} {name} {{",
        f"  chain {chain_name} {{",
    ]
    for rule in rules:
        text = f"{nftables_rule(rule)} comment {quoted(' '.join((rule.host, *rule.types)))}"
        if not rule.resolved:
            text = f"# no address is known (--resolve asks for it): {plain(text)}"
        elif reason := unfit(rule) or _of_another_family(rule, family):
            text = f"# {reason}: {text}"
        elif rule.when:
            text = f"# only for {plain(rule.when)}: {text}"
        lines.append(f"    {text}")
    return "\n".join([*lines, "  }", "}", ""])


def nftables_rule(rule: Rule) -> str:
    """One rule in nftables' words, as the fix of a finding has it."""
    return firewall_expression(rule.source, rule.destination, rule.ports, rule.transport)


def _of_another_family(rule: Rule, family: str) -> str:
    only = {"ip": False, "ip6": True}.get(family)
    return "" if only is None or only is _is_ipv6(rule.destination) else f"a table of {family} does not take it"


def windows(rules: Sequence[Rule], look: Look) -> str:
    """``New-NetFirewallRule`` for each target, to be run there as an administrator."""
    lines = ["# Run on the host that each part names, in an elevated PowerShell."]
    for host in dict.fromkeys(rule.host for rule in rules):
        mine = [rule for rule in rules if rule.host == host]
        lines += ["", f"# on {plain(host)}"]
        for rule in mine:
            name = plain(f"Scan agent {rule.source} {' '.join(rule.types)} {rule.transport} {rule.ports}")
            text = _PERMIT_INBOUND.line(name=name, transport=rule.transport, ports=rule.ports, agent=rule.source)
            reason = unfit(rule) or (f"only for {plain(rule.when)}" if rule.when else "")
            lines.append(f"# {reason}: {text}" if reason else text)
    return "\n".join([*lines, ""])


def aws(rules: Sequence[Rule], look: Look) -> str:
    """The ``--ip-permissions`` of ``aws ec2 authorize-security-group-ingress``, for the group of the targets.

    Each protocol and port range comes once, with every source. Conditional rules are left out, and those that are
    ``unfit``: JSON has no comments.
    """
    found: dict[tuple[str, int, int], dict[str, list[str]]] = {}
    for rule in rules:
        if not rule.when and not unfit(rule):
            sources = found.setdefault((rule.transport, *rule.span), {})
            sources.setdefault(rule.source, []).append(f"{rule.host} {' '.join(rule.types)}")
    permissions = []
    for (transport, first, last), sources in found.items():
        permission: dict[str, Any] = {"IpProtocol": transport, "FromPort": first, "ToPort": last}
        for source, names in sources.items():
            kind, cidr = ("Ipv6Ranges", "CidrIpv6") if ":" in source else ("IpRanges", "CidrIp")
            about = plain("scan agent to " + " / ".join(dict.fromkeys(names)), 250)
            permission.setdefault(kind, []).append({cidr: str(ipaddress.ip_network(source)), "Description": about})
        permissions.append(permission)
    return json.dumps(permissions, indent=2) + "\n"


FORMS: dict[str, Callable[..., str]] = {
    "table": table,
    "csv": csv,
    "json": json_,
    "nftables": nftables,
    "windows": windows,
    "aws": aws,
}


def unfit(rule: Rule) -> str:
    """Return why no firewall takes the addresses of a rule as they stand; empty if it does, and for a mere name."""
    if not is_address(rule.source):
        return "the agent's address is not known (--source gives it)"
    if "%" in rule.source or (rule.resolved and "%" in rule.destination):
        return "a zone names a link of one host, which no other knows"
    if rule.resolved and _is_ipv6(rule.source) is not _is_ipv6(rule.destination):
        return "the agent's address is of the other family (--source gives one of this)"
    return ""


def _is_ipv6(address: str) -> bool:
    return ":" in address


def quoted(text: str) -> str:
    """A comment in nftables' quotes, as short as it must be."""
    return f'"{plain(text, _COMMENT)}"'


def _remarks(rules: Sequence[Rule]) -> list[str]:
    from .paper import counted

    notes = []
    if names := list(dict.fromkeys(rule.host for rule in rules if not rule.resolved)):
        shown = ", ".join(visible(name, 60) for name in names[:5]) + (", ..." if len(names) > 5 else "")
        notes.append(f"names without an address: {shown} (--resolve asks for them, --from takes them from a run)")
    if any("-" in rule.ports and not rule.when for rule in rules):
        notes.append("a range stands for a port that the target gives out anew at each start, unless somebody pins it")
    for reason, count in Counter(filter(None, map(unfit, rules))).items():
        notes.append(f"{counted(count, 'rule')} that no firewall takes: {reason}")
    return notes
