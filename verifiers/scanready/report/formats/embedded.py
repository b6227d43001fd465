"""The run that an HTML report carries in itself, as the document that ``--format json`` writes."""

from __future__ import annotations

from typing import BinaryIO

#: The tag before the document, which holds no ``<``: the next one ends it.
BEFORE = '<script type="application/json" id="scanready-run">'
_BLOCK = 1 << 16


def find_run(page: BinaryIO) -> int:
    """Return at which byte of a page its document begins.

    Raises:
        ValueError: it carries none.
    """
    wanted, before, at = BEFORE.encode(), b"", 0
    page.seek(0)
    while block := page.read(_BLOCK):
        text = before + block
        if (found := text.find(wanted)) >= 0:
            return at - len(before) + found + len(wanted)
        at += len(block)
        before = text[-len(wanted) :]
    raise ValueError("no run is embedded in this page")
