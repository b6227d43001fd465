"""Names to addresses, as the scanner itself would resolve them: through the system's resolver.

Each name is asked once per run. The threads are our own: the event loop's default
pool has so few that a handful of dead resolvers would stop everything else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor

from .stream import Address

#: Enough that slow names do not hold up quick ones; each thread waits, it does not work.
_THREADS = 32


class Resolver:
    """Resolves host names once per run. ``close`` when the run ends."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._asked: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Return the addresses of ``host`` in the system's order of preference, without duplicates.

        Raises:
            socket.gaierror: as the system resolver says.
        """
        if literal := _literal(host, port):
            return [literal]
        key = (host, port)
        if key not in self._asked:
            self._pool = self._pool or ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")
            loop = asyncio.get_running_loop()
            self._asked[key] = asyncio.ensure_future(loop.run_in_executor(self._pool, _lookup, host, port))
        return await asyncio.shield(self._asked[key])

    def forget(self) -> None:
        """Ask every name anew from here on."""
        self._asked.clear()

    def close(self) -> None:
        """Let go of the threads; a look-up that hangs ends with the system's own time-out."""
        for asked in self._asked.values():
            asked.cancel()
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _literal(host: str, port: int) -> Address | None:
    address, _, zone = host.partition("%")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if parsed.version == 4:
        return socket.AF_INET, (host, port)
    if zone:
        found = socket.getaddrinfo(host, port, socket.AF_INET6, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        return socket.AF_INET6, found[0][4]
    return socket.AF_INET6, (host, port, 0, 0)


def _lookup(host: str, port: int) -> list[Address]:
    """``AI_ADDRCONFIG``: no IPv6 addresses on an agent without IPv6, as in the scanner's own look-up."""
    try:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, f"not a host name: {error}") from None
    return list(dict.fromkeys((family, where) for family, _, _, _, where in found))
