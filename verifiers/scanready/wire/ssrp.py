"""The SQL Server Browser, UDP 1434: which instances a host has, and on which ports.

    we       04 name 00    about one instance       03    about all of them
    Browser  05 size text: ServerName;SQL1;InstanceName;HR;IsClustered;No;Version;16.0.1000.6;tcp;51433;;  and so on

The size is not heeded: clients (FreeTDS, pytds, Microsoft's) take the datagram for the answer, and Browsers of other
vendors count otherwise. A Browser answers nothing to the name of an instance that it does not know, or that is set to
"Hide Instance". One answer is one datagram. Source: [MC-SQLR] 2.2.1 to 2.2.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import WireError
from .fields import Field, Role
from .printable import quoted

#: Ask for all instances.
ALL = b"\x03"
_ANSWER = 0x05
#: Octets before the text: its kind, and its size.
_HEADER = 3
_CLUSTERED = {"yes": True, "no": False}
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


def read_answer(datagram: bytes) -> tuple[Instance, ...]:
    """Understand the answer, a whole datagram.

    Raises:
        WireError: it is none.
    """
    if datagram[:1] != bytes([_ANSWER]):
        raise WireError(f"the answer starts with {quoted(datagram[:1])}, not with 0x05")
    if len(datagram) < _HEADER:
        raise WireError(f"an answer of {len(datagram)} bytes")
    # The code page of the server is not told; names are nearly always ASCII.
    return tuple(_instances(datagram[_HEADER:].decode("latin-1")))


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
        _CLUSTERED.get(fields.get("isclustered", "").lower(), False),
        number if 0 < number < 1 << 16 else None,
        fields.get("np", ""),
    )


FIELDS = (
    Field(
        "the kind of a datagram",
        rb"^(.)..ServerName",
        (_ANSWER,),
        Role.DISCRIMINATOR,
        why="the protocol has one answer, and nothing else tells it from any other text",
    ),
    Field(
        "a property of an instance",
        rb";(Version);",
        (b"SERVERNAME", b"INSTANCENAME", b"ISCLUSTERED", b"VERSION", b"TCP", b"NP"),
        Role.VALUE,
    ),
    Field("whether an instance is clustered", rb"IsClustered;(\w+);", (b"YES", b"NO"), Role.VALUE),
)
