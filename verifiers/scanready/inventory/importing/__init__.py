"""Lists that others keep (nmap, Ansible, a CMDB, hosts files) to an inventory that people review.

Each reader turns a file into :class:`Imported`: what was found, each with its line, guesses marked as such; and what
was not imported, with the reason. Nothing is contacted, no secret is taken over, and what is read may be anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from scanready.catalogue.wrong import Wrong, did_you_mean, shown
from scanready.inventory.problems import InventoryError, Problem

from .columns import COLUMN_KINDS, read_mapping
from .found import Imported
from .overlaps import settle
from .source import Source, read_source
from .writing import as_inventory

__all__ = ["COLUMN_KINDS", "KINDS", "Imported", "as_inventory", "import_file", "read_mapping"]

#: What can be read; the words of ``--from``.
KINDS: Mapping[str, str] = {
    "nmap": "nmap's XML (nmap -oX)",
    "ansible": "Ansible's inventory as JSON (ansible-inventory --list)",
    "csv": "a table with a header, as a CMDB exports it",
    "hosts": "one host or target a line",
    "etc-hosts": "/etc/hosts",
}


def import_file(path: str | Path, kind: str | None = None, mapping: Mapping[str, str] | None = None) -> Imported:
    """Read a foreign list; ``-`` is standard input.

    Args:
        kind: what it is, a word of :data:`KINDS`; without, its content tells.
        mapping: headings of a table by what they are, such as ``{"host": "Asset Name"}``.

    Raises:
        InventoryError: it cannot be read, is not of that kind, or is too large.
    """
    if kind is not None and kind not in KINDS:
        known = f"there are {', '.join(KINDS)}{did_you_mean(kind, KINDS)}"
        raise InventoryError([Problem(f"no kind {shown(kind)}: {known}")])
    source = read_source(path)
    chosen = kind or _recognised(source, is_table=bool(mapping))
    if mapping and chosen != "csv":
        told = f"--map names columns of a table, and this is {KINDS[chosen]}: leave it out, or say --from csv"
        raise InventoryError([Problem(told, source.file)])
    found = _read(source, chosen, mapping or {})
    settle(found)
    return found


def _read(source: Source, kind: str, mapping: Mapping[str, str]) -> Imported:
    """Read a file as what it is said to be; if that fails, say what it is where that is known.

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
