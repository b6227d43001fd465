"""The literal things to apply: a fix is a fixed text with places, and each place says what may enter it."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter

from . import quoting
from .quoting import Place


@dataclass(frozen=True, slots=True, init=False)
class Fix:
    """The text of a fix. ``FIX(user=...)`` returns it with its places filled; no value changes the rest of it.

    Attributes:
        text: with ``{name}`` for each place; ``{{`` and ``}}`` are braces.
        places: what each place takes, by its name.
    """

    text: str
    places: dict[str, Place]

    def __init__(self, text: str, /, **places: Place) -> None:
        """Declare a fix.

        Raises:
            ValueError: the text names a place that is not declared, or the other way round.
        """
        named = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        if named != places.keys():
            raise ValueError(f"{text!r} has the places {sorted(named)}, and {sorted(places)} are declared")
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "places", places)

    def __call__(self, **values: object) -> str:
        """Return the text to paste; the word of a place stands for None and for a value that does not fit.

        Raises:
            TypeError: a place has no value, or a value has no place.
        """
        if values.keys() != self.places.keys():
            raise TypeError(f"{self.text!r} takes {sorted(self.places)}, not {sorted(values)}")
        return self.text.format_map({name: place(values[name]) for name, place in self.places.items()})


FIREWALL_RULE = Fix(
    "{family} saddr {agent} {family} daddr {target} {transport} dport {ports} accept",
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
    family = "ip6" if ":" in quoting.HOST(address) else "ip"
    return FIREWALL_RULE(family=family, agent=agent, target=address, transport=transport, ports=ports)
