"""A TLS handshake inside the packets of another protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scanready.wire import Reader


@dataclass(frozen=True, slots=True)
class Framing:
    """Carry a TLS handshake inside another protocol's packets, as SQL Server does.

    ``wrap`` puts outgoing bytes into packets. ``unwrap`` takes TLS out of the next packet, or returns the next record
    that comes without one. It is used to the end of the connection, since a server may frame what it sends right
    after the handshake.
    """

    wrap: Callable[[bytes], bytes]
    unwrap: Reader[bytes]
