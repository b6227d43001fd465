"""The shape of what runs a blocking login, for :class:`Probe`; :mod:`scanready.clients.login_process` is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Protocol, TypeVar

from scanready.net.sockets import Address
from scanready.net.stream import Stream

from .confidential import in_this_context

T = TypeVar("T")


class LoginNetwork(Protocol):
    """The only way out of the process of a login."""

    @property
    def permit(self) -> Callable[[], None]:
        """Permit the secret to leave; raise ``login.withheld`` if it must not."""

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Resolve a name for the login.

        Raises:
            Failure: ``login.withheld``, the name is no place for this credential.
            socket.gaierror, TimeoutError: the name was not resolved.
        """

    async def dial(self, host: str, port: int, seconds: float | None) -> Stream:
        """Connect for the login; ``seconds`` is the library's own limit for it.

        Raises:
            Failure: ``login.withheld``, the address is no place for this credential.
            OSError, StreamError, TimeoutError: no connection.
        """


class LoginRunner(Protocol):
    """Run a function of a client library so that it can be ended."""

    def runs(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
        """Whether another process finds ``function``, knows what it returns, and can be given its arguments."""

    def warm(self, module: str) -> None:
        """Begin to start what logins need, and to load what the functions of ``module`` need, if it is loaded here."""

    async def prepare(self, function: Callable[..., Any]) -> None:
        """Load the libraries of ``function`` where it will run. The first time takes as long as the imports."""

    async def run(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], end: float, kill: float, network: LoginNetwork
    ) -> Any:
        """Return ``function(*arguments, seconds)``.

        Args:
            function: what runs; ``seconds`` are those until ``end``.
            arguments: what it gets besides.
            end: in the event loop's time, when it should have returned.
            kill: when it is killed.
            network: its connections.

        Raises:
            Failure: the one that it raised.
            Unfinished: ``scanready.limit``, it took too much memory, or ended without an answer.
            TimeoutError: it was killed.
            Exception: what else it raised.
        """

    def close(self) -> None:
        """Kill the processes that still run."""


async def run_in_thread(
    pool: Executor, function: Callable[..., T], arguments: tuple[Any, ...], end: float, grace: float
) -> T:
    """Return ``function(*arguments, seconds)``, run in a thread of ``pool``; nothing can end it there.

    Args:
        pool: has the thread.
        function, arguments, end: as :meth:`LoginRunner.run` has them.
        grace: seconds for which it is awaited after ``end``.

    Raises:
        TimeoutError: it did not return in time, or no thread was free.
        Exception: what it raised.
    """
    loop = asyncio.get_running_loop()

    def in_the_pool() -> T:
        seconds = end - loop.time()
        if seconds <= 0:
            raise TimeoutError("no thread was free for the login in time")
        return function(*arguments, seconds)

    return await asyncio.wait_for(
        loop.run_in_executor(pool, in_this_context(in_the_pool)), max(0.0, end - loop.time()) + grace
    )
