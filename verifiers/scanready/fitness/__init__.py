"""Is this host fit to be a Proxy Agent (a Node Agent, the Master Server)? One module a question.

    asked.py         what is asked of it: role, targets, servers to compare with
    line.py          one question, one check: the words a module has
    examining.py     all questions of a role, side by side, to one answer
    machine.py       platform, architecture, the types it can serve
    clients.py       the programs that the scanner needs: ssh, Notes
    libraries.py     our own client libraries and their limits; TLS
    ports.py         source ports below 1024, the ephemeral range
    net/open_files.py   open files
    clock.py         against a server's
    resolvers.py     each DNS server, asked
    subnets.py       interfaces, and which targets are beside them
    standpoint.py    a container or a translated address: not the agent's vantage point
    master.py        the Master's rows of the document: the ways there, and what listens
    proc.py          the kernel's tables of sockets and routes

Everything is looked up here or asked of servers that the operator named, once; nothing is changed.
"""

from __future__ import annotations

from .examine import Fitness, examine
from .request import ROLES, Asked

__all__ = ["ROLES", "Asked", "Fitness", "examine"]
