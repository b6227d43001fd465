"""Find out who answers, by the first bytes of a server that does not speak the expected protocol.

:class:`Signatures` is the table of all signatures (see :mod:`scanready.climb.signature`); of several that claim the
same bytes, the one with the lowest rank counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from scanready.catalogue import Catalogue

if TYPE_CHECKING:
    from .signature import Signature

#: Everything that identifies a protocol is at its start.
MOST_LOOKED_AT = 4096


class Identity(NamedTuple):
    """A recognised protocol: a short id such as "ssh", and a phrase such as "an HTTP server (nginx/1.22.1)".

    ``text`` is printable whatever the peer sent, and of bounded length.
    """

    protocol: str
    text: str


class Signatures:
    """A table of signatures, in the order of their ranks.

    It is read from ``signatures`` when bytes are identified for the first time: most runs hear nothing unexpected, and
    the table of a run takes modules to load.
    """

    def __init__(self, signatures: Iterable[Signature] = ()) -> None:
        self._signatures = signatures

    @classmethod
    def of(cls, catalogue: Catalogue) -> Signatures:
        """Return the table of a run: the foreign protocols, and those of all target types."""
        return cls(_declared(catalogue))

    @cached_property
    def rows(self) -> tuple[Signature, ...]:
        """Return all signatures, the lowest rank first."""
        return tuple(sorted(self._signatures, key=lambda signature: signature.rank))

    def identify(self, first: bytes) -> Identity | None:
        """Return what the first bytes of a peer prove it to be, None if they prove nothing."""
        data = bytes(first[:MOST_LOOKED_AT])
        for signature in self.rows if data else ():
            if (phrase := signature.recognise(data)) is not None:
                return Identity(signature.protocol, phrase)
        return None

    def foreigner(self, heard: bytes, speaks: str) -> Identity | None:
        """Return who answers if the first bytes prove that it is not a server of the protocol ``speaks``."""
        found = self.identify(heard)
        return found if found is not None and found.protocol != speaks else None


def _declared(catalogue: Catalogue) -> Iterator[Signature]:
    """Yield the foreign protocols' signatures, and those that the families declare as ``signatures.SIGNATURES``."""
    from .signature import FOREIGN

    yield from FOREIGN
    for module in catalogue.parts("signatures"):
        yield from module.SIGNATURES
