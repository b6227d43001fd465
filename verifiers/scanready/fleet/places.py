"""Know which hosts of a run are one, by the addresses that agents found on their first visits. No I/O.

A server counts the refused logins of an account, whichever of its names the agents use. The lockout guard of one agent
knows a host by its name and by the address that it met. Here a host has all addresses that any agent found for it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Set

#: Addresses of one name that are taken from one agent: it may say anything.
_MOST = 32


class Places:
    """The hosts of a run. They are written in lower case."""

    def __init__(self) -> None:
        self._found: dict[str, set[str]] = {}
        self._hosts: dict[str, set[str]] = {}

    def learn(self, host: str, addresses: Iterable[str]) -> None:
        """Take note of what a name resolved to at one agent. An address is its own."""
        own = _address(host)
        taken = [address for address in map(_address, list(addresses)[:_MOST]) if address] if own is None else [own]
        if not taken:
            return
        self._found.setdefault(host, set()).update(taken)
        for address in taken:
            self._hosts.setdefault(address, set()).add(host)

    def keys(self, host: str) -> Set[str]:
        """Return the name and the addresses of a host; it may be the same as one that shares any of them."""
        return {host, *self._known(host)}

    def others(self, host: str) -> Set[str]:
        """Return the other hosts that share an address with this one."""
        return set[str]().union(*(self._hosts.get(address, ()) for address in self._known(host))) - {host}

    def one(self, host: str) -> str:
        """Return what stands for the server that was met: the address, or the name if that may lead to several ones."""
        known = self._known(host)
        return next(iter(known)) if len(known) == 1 else host

    def _known(self, host: str) -> Set[str]:
        if host in self._found:
            return self._found[host]
        own = _address(host)
        return {own} if own else set()


def _address(text: str) -> str | None:
    """Return an IP address as all agents write it; None for other text."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return str(getattr(found, "ipv4_mapped", None) or found)
