"""Requirements of the scanner for the connections to its own servers."""

from __future__ import annotations

from scanready.catalogue.requirement import Condition, Requirement, Requirements, Seen
from scanready.model import Target

_SECTION = "Master Server Network Requirements"


def _unknown(target: Target, known: Seen) -> bool | None:
    """Return None: a check cannot find out how the Master Server gets its updates."""
    return None


def _no_443(target: Target, known: Seen) -> bool | None:
    """Return False once 443 answered: the console redirects browsers from 80 to it, so 80 may be closed."""
    return False if any(port == 443 for _, port, _ in known.endpoints) else None


_TO_CONSOLE = "Inbound From: Hosts connecting to the Web Console."
_WITHOUT_443 = Condition("browsers that begin with http://; it may be closed if 443 works", _no_443)
_UPDATES = Condition("the Master Server, and only if updates are not copied manually", _unknown)

REQUIREMENTS = {
    "master": Requirements(
        (Requirement("11117", "tcp", f'{_SECTION}: "11117 Inbound From: Node or Proxy Agent hosts."'),),
        doubt="The protocol is not public. Ready means that the connection stays open and no other protocol answers.",
    ),
    "console": Requirements(
        (
            Requirement("443", "tcp", f'{_SECTION}: "80/443 {_TO_CONSOLE}"'),
            Requirement("80", "tcp", f'{_SECTION}: "80/443 {_TO_CONSOLE}"', _WITHOUT_443),
        ),
        doubt="This requirement is for hosts that open the console, which need not be agents.",
        verifies_certificate=True,
    ),
    "update": Requirements(
        (Requirement("8843", "tcp", f'{_SECTION}: "8843 Outbound To: Ground Labs update server."', _UPDATES),),
        doubt="This requirement is for the Master Server. From other hosts the verdict is always `undecided`.",
        verifies_certificate=True,
    ),
}
