"""Requirements of the scanner for the ways to its own servers."""

from __future__ import annotations

from scanready.catalogue.requirement import Condition, Requirement, Requirements, Seen
from scanready.model import Target

_SECTION = "Master Server Network Requirements"


def _unknown(target: Target, known: Seen) -> bool | None:
    """Return None: no check can see how the Master gets its updates."""
    return None


_UPDATES = Condition("the Master Server, unless updates are copied manually", _unknown)

REQUIREMENTS = {
    "master": Requirements(
        (Requirement("11117", "tcp", f'{_SECTION}: "11117 Inbound From: Node or Proxy Agent hosts."'),),
        doubt="The protocol is not public: ready means that the connection stands, and nothing foreign is heard on it.",
    ),
    "console": Requirements(
        (Requirement("80,443", "tcp", f'{_SECTION}: "80/443 Inbound From: Hosts connecting to the Web Console."'),),
        doubt="Asked of the hosts that open the console, so not of an agent as such.",
        verifies_certificate=True,
    ),
    "update": Requirements(
        (Requirement("8843", "tcp", f'{_SECTION}: "8843 Outbound To: Ground Labs update server."', _UPDATES),),
        doubt="Asked of the Master Server, not of an agent: elsewhere never more than `undecided`.",
        verifies_certificate=True,
    ),
}
