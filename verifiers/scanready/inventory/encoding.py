"""Decode the bytes of an inventory file."""

from __future__ import annotations

from scanready.files.byte_order import encoding_of

from .problems import InventoryError, Problem


def decode(content: bytes, file: str) -> str:
    """Decode UTF-8, with or without a byte order mark.

    Raises:
        InventoryError: it has another encoding.
    """
    if encoding_of(content) == "utf-16":
        raise InventoryError([Problem("the file is UTF-16: save it as UTF-8", file, 1, 1)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before, byte = content[: error.start], content[error.start]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
    raise InventoryError([Problem(f"not UTF-8 (byte 0x{byte:02x}): save it as UTF-8", file, line, column)])
