"""Bound what one climb records and opens: a verifier that does not stop by itself is stopped.

No type of ours comes near these numbers. Beyond them a verifier is in a loop, and costs the target or this agent. The
addresses of a name are no loop: all of them are dialled, each has a check, and they come on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scanready.model import Check

from .misconduct import Misconduct

if TYPE_CHECKING:
    from .contact import Contact

#: Checks of one target.
MOST_CHECKS = 500
#: Connections to one target, and questions over UDP.
MOST_CONNECTIONS = 256


def most_checks(contact: Contact) -> int:
    """Return how many checks a climb may record, whose names have so many addresses."""
    return MOST_CHECKS + max(0, contact.widest - 1)


def require_room(checks: Sequence[Check], contact: Contact) -> None:
    """Check that a climb may record one more check.

    Raises:
        Misconduct: it has as many as it may.
    """
    if len(checks) >= MOST_CHECKS and len(checks) >= most_checks(contact):
        raise Misconduct(f"recorded {len(checks)} checks and did not stop")


def require_connection(contact: Contact) -> None:
    """Check that a climb may open one more connection, or ask one more question over UDP.

    Raises:
        Misconduct: it has opened as many as it may.
    """
    if contact.connections >= MOST_CONNECTIONS + max(0, contact.widest - 1):
        raise Misconduct(f"opened {contact.connections} connections and did not stop")
