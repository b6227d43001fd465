"""MOUNT, versions 1 to 3: what is exported to whom, and the handle to begin with (RFC 1813, appendix I)."""

from __future__ import annotations

from dataclasses import dataclass

from scanready.wire import WireError

from .xdr import Items, text

PROGRAM, VERSION = 100005, 3
MNT, UMNT, EXPORT = 1, 3, 5
OK, PERM, NOENT, ACCES, NOTDIR = 0, 1, 2, 13, 20
_MOST_EXPORTS, _MOST_GROUPS, _MOST_FLAVORS = 2048, 4096, 64


@dataclass(frozen=True, slots=True)
class Export:
    """One exported path, and to whom: hosts, networks, netgroups; nobody named means everybody."""

    path: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mounted:
    """The answer to MNT: a status, and with 0 the handle and the flavors that may be used."""

    status: int
    handle: bytes = b""
    flavors: tuple[int, ...] = ()


def path(name: str) -> bytes:
    """The argument of MNT and UMNT."""
    return text(name)


def parse_exports(results: bytes) -> tuple[Export, ...]:
    """Read the answer to EXPORT.

    Raises:
        WireError: broken, or longer than any list.
    """
    items, found = Items(results), []
    while items.flag():
        name, groups = items.text(), []
        while items.flag():
            groups.append(items.text())
            if len(groups) > _MOST_GROUPS:
                raise WireError("an export to more groups than there can be")
        found.append(Export(name, tuple(groups)))
        if len(found) > _MOST_EXPORTS:
            raise WireError("more exports than there can be")
    return tuple(found)


def parse_mounted(results: bytes) -> Mounted:
    """Read the answer to MNT of version 3.

    Raises:
        WireError: broken.
    """
    items = Items(results)
    status = items.u32()
    if status != OK:
        return Mounted(status)
    handle, count = items.opaque(64), items.u32()
    if count > _MOST_FLAVORS:
        raise WireError(f"{count} authentication flavors")
    return Mounted(status, handle, tuple(items.u32() for _ in range(count)))
