"""Import lists of other tools (nmap, Ansible, a CMDB, hosts files) as an inventory for review.

Each reader turns a file into :class:`Imported`: the targets, each with its line and its guess, and the skipped entries
with their reasons. Nothing is contacted and no secret is copied. The file may come from an untrusted source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from scanready.catalogue.wrong import Wrong, did_you_mean, shown
from scanready.inventory.problems import InventoryError, Problem

from .columns import COLUMN_KINDS, read_mapping
from .found import KINDS, Imported
from .overlaps import settle
from .source import Source, read_source
from .writing import as_inventory

__all__ = ["COLUMN_KINDS", "KINDS", "Imported", "as_inventory", "import_file", "read_mapping"]


def import_file(path: str | Path, kind: str | None = None, mapping: Mapping[str, str] | None = None) -> Imported:
    """Read another tool's list; ``-`` is standard input.

    Args:
        kind: the kind of file, a key of :data:`KINDS`; None recognises it by its content.
        mapping: headings of a table by kind, such as ``{"host": "Asset Name"}``.

    Raises:
        InventoryError: it cannot be read, is not of that kind, or is too large.
    """
    if kind is not None and kind not in KINDS:
        known = f"the kinds are {', '.join(KINDS)}{did_you_mean(kind, KINDS)}"
        raise InventoryError([Problem(f"there is no kind of file {shown(kind)}; {known}")])
    source = read_source(path)
    chosen = kind or _recognised(source, is_table=bool(mapping))
    if mapping and chosen != "csv":
        wrong = f"--map names columns of a table, but this file is {KINDS[chosen]}: remove --map, or add --from csv"
        raise InventoryError([Problem(wrong, source.file)])
    found = _read(source, chosen, mapping or {})
    settle(found)
    return found


def _read(source: Source, kind: str, mapping: Mapping[str, str]) -> Imported:
    """Read a file as the given kind; if that fails, name the real kind if it is known.

    Raises:
        InventoryError: it is not of that kind.
    """
    from .recognised import refusal

    try:
        return _reader(kind, mapping)(source)
    except InventoryError:
        if told := refusal(source, source.start()):
            raise InventoryError([Problem(told, source.file, 1)]) from None
        raise


def _recognised(source: Source, *, is_table: bool) -> str:
    from .recognised import recognise

    wrong = ""
    try:
        kind = recognise(source)
    except Wrong as error:
        wrong = "; ".join(error.messages)
    if wrong:
        raise InventoryError([Problem(wrong, source.file, 1)])
    return "csv" if is_table and kind in ("hosts", "etc-hosts") else kind


def _reader(kind: str, mapping: Mapping[str, str]) -> Callable[[Source], Imported]:
    if kind == "csv":
        from .table import read as read_table

        return partial(read_table, mapping=mapping)
    if kind == "nmap":
        from .nmap import read
    elif kind == "ansible":
        from .ansible import read
    elif kind == "hosts":
        from .lines import read_hosts as read
    else:
        from .lines import read_etc_hosts as read
    return read
