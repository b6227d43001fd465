"""Lists that others keep (nmap, Ansible, a CMDB, hosts files) to an inventory that people review.

Each reader turns a file into :class:`Imported`: what was found, each with its line, guesses marked as such; and what
was not imported, with the reason. Nothing is contacted, no secret is taken over, and what is read may be anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from scanready.catalogue.wrong import did_you_mean, shown
from scanready.inventory.problems import InventoryError, Problem

from .found import Imported
from .overlaps import settle
from .source import Source, read_source
from .writing import as_inventory

__all__ = ["KINDS", "Imported", "as_inventory", "import_file"]

#: What can be read; the words of ``--from``.
KINDS: Mapping[str, str] = {
    "nmap": "nmap's XML (nmap -oX)",
    "ansible": "Ansible's inventory as JSON (ansible-inventory --list)",
    "csv": "a table with a header, as a CMDB exports it",
    "hosts": "one host or target a line",
    "etc-hosts": "/etc/hosts",
}


def import_file(path: str | Path, kind: str | None = None) -> Imported:
    """Read a foreign list; ``-`` is standard input. Without ``kind`` its content tells what it is.

    Raises:
        InventoryError: it cannot be read, is not of that kind, or is too large.
    """
    source = read_source(path)
    chosen = kind or _recognised(source)
    if chosen not in KINDS:
        known = f"there are {', '.join(KINDS)}{did_you_mean(chosen, KINDS)}"
        raise InventoryError([Problem(f"no kind {shown(chosen)}: {known}")])
    found = _reader(chosen)(source)
    settle(found)
    return found


def _reader(kind: str) -> Callable[[Source], Imported]:
    if kind == "nmap":
        from .nmap import read
    elif kind == "ansible":
        from .ansible import read
    elif kind == "csv":
        from .table import read
    elif kind == "hosts":
        from .lines import read_hosts as read
    else:
        from .lines import read_etc_hosts as read
    return read


def _recognised(source: Source) -> str:
    """What a file is, by how it begins."""
    from .lines import looks_like_etc_hosts
    from .table import has_a_header

    text = source.start()
    start = text.lstrip()
    if start.startswith("<"):
        return "nmap"
    if start.startswith("{"):
        return "ansible"
    if looks_like_etc_hosts(text):
        return "etc-hosts"
    return "csv" if has_a_header(text) else "hosts"
