"""Put the login methods that a server offers in words."""

from __future__ import annotations

from collections.abc import Sequence


def offers(names: Sequence[str]) -> str:
    """Return ``offers the login method PLAIN``, or ``offers the login methods LOGIN and PLAIN``.

    Args:
        names: the methods as the protocol names them.
    """
    if not names:
        return "requires a login but names no login method"
    if len(names) == 1:
        return f"offers the login method {names[0]}"
    return f"offers the login methods {', '.join(names[:-1])} and {names[-1]}"
