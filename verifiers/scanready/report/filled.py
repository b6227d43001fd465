"""Fill in the placeholders of a catalogue text for one target."""

from __future__ import annotations

from scanready.model import Target
from scanready.remedies import placeholders
from scanready.run.registry import catalogue


def fill(text: str, target: Target) -> str:
    """Return ``text`` with its placeholders filled in; see :func:`scanready.remedies.placeholders.fill`."""
    return placeholders.fill(text, target, catalogue().get(target.type))
