"""``--transcript FILE``: write the exchanged bytes as hex and text, without secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from scanready.climb.confidential import redactor_for
from scanready.model import Target
from scanready.net.stream import REMARK, TRACEBACK, Tap
from scanready.redaction import current
from scanready.redaction.pieces import Pieces
from scanready.run import timestamps
from scanready.run.target_name import visible_name

from .outlet import Outlet

_WIDTH = 16
#: The directions of entries that are text, not bytes of a connection.
_WORDS = (TRACEBACK, REMARK)
#: All secrets of the run are searched for in every piece; beyond this number, only those of the target and its host.
_MOST_SECRETS = 64
_HEAD = "# Exchanged bytes, without TLS, secrets as asterisks. Bytes that client libraries send at login are missing.\n"


def recorder(*outlets: Outlet) -> Callable[[Target], Tap]:
    """Return a tap for the engine; every piece becomes a block that names its target, since targets overlap in time.

    A block waits while its end may be the beginning of a secret; the engine flushes the last blocks. The secrets of
    the target and of its host are masked, and those of the whole run if it has at most ``_MOST_SECRETS``.
    """
    for outlet in outlets:
        outlet.write(_HEAD)

    def tap(target: Target) -> Tap:
        return _Transcript(target, outlets)

    return tap


class _Transcript:
    """Record the exchange with one target; called as :data:`scanready.net.stream.Tap`."""

    def __init__(self, target: Target, outlets: Sequence[Outlet]) -> None:
        self._target, self._name = target, visible_name(target)
        self._outlets = outlets
        of_the_run = current().secrets
        self._of_the_run = of_the_run if len(of_the_run) <= _MOST_SECRETS else ()

    @cached_property
    def _pieces(self) -> Pieces:
        """Create the pieces during the climb, whose redactor knows the secrets of other targets on the host."""
        others = (*self._of_the_run, *current().secrets)
        return Pieces(redactor_for(self._target, others=others), self._write)

    def __call__(self, direction: str, data: bytes) -> None:
        if direction in _WORDS:  # already masked; masking a source line again could reveal a secret
            self._pieces.flush()
            self._write(direction, timestamps.now(), data)
        else:
            self._pieces.take(direction, data, timestamps.now())

    def flush(self) -> None:
        """Write the text that was held back."""
        self._pieces.flush()

    def _write(self, direction: str, when: str, data: bytes) -> None:
        shown = _indented(data) if direction in _WORDS else dump(data)
        for outlet in self._outlets:
            outlet.write(f"\n{when} {self._name} {direction} {len(data)} bytes\n{shown}")


def _indented(text: bytes) -> str:
    return "".join(f"    {line}\n" for line in text.decode("utf-8", "backslashreplace").split("\n"))


def dump(data: bytes) -> str:
    """Return ``data`` as lines of offset, hex and text."""
    lines = []
    for offset in range(0, len(data), _WIDTH):
        piece = data[offset : offset + _WIDTH]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece)
        text = text.replace("##", "#.").replace("::", ":.")  # build servers read these marks as commands
        lines.append(f"{offset:06x}  {piece.hex(' '):<{_WIDTH * 3 - 1}}  {text}\n")
    return "".join(lines)
