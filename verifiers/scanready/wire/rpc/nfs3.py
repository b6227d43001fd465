"""NFS version 3: may this user read this directory, and one entry of it (RFC 1813)."""

from __future__ import annotations

from .xdr import Items, opaque, u32, u64

PROGRAM, VERSION = 100003, 3
NULL, ACCESS, READDIR = 0, 4, 16
OK, PERM, NOENT, ACCES, NOTDIR, JUKEBOX = 0, 1, 2, 13, 20, 10008
READ, LOOKUP = 0x01, 0x02
_ATTRIBUTES = 84  # fattr3 has a fixed size
_MOST_NAME = 1024


def access(handle: bytes) -> bytes:
    """Ask which of :data:`READ` and :data:`LOOKUP` this user may."""
    return opaque(handle) + u32(READ | LOOKUP)


def readdir(handle: bytes) -> bytes:
    """Ask for the first entries, of 512 bytes."""
    return opaque(handle) + u64(0) + bytes(8) + u32(512)


def parse_access(results: bytes) -> tuple[int, int]:
    """Return the status and the granted bits.

    Raises:
        WireError: broken.
    """
    items = Items(results)
    status = items.u32()
    _skip_attributes(items)
    return status, items.u32() if status == OK else 0


def parse_readdir(results: bytes) -> tuple[int, str | None]:
    """Return the status and the first name, None of an empty directory; "." and ".." are names.

    Raises:
        WireError: broken.
    """
    items = Items(results)
    status = items.u32()
    _skip_attributes(items)
    if status != OK:
        return status, None
    items.fixed(8)
    if not items.flag():
        return status, None
    items.u64()
    return status, items.text(_MOST_NAME)


def _skip_attributes(items: Items) -> None:
    if items.flag():
        items.fixed(_ATTRIBUTES)
