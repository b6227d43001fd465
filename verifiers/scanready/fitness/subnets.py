"""Report the interfaces, their subnets, and the targets in them; the requirements recommend a shared subnet."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from scanready.net import interfaces
from scanready.net.resolve import Resolver
from scanready.run.agent_step import shared_subnets

from .question import Answer, Line
from .request import Asked

#: Seconds for resolving the names of all targets. Names that take longer count as not resolved.
PATIENCE = 10.0
#: Hosts that the facts list one by one; for further hosts only the counts are reported.
_MOST_TOLD = 1000


async def look(asked: Asked) -> list[Answer]:
    """List the interfaces; a target outside their subnets is a note, never a warning."""
    answers: list[Answer] = []
    with Line("subnets", answers) as line:
        placed = interfaces.placed()
        if placed is None:
            line.skip("scanready cannot list interfaces and subnets on this platform")
            return answers
        own = [entry for entry in placed if not (entry.where.ip.is_loopback or entry.where.ip.is_link_local)]
        by_name: dict[str, list[str]] = {}
        for entry in own:
            by_name.setdefault(entry.name, []).append(str(entry.where))
        listed = "; ".join(f"{name} {', '.join(networks)}" for name, networks in by_name.items())
        line.ok(listed or "only the loopback interface is up", interfaces=by_name)
        hosts = list(dict.fromkeys(target.host for target in asked.targets))
        if hosts:
            await _place(line, asked, hosts)
    return answers


async def _place(line: Line, asked: Asked, hosts: list[str]) -> None:
    resolver = Resolver()
    deadline = asyncio.get_running_loop().time() + PATIENCE
    try:
        resolved = await asyncio.gather(*(_addresses(resolver, host, deadline) for host in hosts))
    finally:
        resolver.close()
    placed: dict[str, dict[str, Any]] = {}
    for host, addresses in zip(hosts, resolved, strict=True):
        shared = shared_subnets(asked.agent, addresses)
        placed[host] = {"addresses": addresses, "same_subnet": bool(shared) if shared is not None else None}
    beside = [host for host, told in placed.items() if told["same_subnet"]]
    unknown = [host for host, told in placed.items() if told["same_subnet"] is None]
    apart = len(hosts) - len(beside) - len(unknown)
    words = f"{len(beside)} of {len(hosts)} target host{'s' if len(hosts) > 1 else ''} in these subnets"
    words += ", the requirements recommend all" if apart else ""
    words += f"; {len(unknown)} not resolved" if unknown else ""
    line.ok(words, targets=dict(list(placed.items())[:_MOST_TOLD]))


async def _addresses(resolver: Resolver, host: str, deadline: float) -> list[str]:
    try:
        return [str(where[0]) for _, where in await resolver.addresses(host, 0, deadline)]
    except (socket.gaierror, TimeoutError):
        return []
