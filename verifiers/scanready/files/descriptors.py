"""Know the standard streams that have another descriptor than at the beginning of the process.

A path such as ``/dev/fd/1`` means the stream, wherever it is now. A module of its own, for every command loads it.
"""

from __future__ import annotations

_moved: dict[int, int] = {}


def note_moved(descriptor: int, to: int) -> None:
    """Note that a stream has another descriptor now."""
    _moved[descriptor] = to


def present(descriptor: int) -> int:
    """Return the descriptor that a stream has now."""
    return _moved.get(descriptor, descriptor)
