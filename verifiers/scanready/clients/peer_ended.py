"""Recognise the end of a connection among a client library's errors, however the library reports it."""

from __future__ import annotations

from collections.abc import Iterator

#: Errors that a library wraps around another.
_MOST_BEHIND = 16


def peer_ended(error: BaseException) -> bool:
    """Return whether the peer closed or reset the connection; the error may be wrapped, or an argument of another."""
    return any(
        isinstance(one, ConnectionError) and not isinstance(one, ConnectionRefusedError) for one in _behind(error)
    )


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Return an error and those behind it, each once."""
    left, known = [error], set[int]()
    while left and len(known) < _MOST_BEHIND:
        one = left.pop()
        if id(one) in known:
            continue
        known.add(id(one))
        yield one
        around = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        left += [other for other in around if isinstance(other, BaseException)]
