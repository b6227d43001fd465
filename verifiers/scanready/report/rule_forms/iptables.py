"""Firewall rules for iptables and ip6tables, as commands.

Commands and not a file for iptables-restore: one text holds both families, and a line can be run by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import NETWORK, TRANSPORT, Place, plain
from scanready.report.document import Look
from scanready.report.rules import Rule

from .form import Chain, Form, comment, is_ipv6, remarked

_CHAIN = Chain("CHAIN", "FORWARD")
_HEADING = "# On the firewall, in a root shell:"


def _range(text: str) -> str | None:
    """Write one port or a range of them, as ``--dport`` has it."""
    first, dash, last = text.partition("-")
    numbers = [part for part in (first, last) if part or dash]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 0xFFFF for part in numbers):
        return None
    return ":".join(numbers) if int(numbers[0]) <= int(numbers[-1]) else None


def _quoted(text: str) -> str | None:
    """Take a comment that is in double quotes already, as one word of the shell."""
    inside = text[1:-1]
    return text if text == f'"{inside}"' and plain(inside) == inside and '"' not in inside else None


RULE = Fix(
    "{program} -I {chain} -s {agent} -d {target} -p {transport} -m {match} --dport {ports} "
    "-m comment --comment {about} -j ACCEPT",
    at="# On every firewall between {agent} and {target}, as a rule of its {chain} chain:",
    program=Place("iptables", lambda text: text if text in ("iptables", "ip6tables") else None),
    chain=Place("FORWARD", lambda text: text if _CHAIN.fits(text) else None),
    agent=NETWORK,
    target=NETWORK.called("TARGET-ADDRESS/32"),
    transport=TRANSPORT,
    match=TRANSPORT,
    ports=Place("PORT", _range),
    about=Place('"scan agent"', _quoted),
)


def commands(rules: Sequence[Rule], look: Look, chain: str = _CHAIN.usual) -> str:
    """Return a command a rule. It inserts the rule: a chain may end with a rule that drops the rest."""
    lines = [
        _HEADING,
        "# Inserted before the other rules of the chain, which should let replies through already:",
        "#   -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    ]
    return "\n".join([*lines, *(remarked(rule, _command(rule, chain)) for rule in rules), ""])


def _command(rule: Rule, chain: str) -> str:
    six = is_ipv6(rule.destination if rule.resolved else rule.source)
    return RULE.line(
        program="ip6tables" if six else "iptables",
        chain=chain,
        agent=rule.source,
        target=rule.destination,
        transport=rule.transport,
        match=rule.transport,
        ports=rule.ports,
        about=comment(rule),
    )


FORM = Form(commands, "iptables", _CHAIN)
