"""Define a form of firewall rules and the helpers of all forms: unfit addresses and comments.

Names come from the inventory, and people paste the rules into consoles. So the syntax of a rule has only addresses and
numbers, and its comment only letters, digits and a few signs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scanready.model import is_address
from scanready.remedies.quoting import plain
from scanready.report.rules import Rule

#: Characters: nftables allows 128 in a comment, iptables 256, AWS 255, Azure 140.
_COMMENT = 100


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain that the rules are added to: the words of its name, and its usual name."""

    words: str
    usual: str

    def fits(self, name: str) -> bool:
        """Return True if a name has the right number of words, with harmless characters only."""
        parts = name.split()
        harmless = all(part.replace("_", "a").replace("-", "a").isalnum() and part.isascii() for part in parts)
        return len(parts) == len(self.words.split()) and harmless and not any(part[0] == "-" for part in parts)


@dataclass(frozen=True, slots=True)
class Form:
    """One form of the rules.

    Attributes:
        write: returns the text, from the rules and the look of the terminal; accepts ``chain`` if the form has one.
        title: the name in the HTML report; empty for a form that the report does not show.
        chain: the chain that the rules are added to, or None.
        leaves_out: returns the reason for leaving out a rule, for a form without comments; empty if it is written.
    """

    write: Callable[..., str]
    title: str = ""
    chain: Chain | None = None
    leaves_out: Callable[[Rule], str] | None = None


def unfit(rule: Rule) -> str:
    """Return why no firewall accepts the addresses of a rule; empty if it does or the destination is a name."""
    if not is_address(rule.source):
        return "the agent's address is unknown (set it with --source)"
    if "%" in rule.source or (rule.resolved and "%" in rule.destination):
        return "the address has an IPv6 zone, which is valid on one host only"
    if rule.resolved and is_ipv6(rule.source) is not is_ipv6(rule.destination):
        return "source and destination have different IP versions (set a matching --source)"
    return ""


def is_ipv6(address: str) -> bool:
    """Return True for an IPv6 address."""
    return ":" in address


def comment(rule: Rule) -> str:
    """Return the host and the types of a rule as a comment in double quotes."""
    return f'"{plain(" ".join((rule.host, *rule.types)), _COMMENT)}"'


def without_condition(rule: Rule) -> str:
    """Return why a form without comments leaves a rule out; empty if it writes the rule."""
    return unfit(rule) or (f"needed only for {rule.when}" if rule.when else "")


def remarked(rule: Rule, line: str, reason: str = "") -> str:
    """Return the line of a rule; a conditional or unfit rule becomes a comment with the reason.

    Args:
        reason: a further reason, specific to the form.
    """
    if not rule.resolved:
        return f"# its address is unknown (--resolve looks it up): {plain(line)}"
    if why := unfit(rule) or reason:
        return f"# {why}: {line}"
    return f"# only for {plain(rule.when)}: {line}" if rule.when else line
