"""Climb once for all target types on one (host, port): the others get the same checks and the same result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from scanready.catalogue import TargetType
from scanready.model import Check, Step

from .contact import Contact
from .port_memory import PortMemory, Shown, own
from .rung import ClimbEnded
from .shown_certificates import ShownCertificates

T = TypeVar("T")


class Sharing(Protocol):
    """The parts of a probe that climbs share."""

    row: TargetType
    depth: Step
    checks: list[Check]
    contact: Contact
    address: str | None
    port_memory: PortMemory
    shown: ShownCertificates


Climb = TypeVar("Climb", bound=Sharing)


async def share(probe: Climb, question: object, climb: Callable[[Climb], Awaitable[T]]) -> T:
    """See :meth:`scanready.climb.probe.Probe.share`; ``question`` is its key, whatever the type of ``probe``."""
    key, shared = (question, probe.depth, probe.row.speaks, probe.row.tls), probe.port_memory.shared
    if key in shared:
        checks, result, probe.address, contact, shown = shared[key]
        probe.shown.by_name.update(shown)
        probe.contact.take_over(contact)
        probe.checks.extend(own(checks))
        if result is ClimbEnded:
            raise ClimbEnded
        return result  # type: ignore[return-value]  # the result of climb() under the same key
    first = len(probe.checks)
    try:
        found = await climb(probe)
    except ClimbEnded:  # the class is kept: an exception would keep its traceback, and that the whole climb
        shared[key] = probe.checks[first:], ClimbEnded, *_to_share(probe)
        raise
    shared[key] = probe.checks[first:], found, *_to_share(probe)
    return found


def _to_share(probe: Sharing) -> tuple[str | None, Contact, dict[str, Shown]]:
    return probe.address, probe.contact.share(), dict(probe.shown.by_name)
