"""The SQL Server Browser, UDP 1434: which instances a host has, and on which ports.

    we       04 name 00    about one instance       03    about all of them
    Browser  05 size text: ServerName;SQL1;InstanceName;HR;IsClustered;No;Version;16.0.1000.6;tcp;51433;;  and so on

It answers nothing to the name of an instance that it does not know, or that is set to "Hide Instance". One answer
is one datagram. Source: [MC-SQLR] 2.2.1 to 2.2.5.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import Cursor, Steps, WireError, stepwise

#: Ask for all instances.
ALL = b"\x03"
_ANSWER = 0x05
#: An instance has at most 16 characters ([MC-SQLR] 2.2.2 allows 32 bytes).
_LONGEST_NAME = 32


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance. ``tcp`` is None where it does not listen on TCP, ``version`` is that of its first release."""

    server: str
    name: str
    version: str
    clustered: bool
    tcp: int | None
    pipe: str


def about(name: str) -> bytes:
    """Ask for one instance.

    Raises:
        ValueError: no instance can have this name.
    """
    encoded = name.encode("latin-1")
    if not 0 < len(encoded) <= _LONGEST_NAME or b"\0" in encoded:
        raise ValueError(f"{name!r} cannot be the name of an instance")
    return b"\x04" + encoded + b"\0"


@stepwise
def read_answer(cursor: Cursor) -> Steps[tuple[Instance, ...]]:
    """Read the answer, the whole datagram in the buffer.

    Raises:
        WireError: it is none.
    """
    first = yield from cursor.peek(1)
    if first[0] != _ANSWER:
        raise WireError(f"the answer starts with 0x{first[0]:02x}, not with 0x05")
    (size,) = struct.unpack("<xH", (yield from cursor.take(3)))
    # The code page of the server is not told; names are nearly always ASCII.
    return tuple(_instances((yield from cursor.take(size)).decode("latin-1")))


def _instances(text: str) -> list[Instance]:
    """Names and values by turns; an empty name ends an instance."""
    found: list[Instance] = []
    fields: dict[str, str] = {}
    pieces = iter(text.rstrip("\0").split(";"))
    for name in pieces:
        if name:
            fields.setdefault(name.lower(), next(pieces, ""))
        elif fields:
            found.append(_instance(fields))
            fields = {}
    if fields:
        found.append(_instance(fields))
    return found


def _instance(fields: dict[str, str]) -> Instance:
    if "servername" not in fields or "instancename" not in fields:
        raise WireError("an instance in the answer has no name")
    port = fields.get("tcp", "")
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0
    return Instance(
        fields["servername"],
        fields["instancename"],
        fields.get("version", ""),
        fields.get("isclustered", "").lower() == "yes",
        number if 0 < number < 1 << 16 else None,
        fields.get("np", ""),
    )
