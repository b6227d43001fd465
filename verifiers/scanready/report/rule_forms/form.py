"""Describe a form of firewall rules, and what all forms share: addresses that no firewall takes, comments.

Names come from the inventory and go into other people's consoles. In a rule's own syntax stand only addresses and
numbers, in its comment only letters, digits and a few signs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scanready.model import is_address
from scanready.remedies.quoting import plain
from scanready.report.rules import Rule

#: nftables takes 128 characters of a comment, iptables 256, AWS 255, Azure 140.
_COMMENT = 100


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain that the rules go into: the words of its name, and the usual one."""

    words: str
    usual: str

    def fits(self, name: str) -> bool:
        """True if a name has as many words as it must, each of harmless characters."""
        parts = name.split()
        harmless = all(part.replace("_", "a").replace("-", "a").isalnum() and part.isascii() for part in parts)
        return len(parts) == len(self.words.split()) and harmless and not any(part[0] == "-" for part in parts)


@dataclass(frozen=True, slots=True)
class Form:
    """One form of the rules.

    Attributes:
        write: returns the text, from the rules and the look of the terminal; takes ``chain`` if there is one.
        title: the name in pages, for a form that is pasted somewhere; empty for one that pages do not show.
        chain: the chain that the rules go into, for a form that has one.
        leaves_out: returns why a rule is missing in a form without comments; empty for a rule that is there.
    """

    write: Callable[..., str]
    title: str = ""
    chain: Chain | None = None
    leaves_out: Callable[[Rule], str] | None = None


def unfit(rule: Rule) -> str:
    """Return why no firewall takes the addresses of a rule as they stand; empty if it does, and for a mere name."""
    if not is_address(rule.source):
        return "the agent's address is not known (--source gives it)"
    if "%" in rule.source or (rule.resolved and "%" in rule.destination):
        return "a zone names a link of one host, which no other knows"
    if rule.resolved and is_ipv6(rule.source) is not is_ipv6(rule.destination):
        return "the agent's address is of the other family (--source gives one of this)"
    return ""


def is_ipv6(address: str) -> bool:
    """True for an address of IPv6."""
    return ":" in address


def comment(rule: Rule) -> str:
    """Return the host and the types of a rule as a comment in double quotes."""
    return f'"{plain(" ".join((rule.host, *rule.types)), _COMMENT)}"'


def without_condition(rule: Rule) -> str:
    """Return why a form without comments leaves a rule out; empty for one that is needed in any case."""
    return unfit(rule) or (f"needed only for {rule.when}" if rule.when else "")


def remarked(rule: Rule, line: str, reason: str = "") -> str:
    """Return the line of a rule; one that must not or need not be loaded becomes a comment with the reason.

    Args:
        reason: a further reason of the form's own.
    """
    if not rule.resolved:
        return f"# no address is known (--resolve asks for it): {plain(line)}"
    if why := unfit(rule) or reason:
        return f"# {why}: {line}"
    return f"# only for {plain(rule.when)}: {line}" if rule.when else line
