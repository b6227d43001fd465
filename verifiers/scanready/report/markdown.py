"""Write untrusted text into Markdown without any effect: no markup, link, mention or picture."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scanready.wire.printable import visible, visible_lines


def code(text: str, most: int = 400) -> str:
    """Return untrusted text as a code span, which also fits into the cell of a table."""
    shown = visible(text, most).replace("|", "¦")
    if not shown.strip():
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}" if "`" in shown else f"`{shown}`"


def codes(names: Sequence[str], most: int = 6) -> str:
    """Return untrusted names as code spans, joined by commas; more than ``most`` are counted."""
    left = len(names) - most
    text = ", ".join(code(name, 80) for name in names[:most])
    return f"{text} and {left} more" if left > 0 else text


def fenced(text: str) -> list[str]:
    """Return untrusted lines as a block of code."""
    lines = visible_lines(text, 2000)
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
    return [f"{fence}text", *lines, fence]


def escaped(text: str) -> str:
    """Escape a sentence of ours, which may contain an inventory name; a quotation in backticks becomes code."""
    shown = visible(text, 4000)
    pieces = shown.split("`")
    if len(pieces) % 2 == 0:  # one backtick has no partner
        return _neutral(shown)
    return "".join(code(piece, 4000) if place % 2 else _neutral(piece) for place, piece in enumerate(pieces))


def _neutral(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#|~&$])", r"\\\1", text)
