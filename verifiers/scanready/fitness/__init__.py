"""Is this host fit to be a Proxy Agent (a Node Agent, the Master Server)? One module a question.

    request.py       the request: role, targets, servers to compare with
    question.py      one question and its one check
    examine.py       all questions of a role, asked concurrently, and their verdict
    machine.py       platform, architecture, the types it can serve
    client_programs.py  the programs that the scanner needs: ssh, Notes
    libraries.py     our own client libraries and their limits; TLS
    ports.py         source ports below 1024, the ephemeral range
    net/open_files.py   open files
    clock.py         this host's clock against a server's
    resolvers.py     each DNS server
    proxy_settings.py   the proxies that the environment and Windows name
    subnets.py       interfaces, and which targets are beside them
    vantage_point.py    signs of a container or of address translation
    master_server.py    the Master's requirements: the path to it, and its listening ports
    proc.py          the kernel's tables of sockets and routes

Each fact is read on this host, or asked once from a server that the operator named. Nothing is changed.
"""

from __future__ import annotations

from .examine import Fitness, examine
from .request import ROLES, Asked

__all__ = ["ROLES", "Asked", "Fitness", "examine"]
