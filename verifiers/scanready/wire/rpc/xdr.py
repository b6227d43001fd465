"""Build and read the XDR items that NFS uses; each has a multiple of four octets, big-endian (RFC 4506)."""

from __future__ import annotations

import struct

from scanready.wire import UnknownValue, WireError


def u32(number: int) -> bytes:
    """Encode an unsigned integer."""
    return struct.pack(">I", number)


def u64(number: int) -> bytes:
    """Encode an unsigned hyper integer."""
    return struct.pack(">Q", number)


def opaque(value: bytes) -> bytes:
    """Encode variable-length data: length, octets, padding."""
    return u32(len(value)) + value + bytes(-len(value) % 4)


def text(value: str) -> bytes:
    """Encode a string."""
    return opaque(value.encode("utf-8", "surrogateescape"))


class Items:
    """Read items from received data, one after another.

    Every method raises :class:`WireError` if the data ends too early or a length exceeds its bound.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._offset = data, 0

    def fixed(self, count: int) -> bytes:
        """Read ``count`` octets and their padding."""
        end = self._offset + count
        if end > len(self._data):
            raise WireError(f"an RPC message ends where {count} bytes should be")
        taken, self._offset = self._data[self._offset : end], end + -count % 4
        return taken

    def demand(self, count: int) -> None:
        """Raise WireError unless ``count`` numbers can follow."""
        left = len(self._data) - self._offset
        if 4 * count > left:
            raise WireError(f"an RPC message announces {count} numbers in {left} bytes")

    def u32(self) -> int:
        """Read an unsigned integer."""
        return int.from_bytes(self.fixed(4), "big")

    def u64(self) -> int:
        """Read an unsigned hyper integer."""
        return int.from_bytes(self.fixed(8), "big")

    def flag(self) -> bool:
        """Read a boolean; in lists it means "another item follows"."""
        value = self.u32()
        if value > 1:
            raise WireError(f"a boolean of {value}")
        return bool(value)

    def opaque(self, most: int) -> bytes:
        """Read variable-length data of at most ``most`` octets."""
        length = self.u32()
        if length > most:
            raise WireError(f"a field of {length} bytes where at most {most} may be")
        return self.fixed(length)

    def text(self, most: int = 1024) -> str:
        """Read a string."""
        return self.opaque(most).decode("utf-8", "backslashreplace")

    def end(self, of: str) -> None:
        """Raise UnknownValue if octets are left: a peer may fill every answer with zeros, which must prove nothing."""
        left = len(self._data) - self._offset
        if left > 0:
            raise UnknownValue(f"the octets after {of}", f"{left} of them")

    def rest(self) -> bytes:
        """Return the remaining octets."""
        return self._data[self._offset :]
