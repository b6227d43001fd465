"""Write firewall rules as iptables and ip6tables commands.

Commands instead of a file for iptables-restore: one text has both address families, and each line works by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import NETWORK, TRANSPORT, Place, plain
from scanready.report.look import Look
from scanready.report.rules import Rule

from .form import Chain, Form, comment, is_ipv6, remarked

_CHAIN = Chain("CHAIN", "FORWARD")
_HEADING = "# On the firewall, in a root shell:"


def _range(text: str) -> str | None:
    """Return one port or a range in the syntax of ``--dport``; None if it is not valid."""
    first, dash, last = text.partition("-")
    numbers = [part for part in (first, last) if part or dash]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 0xFFFF for part in numbers):
        return None
    return ":".join(numbers) if int(numbers[0]) <= int(numbers[-1]) else None


def _quoted(text: str) -> str | None:
    """Return a comment that is already in double quotes, as one word of the shell; None if it is unsafe."""
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
    """Return one command for each rule. It inserts the rule, as a chain may end with a rule that drops all others."""
    lines = [
        _HEADING,
        "# These commands insert rules at the top of the chain. The chain should already accept replies:",
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
