"""Read answers of MOUNT, versions 1 to 3: exports with their clients, and root handles (RFC 1813, appendix I)."""

from __future__ import annotations

from dataclasses import dataclass

from scanready.wire import OurLimit, UnknownValue
from scanready.wire.fields import Field, Length, Role

from .xdr import Items, text

PROGRAM, VERSION = 100005, 3
MNT, UMNT, EXPORT = 1, 3, 5
OK, PERM, NOENT, ACCES, NOTDIR = 0, 1, 2, 13, 20
_MOST_EXPORTS, _MOST_GROUPS, _MOST_FLAVORS = 2048, 4096, 64


@dataclass(frozen=True, slots=True)
class Export:
    """One exported path and its permitted clients (hosts, networks, netgroups); an empty list permits every client."""

    path: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mounted:
    """The answer to MNT: a status; with status 0 also the handle and the permitted flavors."""

    status: int
    handle: bytes = b""
    flavors: tuple[int, ...] = ()


def path(name: str) -> bytes:
    """Build the argument of MNT and UMNT."""
    return text(name)


def parse_exports(results: bytes) -> tuple[Export, ...]:
    """Read the answer to EXPORT.

    Raises:
        WireError: the answer is broken.
        OurLimit: the list has more exports or groups than this module reads.
    """
    items, found = Items(results), []
    while items.flag():
        name, groups = items.text(), []
        while items.flag():
            groups.append(items.text())
            if len(groups) > _MOST_GROUPS:
                raise OurLimit("an export to more groups than are read")
        found.append(Export(name, tuple(groups)))
        if len(found) > _MOST_EXPORTS:
            raise OurLimit("more exports than are read")
    items.end("the list of exports")
    return tuple(found)


def parse_mounted(results: bytes) -> Mounted:
    """Read the answer to MNT of version 3.

    Raises:
        WireError: the answer is broken.
        UnknownValue: the handle is empty. Clients refuse such a handle (Linux, fs/nfs/mount_clnt.c: decode_fhandle3
            returns -EIO, and the mount returns -EBADHANDLE).
    """
    items = Items(results)
    status = items.u32()
    if status != OK:
        return Mounted(status)
    if not (handle := items.opaque(64)):
        raise UnknownValue("the handle of a granted mount", handle)
    count = items.u32()
    items.demand(count)
    if count > _MOST_FLAVORS:
        raise OurLimit(f"{count} authentication flavors, of which {_MOST_FLAVORS} are read")
    return Mounted(status, handle, tuple(items.u32() for _ in range(count)))


FIELDS = (
    Field(
        "the status of MNT",
        rb"\0\0\0\x01\0{12}\0{4}(.{4})(?:\0\0\0.|$)",
        (OK, PERM, NOENT, 5, ACCES, NOTDIR, 22, 63, 10004, 10006),
        Role.VALUE,
    ),
    Field(
        "a flavor of an export",
        rb"(\0\0\0\x01)$",
        (0, 1, 2, 3, 6, 390003, 390004, 390005),
        Role.OFFER,
        member=b"\0\0\0\x2a",
        lengths=(Length(rb"(\0\0\0\x01)\0\0\0\x01$", counts=True), Length(rb"^\x80(...)", of_carrier=True)),
    ),
)
