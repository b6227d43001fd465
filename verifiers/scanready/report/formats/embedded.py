"""Find the run that an HTML report contains, in the form of the document that ``--format json`` writes."""

from __future__ import annotations

from typing import BinaryIO

#: The tag before the document, which holds no ``<``: the next one ends it.
BEFORE = '<script type="application/json" id="scanready-run">'
_BLOCK = 1 << 16


def find_run(page: BinaryIO) -> int:
    """Return the byte offset of the document in a page.

    Raises:
        ValueError: the page contains none.
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
