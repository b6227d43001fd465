"""Mask secrets in a talk that arrives in pieces: a secret may begin in one and end in another.

A piece is held back only while its end may be the beginning of a secret. The pieces
leave in the order in which they came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .redactor import Redactor

#: Bytes that wait at most; a peer that feeds beginnings of a secret gets no more of our memory.
_MOST_WAITING = 1 << 16
#: Bytes that one character of a secret takes at most in a form: an escape of UTF-16.
_WRITTEN = 12


@dataclass(slots=True)
class _Piece:
    """``end`` is how many bytes of its direction there were with it; ``masked`` are its bytes as they leave."""

    way: _Way
    label: str
    end: int
    masked: bytearray


@dataclass(slots=True)
class _Way:
    """One direction: all that came so far is ``length`` bytes, of which the last are kept.

    From ``open_from`` on they may be the beginning of a secret.
    """

    direction: str
    length: int = 0
    last: bytes = b""
    open_from: int = 0


class Pieces:
    """One target's talk.

    Args:
        emit: takes direction, label and bytes of each piece, masked, in the order of :meth:`take`.
    """

    def __init__(self, redactor: Redactor, emit: Callable[[str, str, bytes], None]) -> None:
        self._redactor = redactor
        self._emit = emit
        self._waiting: deque[_Piece] = deque()
        self._bytes = 0
        self._ways: dict[str, _Way] = {}
        self._longest = _WRITTEN * max((len(secret) for secret in redactor.secrets), default=0)

    def take(self, direction: str, data: bytes, label: str = "") -> None:
        """Take the next piece; it and those before it leave as soon as no secret can go on behind them."""
        way = self._ways.setdefault(direction, _Way(direction))
        before, joined = way.length - len(way.last), way.last + data
        way.length += len(data)
        self._waiting.append(_Piece(way, label, way.length, bytearray(self._redactor.data(data))))
        self._bytes += len(data)
        if self._longest:
            self._mask(way, before, joined)
            way.open_from = before + self._redactor.beginning(joined)
            way.last = joined[-self._longest :]
        while self._waiting and (self._is_closed(self._waiting[0]) or self._bytes > _MOST_WAITING):
            self._leave()

    def flush(self) -> None:
        """Let everything leave: nothing comes behind it."""
        while self._waiting:
            self._leave()

    def _is_closed(self, piece: _Piece) -> bool:
        return not self._longest or piece.end <= piece.way.open_from

    def _leave(self) -> None:
        piece = self._waiting.popleft()
        self._bytes -= len(piece.masked)
        self._emit(piece.way.direction, piece.label, bytes(piece.masked))

    def _mask(self, way: _Way, before: int, joined: bytes) -> None:
        """Mask secrets that begin before the newest piece, in all pieces that are still here."""
        for start, end in self._redactor.spans(joined):
            for piece in reversed(self._waiting):
                if piece.way is not way:
                    continue
                begins = piece.end - len(piece.masked)
                first, after = max(before + start, begins), min(before + end, piece.end)
                if first < after:
                    piece.masked[first - begins : after - begins] = b"*" * (after - first)
                if begins <= before + start:
                    break
