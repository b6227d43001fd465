"""The row of a type that declares none of its own."""

from __future__ import annotations

from scanready.catalogue import Cost, TargetType, Verifier


def stand_in(name: str, verify: Verifier) -> TargetType:
    """Return the row of a type that brings no more than a coroutine: no default port, and any option is taken."""
    cost = Cost(1, 2, login_attempts=1)
    return TargetType(name, name, 0, cost, speaks=name, verifier=verify, takes_keys=True, any_option=True)
