"""Keep evidence of a climb that does not depend on its verifier: the endpoints contacted, and whether one answered."""

from __future__ import annotations

from dataclasses import dataclass, field

from scanready.model import bracketed
from scanready.net.sockets import Address
from scanready.net.stream import Stream


@dataclass(slots=True, eq=False)
class Contact:
    """Written by the probe as it connects, and asks over UDP.

    Attributes:
        endpoints: "host:port" of each name and address that was contacted.
        connections: how many connections the probe counted itself; a verifier may count those of its own client.
        widest: how many addresses the name has that has the most.
    """

    endpoints: set[str] = field(default_factory=set)
    connections: int = 0
    widest: int = 0
    _streams: list[Stream] = field(default_factory=list)
    _answered: bool = False

    @property
    def answered(self) -> bool:
        """True once a byte came from any of them, or may have reached a client library."""
        return self._answered or any(stream.answered for stream in self._streams)

    def at(self, host: str, port: int, addresses: list[Address]) -> None:
        """Note that a name, and its addresses, are contacted."""
        self.widest = max(self.widest, len(addresses))
        self.endpoints |= {f"{bracketed(name)}:{port}" for name in (host, *(str(where[0]) for _, where in addresses))}

    def opened(self, stream: Stream) -> None:
        """Note a connection; whether it answers shows later."""
        self._streams.append(stream)

    def note_answer(self) -> None:
        """Note an answer that came on no stream."""
        self._answered = True

    def share(self) -> Contact:
        """Return a copy without connections, for another climb that reuses the checks of this one."""
        return Contact(set(self.endpoints), self.connections, self.widest, [], self.answered)

    def take_over(self, shared: Contact) -> None:
        """Add what a shared climb knew."""
        self.endpoints |= shared.endpoints
        self.widest = max(self.widest, shared.widest)
        self._answered = self._answered or shared._answered
