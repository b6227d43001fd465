"""The literal things to apply: a fix is a fixed text with places, and each place says what may enter it.

The first line of a fix is its heading, a comment in the fix's own language: the host, and the file or the tool there,
that the rest is pasted into.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from string import Formatter

from . import quoting
from .quoting import Place

#: The names of the target and of the agent, in a heading that is not complete yet.
HOST_NAME, AGENT_NAME = "{HOST}", "{AGENT}"
_HEADING = re.compile(r"(?:#|--) [^\n]+:")


def on_target(where: str, comment: str = "#") -> str:
    """Return the heading of a fix for the target's host; ``where`` names the file or the tool."""
    return f"{comment} On {HOST_NAME}, {where}:"


def on_agent(where: str, comment: str = "#") -> str:
    """Return the heading of a fix for the agent; ``where`` names the file or the tool."""
    return f"{comment} On the agent {AGENT_NAME}, {where}:"


#: The heading of a target that takes the place of this one.
IN_INVENTORY = "# In the inventory, in place of this target:"


@dataclass(frozen=True, slots=True, init=False)
class Fix:
    """The text of a fix. ``FIX(user=...)`` returns it with its places filled; no value changes the rest of it.

    Attributes:
        text: with ``{name}`` for each place; ``{{`` and ``}}`` are braces.
        at: the heading, which may name places of the text; see :func:`on_target`.
        places: what each place takes, by its name.
    """

    text: str
    at: str
    places: dict[str, Place]

    def __init__(self, text: str, /, *, at: str, **places: Place) -> None:
        """Declare a fix.

        Raises:
            ValueError: the text names a place that is not declared, or the other way round; ``at`` is no heading.
        """
        named = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        if named != places.keys():
            raise ValueError(f"{text!r} has the places {sorted(named)}, and {sorted(places)} are declared")
        if not _HEADING.fullmatch(at):
            raise ValueError(f"{at!r} is no heading: write a comment that ends with a colon")
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "at", at)
        object.__setattr__(self, "places", places)

    def __call__(self, **values: object) -> str:
        """Return the text to paste; the word of a place stands for None and for a value that does not fit.

        Raises:
            TypeError: a place has no value, or a value has no place.
        """
        heading = self.at
        for name, place in self.places.items():
            if name in values:
                heading = heading.replace(f"{{{name}}}", place(values[name]))
        return f"{heading}\n{self.line(**values)}"

    def line(self, **values: object) -> str:
        """Return the text without its heading.

        Raises:
            TypeError: a place has no value, or a value has no place.
        """
        if values.keys() != self.places.keys():
            raise TypeError(f"{self.text!r} takes {sorted(self.places)}, not {sorted(values)}")
        return self.text.format_map({name: place(values[name]) for name, place in self.places.items()})


def addressed(fix: str, host: str, agent: str) -> str:
    """Return the fix with the names of the target and of the agent in its heading."""
    heading, newline, lines = fix.partition("\n")
    if not _HEADING.fullmatch(heading):  # another package's
        return fix
    heading = heading.replace(HOST_NAME, quoting.HOST(host)).replace(AGENT_NAME, quoting.HOST.called("")(agent))
    return f"{heading.replace(' ,', ',')}{newline}{lines}"


def together(fixes: Iterable[str | None]) -> str | None:
    """Return several fixes as one text, in which each heading and each fix stands once; None if there are none."""
    found: dict[str, dict[str, None]] = {}
    for fix in filter(None, fixes):
        heading, _, lines = fix.partition("\n")
        if lines and _HEADING.fullmatch(heading):
            found.setdefault(heading, {})[lines] = None
        else:
            found.setdefault(fix, {})
    return "\n".join(line for heading, bodies in found.items() for line in (heading, *bodies)) or None


FIREWALL_RULE = Fix(
    "{family} saddr {agent} {family} daddr {target} {transport} dport {ports} accept",
    at="# On every firewall between {agent} and {target}, as a rule (nftables syntax):",
    family=Place("ip", lambda text: text if text in ("ip", "ip6") else None),
    agent=quoting.HOST.called("AGENT-ADDRESS"),
    target=quoting.HOST.called("TARGET-ADDRESS"),
    transport=quoting.TRANSPORT,
    ports=quoting.PORTS,
)


def firewall_rule(agent: str, address: str, ports: int | str, transport: str = "tcp") -> str:
    """Return an nftables expression that permits the connection; readable to any firewall team.

    ``ports`` is one port, or a range of them as nftables writes it: "49152-65535".
    """
    return FIREWALL_RULE(**_places(agent, address, ports, transport))


def firewall_expression(agent: str, address: str, ports: int | str, transport: str = "tcp") -> str:
    """Return the same without its heading, as a line of a longer ruleset."""
    return FIREWALL_RULE.line(**_places(agent, address, ports, transport))


def _places(agent: str, address: str, ports: int | str, transport: str) -> dict[str, object]:
    family = "ip6" if ":" in quoting.HOST(address) else "ip"
    return {"family": family, "agent": agent, "target": address, "transport": transport, "ports": ports}
