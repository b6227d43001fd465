"""Run a login in a process of its own without a climb: it may go anywhere on this host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from scanready.clients.login_process.processes import LoginProcesses
from scanready.net.dial import dial
from scanready.net.resolve import Resolver
from scanready.net.sockets import Address
from scanready.net.stream import Stream

T = TypeVar("T")


class Anywhere:
    """A network without a rule."""

    def __init__(self) -> None:
        self.dialled: list[tuple[str, int]] = []

    def permit(self) -> None:
        """Let every secret leave."""

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Resolve."""
        return await Resolver().addresses(host, port)

    async def dial(self, host: str, port: int, seconds: float | None) -> Stream:
        """Connect."""
        self.dialled.append((host, port))
        address, *_ = await self.addresses(host, port)
        return await dial(address, asyncio.get_running_loop().time() + (seconds or 5.0))


def in_process(function: Callable[..., T], *arguments: Any, seconds: float = 30.0, kill: float | None = None) -> T:
    """Return ``function(*arguments, seconds)``, killed after ``kill`` seconds."""

    async def run() -> T:
        processes = LoginProcesses()
        assert processes.runs(function, arguments)
        await processes.prepare(function)
        begun = asyncio.get_running_loop().time()
        try:
            end = begun + (seconds if kill is None else kill)
            found: T = await processes.run(function, arguments, begun + seconds, end, Anywhere())
            return found
        finally:
            processes.close()

    return asyncio.run(run())


def warm(function: Callable[..., Any]) -> None:
    """Have the libraries of ``function`` loaded where its logins run, so that a short time is not spent on that."""

    async def run() -> None:
        processes = LoginProcesses()
        await processes.prepare(function)
        processes.close()

    asyncio.run(run())
