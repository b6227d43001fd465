"""Write hostile text into Markdown: nothing in it is markup, a link, a mention or a picture."""

from __future__ import annotations

import re

from scanready.wire.printable import visible, visible_lines


def code(text: str, most: int = 400) -> str:
    """Return hostile text as a code span: harmless, and whole in a table's cell, too."""
    shown = visible(text, most).replace("|", "¦")
    if not shown.strip():
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}" if "`" in shown else f"`{shown}`"


def fenced(text: str) -> list[str]:
    """Return hostile lines as a block of code."""
    lines = visible_lines(text, 2000)
    fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
    return [f"{fence}text", *lines, fence]


def escaped(text: str) -> str:
    """Return a sentence of ours, in which a name from the inventory may stand, as plain text."""
    shown = visible(text, 4000)
    return re.sub(r"([\\`*_\[\]<>#|~&$])", r"\\\1", shown)
