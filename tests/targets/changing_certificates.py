"""Servers that show one certificate after another, as balanced ones do, and as somebody does who steps in between."""

from __future__ import annotations

from typing import Any

from fixtures.emulators import Behaviour, Reader, Record, Writer, wiretap
from fixtures.emulators.certificates import LOOPBACK, Kind, authority

#: The same authority's certificate for the same names, and yet another one than "good".
ANOTHER = LOOPBACK[::-1]


class Certificates:
    """Show these kinds in turn, one in each handshake and the last from then on; "another" is a second good one.

    Attributes:
        met: the kind and the connection of each finished handshake.
    """

    def __init__(self, *kinds: Kind | str) -> None:
        self._kinds = kinds
        self.met: list[tuple[str, Record]] = []

    async def secure(self, reader: Reader, writer: Writer, record: Record, *_: Any) -> Any:
        """Do the server's part of a handshake, as :func:`fixtures.emulators.secure`."""
        kind = self._kinds[min(len(self.met), len(self._kinds) - 1)]
        context = authority().context("good", ANOTHER) if kind == "another" else authority().context(kind)
        pair = await wiretap.secure(reader, writer, record, context)
        self.met.append((kind, record))
        return pair

    def around(self, behaviour: Behaviour) -> Behaviour:
        """Return the server in TLS from the first byte."""

        async def secured(reader: Reader, writer: Writer, record: Record) -> None:
            reader, writer = await self.secure(reader, writer, record)
            await behaviour(reader, writer, record)

        return secured

    def received(self, kind: str) -> list[bytes]:
        """Return the bytes of each connection that was shown this kind: those in clear text, and those inside TLS."""
        return [record.received for shown, record in self.met if shown == kind]
