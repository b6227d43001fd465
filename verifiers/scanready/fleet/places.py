"""Know which hosts of a run are one, by the addresses that agents found on their first visits. No I/O.

A server counts the refused logins of an account, whichever of its names the agents use. The lockout guard of one agent
knows a host by its name and by the address that it met. Here a host has all addresses that any agent found for it.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Set

#: Addresses of one name that are taken from one agent: it may say anything.
_MOST = 32
#: Texts that were read as addresses lately. One visit asks for the same few.
_KEPT = 1024


class Places:
    """The hosts of a run. They are written in lower case.

    Attributes:
        changes: the number of times that an address was found.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._found: dict[str, tuple[str, ...]] = {}
        self._hosts: dict[str, str | set[str]] = {}  # nearly always one, which needs a third of the room
        self._vague: set[str] = set()

    def learn(self, host: str, addresses: Iterable[str]) -> None:
        """Take note of what a name resolved to at one agent: nothing behind a proxy. An address is its own."""
        known = self._known(host)
        if _address(host) is None:
            found = list(filter(None, map(_address, list(addresses)[:_MOST])))
            if not found:
                self._vague.add(host)
            known = tuple(dict.fromkeys([*known, *found]))
        if known == self._found.get(host, ()):
            return
        self._found[host] = known
        self.changes += 1
        for address in known:
            held = self._hosts.setdefault(address, host)
            if isinstance(held, set):
                held.add(host)
            elif held != host:
                self._hosts[address] = {held, host}

    def keys(self, host: str) -> Set[str]:
        """Return the name and the addresses of a host; it may be the same as one that shares any of them."""
        return {host, *self._known(host)}

    def others(self, host: str) -> Set[str]:
        """Return the other hosts that share an address with this one."""
        return set[str]().union(*map(self._at, self._known(host))) - {host}

    def one(self, host: str) -> str:
        """Return what stands for the server that an agent met: the address, or the name if that may lead to others."""
        known = self._known(host)
        return known[0] if len(known) == 1 and host not in self._vague else host

    def count(self, hosts: Iterable[str], most: int) -> int:
        """Return the number of hosts, at most ``most``. Those that may be the same count once."""
        found, met = 0, set[str]()
        for host in hosts:
            keys = self.keys(host)
            found += met.isdisjoint(keys)
            if found == most:
                break
            met |= keys
        return found

    def _known(self, host: str) -> tuple[str, ...]:
        if host in self._found:
            return self._found[host]
        own = _address(host)
        return (own,) if own else ()

    def _at(self, address: str) -> Set[str]:
        held = self._hosts.get(address, set[str]())
        return held if isinstance(held, set) else {held}


@functools.lru_cache(_KEPT)
def _address(text: str) -> str | None:
    """Return an IP address as all agents write it; None for other text."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return str(getattr(found, "ipv4_mapped", None) or found)
