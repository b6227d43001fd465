"""Encode requests to the SQL Server Browser (UDP 1434) and decode its list of instances and ports.

    agent    04 name 00    for one instance         03    for all instances
    Browser  05 size text: ServerName;SQL1;InstanceName;HR;IsClustered;No;Version;16.0.1000.6;tcp;51433;;  and so on

The size is ignored: clients (FreeTDS, pytds, Microsoft's) treat the whole datagram as the answer, and Browsers of other
vendors count differently. A Browser does not answer a request for an unknown instance, or for one that is set to "Hide
Instance". One answer is one datagram. Source: [MC-SQLR] 2.2.1 to 2.2.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import WireError
from .fields import Field, Role
from .printable import quoted

#: Ask for all instances.
ALL = b"\x03"
_ANSWER = 0x05
#: Octets before the text: the message type and the size.
_HEADER = 3
_CLUSTERED = {"yes": True, "no": False}
#: An instance has at most 16 characters ([MC-SQLR] 2.2.2 allows 32 bytes).
_LONGEST_NAME = 32


@dataclass(frozen=True, slots=True)
class Instance:
    """Hold one instance; ``version`` is that of its first release.

    ``tcp`` is None without a port. ``unknown_tcp`` then has the value of the property, if it has one that is no port.
    """

    server: str
    name: str
    version: str
    clustered: bool
    tcp: int | None
    pipe: str
    unknown_tcp: str = ""


def about(name: str) -> bytes:
    """Return the request for one instance.

    Raises:
        ValueError: no instance can have this name.
    """
    encoded = name.encode("latin-1")
    if not 0 < len(encoded) <= _LONGEST_NAME or b"\0" in encoded:
        raise ValueError(f"{name!r} cannot be the name of an instance")
    return b"\x04" + encoded + b"\0"


def read_answer(datagram: bytes) -> tuple[Instance, ...]:
    """Parse an answer, which is a whole datagram.

    Raises:
        WireError: the datagram is not an answer.
    """
    if datagram[:1] != bytes([_ANSWER]):
        raise WireError(f"the answer starts with {quoted(datagram[:1])}, not with 0x05")
    if len(datagram) < _HEADER:
        raise WireError(f"an answer of {len(datagram)} bytes")
    # The answer does not name the server's code page; names are nearly always ASCII.
    return tuple(_instances(datagram[_HEADER:].decode("latin-1")))


def _instances(text: str) -> list[Instance]:
    """Parse alternating names and values; an empty name ends an instance."""
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
    tcp = number if 0 < number < 1 << 16 else None
    return Instance(
        fields["servername"],
        fields["instancename"],
        fields.get("version", ""),
        _CLUSTERED.get(fields.get("isclustered", "").lower(), False),
        tcp,
        fields.get("np", ""),
        port if tcp is None else "",
    )


FIELDS = (
    Field(
        "the kind of a datagram",
        rb"^(.)..ServerName",
        (_ANSWER,),
        Role.DISCRIMINATOR,
        why="the protocol has one answer type, and nothing else distinguishes the answer from other text",
    ),
    Field(
        "a property of an instance",
        rb";(Version);",
        (b"SERVERNAME", b"INSTANCENAME", b"ISCLUSTERED", b"VERSION", b"TCP", b"NP"),
        Role.VALUE,
    ),
    Field("whether an instance is clustered", rb"IsClustered;(\w+);", (b"YES", b"NO"), Role.VALUE),
)
