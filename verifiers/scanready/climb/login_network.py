"""Dial for a login, and only to places that may have its credential.

A library asks for its connections here, so a server that sends it on to another host leads nowhere: the address is
checked as it is dialled, whatever name it had. So is the port: on the target's own host, too, no server leads us to a
port that another service is known by.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence

from scanready.catalogue import Catalogue, TargetType
from scanready.catalogue.option import FOLLOW_REDIRECTS
from scanready.causes import common
from scanready.model import Step, Target, bracketed
from scanready.net.allowed import NotAllowed
from scanready.net.dial import dial
from scanready.net.passage import ALWAYS_OPEN, Passage
from scanready.net.resolve import Resolver, literal
from scanready.net.sockets import Address
from scanready.net.stream import Stream
from scanready.wire.printable import printable

from .explain import Failure, explain
from .other_services import other_services

#: Connections of one login; none needs more than four.
_MOST_CONNECTIONS = 16
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class OwnPlaces:
    """The connections of one login.

    Args:
        target: its own addresses are always permitted.
        row: its type; where that has the option ``follow_redirects``, a refusal names it.
        address: the address that the climb is connected to; None if it is not.
        resolver: knows the addresses of names.
        deadline: in the event loop's time.
        hosts: further hosts that belong to this login, such as the operator's proxy.
        opened: called with each connection, before it is used.
        catalogue: knows the ports of other services; None permits every port. The operator chose those of ``hosts``.
        permit: :attr:`scanready.climb.guard.Attempt.permit`; None where no login is guarded.
        passage: where the connections wait for their turns.
    """

    def __init__(
        self,
        target: Target,
        row: TargetType,
        address: str | None,
        resolver: Resolver,
        deadline: float,
        hosts: Iterable[str],
        opened: Callable[[Stream], object],
        catalogue: Catalogue | None = None,
        permit: Callable[[], None] | None = None,
        passage: Passage = ALWAYS_OPEN,
    ) -> None:
        allowed = [place for place in str(FOLLOW_REDIRECTS.of(target.options) or "").split(",") if place]
        self._target = target
        self._address = address
        self._resolver = resolver
        self._deadline = deadline
        self._opened = opened
        self._may_follow = FOLLOW_REDIRECTS in row.options
        self._hosts = list(hosts)
        foreign = other_services(catalogue, row.speaks) if catalogue is not None else {}
        own = {str(target.port), *(port for line in row.requirements.lines for port in line.ports.split(","))}
        self._foreign = {port: name for port, name in foreign.items() if str(port) not in own}
        self._names = [target.host, *self._hosts, *(name for name in allowed if _network(name) is None)]
        self._networks = [network for network in map(_network, allowed) if network is not None]
        self._dialled = 0
        self._passage = passage
        #: Raises ``login.withheld`` if the account was refused since the login began.
        self.permit = permit or (lambda: None)
        #: Places beyond the target's own that ``follow_redirects`` permitted, as "host:port", in the order of dialling.
        self.followed: list[str] = []

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Resolve; a name that cannot be permitted is not even looked up."""
        if literal(host, port) is None and not self._networks and not self._is_named(host):
            raise self._withheld(host, port)
        return await self._resolver.addresses(host, port, self._deadline)

    async def dial(self, host: str, port: int, seconds: float | None) -> Stream:
        """Connect to the first address, if it is permitted."""
        self._dialled += 1
        if self._dialled > _MOST_CONNECTIONS:
            raise Failure(common.LIMIT, f"the login opened more than {_MOST_CONNECTIONS} connections")
        address, *_ = await self.addresses(host, port)
        await self._demand_permission(host, address)
        await self._demand_port(host, address)
        now = asyncio.get_running_loop().time()
        end = self._deadline if seconds is None else min(self._deadline, now + seconds)
        try:
            return await dial(address, end, None, self._opened, passage=self._passage)
        except NotAllowed as error:  # the library would say in its own words that the server cannot be reached
            found = explain(error, Step.LOGIN, "")
            raise Failure(found.cause, f"the login is led to {found.detail}") from error

    async def _demand_permission(self, host: str, address: Address) -> None:
        where, port = str(address[1][0]), int(address[1][1])
        if where == self._address or where in await self._addresses_of(self._names[:1]):
            return
        plain = ipaddress.ip_address(where.partition("%")[0])
        if any(plain in network for network in self._networks) or where in await self._addresses_of(self._names[1:]):
            self.followed.append(f"{bracketed(where)}:{port}")
            return
        raise self._withheld(host, port, where)

    async def _demand_port(self, host: str, address: Address) -> None:
        where, port = str(address[1][0]), int(address[1][1])
        if port in self._foreign and where not in await self._addresses_of(self._hosts):
            at = f"{bracketed(printable(host, 255))}:{port}"
            detail = f"the login is sent on to {at}, a port that {self._foreign[port]} has; nothing was sent there"
            raise Failure(common.LOGIN_WITHHELD, detail)

    async def _addresses_of(self, names: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for name in names:
            with contextlib.suppress(socket.gaierror):  # a place that does not exist permits none
                answers = await self._resolver.addresses(name, self._target.port, self._deadline)
                found |= {str(address[1][0]) for address in answers}
        return found

    def _is_named(self, host: str) -> bool:
        return host.lower().rstrip(".") in (name.lower().rstrip(".") for name in self._names)

    def _withheld(self, host: str, port: int, address: str = "") -> Failure:
        shown = printable(host, 255)
        at = f" ({address})" if address and address != host else ""
        detail = f"the server redirects the login to {bracketed(shown)}:{port}{at}, which is not {self._target.host}"
        way = "add that host as a separate target, if the credential is for it"
        if self._may_follow:
            way = "`follow_redirects: [HOST or NETWORK]` at the target permits it"
        return Failure(common.LOGIN_WITHHELD, f"{detail}; the credential was not sent there; {way}")


def _network(text: str) -> _Network | None:
    """Return the network or address that a text names, None for a host name."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
