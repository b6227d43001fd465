"""Fill the places of a catalogue text for one target, by the row of its type."""

from __future__ import annotations

from scanready.model import Target
from scanready.remedies import placeholders
from scanready.run.registry import catalogue


def fill(text: str, target: Target) -> str:
    """Return ``text`` with its places filled in; see :func:`scanready.remedies.placeholders.fill`."""
    return placeholders.fill(text, target, catalogue().get(target.type))
