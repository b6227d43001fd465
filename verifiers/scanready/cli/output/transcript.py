"""``--transcript FILE``: the bytes exchanged, as hex and text, without secrets."""

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
#: The directions of entries that are text, and no bytes of a connection.
_WORDS = (TRACEBACK, REMARK)
#: Each is searched for in every piece: with more, only the target's own and its host's are.
_MOST_SECRETS = 64
_HEAD = (
    "# Bytes exchanged, TLS removed, secrets replaced by asterisks. What client libraries send at login is not here.\n"
)


def recorder(*outlets: Outlet) -> Callable[[Target], Tap]:
    """Return a tap for the engine; every piece is a block of its own that names its target, since talks overlap.

    A block waits while its end may be the beginning of a secret; the engine has the last ones written. Masked are the
    secrets of the target and of its host, and those of the whole run where it uses no more than some dozens.
    """
    for outlet in outlets:
        outlet.write(_HEAD)

    def tap(target: Target) -> Tap:
        return _Transcript(target, outlets)

    return tap


class _Transcript:
    """The talk with one target; :data:`scanready.net.stream.Tap` is how it is called."""

    def __init__(self, target: Target, outlets: Sequence[Outlet]) -> None:
        self._target, self._name = target, visible_name(target)
        self._outlets = outlets
        of_the_run = current().secrets
        self._of_the_run = of_the_run if len(of_the_run) <= _MOST_SECRETS else ()

    @cached_property
    def _pieces(self) -> Pieces:
        """Made in the climb, whose redactor knows the secrets that other targets of the host use."""
        others = (*self._of_the_run, *current().secrets)
        return Pieces(redactor_for(self._target, others=others), self._write)

    def __call__(self, direction: str, data: bytes) -> None:
        if direction in _WORDS:  # its secrets are masked, and a hole in a source line would tell one
            self._pieces.flush()
            self._write(direction, timestamps.now(), data)
        else:
            self._pieces.take(direction, data, timestamps.now())

    def flush(self) -> None:
        """Write what was held back."""
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
        text = text.replace("##", "#.").replace("::", ":.")  # marks of commands that build servers read in any output
        lines.append(f"{offset:06x}  {piece.hex(' '):<{_WIDTH * 3 - 1}}  {text}\n")
    return "".join(lines)
