"""Parse the SMB answers that impacket does not: a directory's entries and DFS referrals. Sizes are limited.

Source: [MS-FSCC] 2.4.10 (FileDirectoryInformation), [MS-DFSC] 2.2.4 and 2.2.5 (referrals, versions 1 to 4).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_DIRECTORY, _REPARSE_POINT, _OFFLINE = 0x10, 0x400, 0x1000
_RECALL_ON_OPEN, _RECALL_ON_DATA_ACCESS = 0x40000, 0x400000
_MOST_ENTRIES = 256
_NAME_LIST = 0x0002  # of a version 3 referral: names of domain controllers, not of targets


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one name in a directory, with its attributes."""

    name: str
    attributes: int

    @property
    def is_directory(self) -> bool:
        """Return True for a directory."""
        return bool(self.attributes & _DIRECTORY)

    @property
    def is_here(self) -> bool:
        """Return True if opening it recalls nothing from an archive or a cloud, and follows no link."""
        return not self.attributes & (_OFFLINE | _RECALL_ON_OPEN | _RECALL_ON_DATA_ACCESS | _REPARSE_POINT)


def directory(data: bytes) -> list[Entry]:
    """Return the entries of a directory, without itself and its parent.

    Raises:
        ValueError: the list contradicts itself.
    """
    found: list[Entry] = []
    at = 0
    while data and len(found) < _MOST_ENTRIES:
        if at + 64 > len(data):
            raise ValueError("an entry of the directory ends beyond the answer")
        (following,) = struct.unpack_from("<I", data, at)
        attributes, length = struct.unpack_from("<II", data, at + 56)
        name = data[at + 64 : at + 64 + length]
        if len(name) != length or (following and following < 64):
            raise ValueError("an entry of the directory ends beyond the answer")
        found.append(Entry(name.decode("utf-16le", "replace"), attributes))
        if not following or at + following == len(data):  # the latter is how SMB 1 may end
            break
        at += following
    return [entry for entry in found if entry.name not in (".", "..")]


def referral(data: bytes, asked: str) -> list[str]:
    r"""Return the places (``\server\share\...``) that hold ``asked``, from an answer to FSCTL_DFS_GET_REFERRALS.

    Each place replaces the part of the path that the answer consumed; the rest of the path is appended to it.

    Raises:
        ValueError: the answer contradicts itself.
    """
    if len(data) < 8:
        raise ValueError("the referral is too short")
    used, count = struct.unpack_from("<HH", data)
    rest = asked[used // 2 :].strip("\\")
    found: list[str] = []
    at = 8
    for _ in range(min(count, 64)):
        if at + 8 > len(data):
            raise ValueError("a referral ends beyond the answer")
        version, size, _, flags = struct.unpack_from("<HHHH", data, at)
        offset_at = {2: 20, 3: 16, 4: 16}.get(version)
        if version == 1:
            found.append(_text(data, at + 8))
        elif offset_at is None or size < offset_at + 2 or at + size > len(data):
            raise ValueError(f"a referral of version {version} with {size} octets")
        elif version == 2 or not flags & _NAME_LIST:
            (offset,) = struct.unpack_from("<H", data, at + offset_at)
            found.append(_text(data, at + offset))
        if size < 8:
            raise ValueError("a referral without an end")
        at += size
    return [f"{place.rstrip(chr(92))}\\{rest}" if rest else place for place in found if place]


def _text(data: bytes, at: int) -> str:
    """Return the UTF-16 text at ``at`` up to its NUL."""
    end = at
    while end + 2 <= len(data) and data[end : end + 2] != b"\0\0":
        end += 2
    if at > len(data) or end + 2 > len(data):
        raise ValueError("a text without an end")
    return data[at:end].decode("utf-16le", "replace")
