"""NFS version 3: may this user read this directory, and its first entries (RFC 1813)."""

from __future__ import annotations

from scanready.wire import UnknownValue, WireError
from scanready.wire.fields import Field, Role, bits

from .xdr import Items, opaque, text, u32, u64

PROGRAM, VERSION = 100003, 3
NULL, LOOKUP_NAME, ACCESS, READDIR = 0, 3, 4, 16
OK, PERM, NOENT, ACCES, NOTDIR, JUKEBOX = 0, 1, 2, 13, 20, 10008
#: nfsstat3 (RFC 1813, 2.6).
STATUSES = frozenset((*range(3), 5, 6, 13, *range(17, 23), 27, 28, 30, 31, 63, 66, 69, 70, 71, *range(10001, 10009)))
READ, LOOKUP = 0x01, 0x02
_ATTRIBUTES = 84  # fattr3 has a fixed size
_MOST_NAME, _MOST_NAMES = 1024, 1024


def access(handle: bytes) -> bytes:
    """Ask which of :data:`READ` and :data:`LOOKUP` this user may."""
    return opaque(handle) + u32(READ | LOOKUP)


def lookup(directory: bytes, name: str) -> bytes:
    """Ask for the handle of an entry."""
    return opaque(directory) + text(name)


def readdir(handle: bytes) -> bytes:
    """Ask for the first entries, of 512 bytes."""
    return opaque(handle) + u64(0) + bytes(8) + u32(512)


def parse_access(results: bytes) -> tuple[int, int]:
    """Return the status and the granted bits.

    Raises:
        WireError: broken; an answer that grants nothing counts only if it ends there.
    """
    items = Items(results)
    status = items.u32()
    _skip_attributes(items)
    granted = items.u32() if status == OK else 0
    if status == OK and not granted:
        items.end("the rights that are granted")
    return status, granted


def parse_lookup(results: bytes) -> tuple[int, bytes]:
    """Return the status and the handle.

    Raises:
        WireError: broken.
        UnknownValue: a handle without an octet, which names nothing.
    """
    items = Items(results)
    status = items.u32()
    handle = items.opaque(64) if status == OK else b""
    if status == OK and not handle:
        raise UnknownValue("the handle of an entry", handle)
    return status, handle


def parse_readdir(results: bytes) -> tuple[int, tuple[str, ...]]:
    """Return the status and the first names, without "." and "..".

    Raises:
        WireError: broken.
    """
    items = Items(results)
    status = items.u32()
    _skip_attributes(items)
    if status != OK:
        return status, ()
    items.fixed(8)
    found: list[str] = []
    while items.flag():
        items.u64()
        found.append(items.text(_MOST_NAME))
        items.u64()
        if len(found) > _MOST_NAMES:
            raise WireError("more names than were asked for")
    return status, tuple(name for name in found if name not in (".", ".."))


def _skip_attributes(items: Items) -> None:
    if items.flag():
        items.fixed(_ATTRIBUTES)


FIELDS = (
    Field("the status of an NFSv3 call", rb"\0\0\0\x01\0{16}(\0{4})\0\0\0[\0\x01]", STATUSES, Role.VALUE),
    Field("the rights that are granted", rb"(\0\0\0[\x01-\x3f])$", bits(0x3F), Role.VALUE, flags=True),
)
