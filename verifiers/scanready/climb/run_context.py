"""The resolver, the lockout guard and the login threads that all climbs of a run share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scanready.catalogue import Catalogue
from scanready.model import Agent, Target
from scanready.net.dial_gate import DialGate
from scanready.net.passage import Passage
from scanready.net.resolve import Resolver
from scanready.net.stream import Tap
from scanready.redaction import Redactor
from scanready.redaction.elsewhere import Elsewhere

from .confidential import redactor_for, secrets_in
from .guard import LockoutGuard
from .identify import Signatures
from .login_network import OwnPlaces
from .login_runner import LoginRunner, run_in_thread

T = TypeVar("T")

#: The kill of a login after the deadline, in parts of the time that is kept back: until then it may report by itself.
_KILL = 1.5
#: Seconds that a look at the agent may take at least; each look ends by itself before that.
_LOOK = 8.0


@dataclass(slots=True, eq=False)
class RunContext:
    """Hold the things that all probes of a run share.

    ``logins`` is the pool in which look-ups on this agent block, ``new_login_runner`` makes what runs client libraries
    once a login needs them. ``cache`` has the handshakes' findings about the agent, which hold for every target until
    the next round.
    """

    catalogue: Catalogue
    agent: Agent
    resolver: Resolver
    guard: LockoutGuard
    logins: Executor
    new_login_runner: Callable[[], LoginRunner]
    ca_file: str | None = None
    certificate_days: float = 7.0
    tap: Callable[[Target], Tap] | None = None
    #: Each connection waits there for its turn; None without any bound.
    gate: DialGate | None = None
    cache: dict[str, Any] = field(default_factory=dict)
    #: Secrets by the host that may learn them: a server may repeat in one talk what it heard in another.
    secrets_at: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: The same of all targets that were begun: one server may have two names, and two servers one owner.
    secrets: Elsewhere = field(default_factory=Elsewhere)
    #: Set as the first connection of the run is begun: what no packet needs waits for that.
    under_way: asyncio.Event = field(default_factory=asyncio.Event)
    #: They recognise a peer that speaks another protocol, and are loaded when one answers.
    signatures: Signatures = field(init=False)
    _login_runner: LoginRunner | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.signatures = Signatures.of(self.catalogue)

    @property
    def login_runner(self) -> LoginRunner:
        """The runner of client libraries, made now if nothing has asked for it before."""
        if self._login_runner is None:
            self._login_runner = self.new_login_runner()
        return self._login_runner

    def close(self) -> None:
        """Let go of what look-ups and logins run in; wait for none of them."""
        self.resolver.close()
        self.logins.shutdown(wait=False, cancel_futures=True)
        if self._login_runner is not None:
            self._login_runner.close()

    def redactor_for(self, target: Target) -> Redactor:
        """Return what hides the secrets of the run in what ``target`` says, its own included."""
        self.secrets.add(secrets_in(target))
        return redactor_for(target, self.agent, self.secrets_at.get(target.host, ()), self.secrets)

    async def run_client(
        self, function: Callable[..., T], arguments: tuple[Any, ...], places: OwnPlaces, deadline: float, grace: float
    ) -> T:
        """Return ``function(*arguments, seconds)`` of a client library, in a process where that is possible.

        Raises:
            Failure, TimeoutError: as :meth:`scanready.climb.probe.Probe.login`.
        """
        if not self.login_runner.runs(function, arguments):
            return await run_in_thread(self.logins, function, arguments, deadline, grace)
        found: T = await self.login_runner.run(function, arguments, deadline, deadline + _KILL * grace, places)
        return found

    async def of_agent(self, name: str, look: Callable[[], T], seconds: float, passage: Passage) -> T:
        """Return the result of ``look``, a blocking function; it runs once in a round, whatever asks for ``name``.

        The time of the climb with this ``passage`` stands still meanwhile: a slow agent is no fault of the target. So
        ``look`` may take `_LOOK` seconds even if the target has less time: it says itself what gave no answer.

        Raises:
            TimeoutError: it did not return within ``seconds``.
        """
        if name not in self.cache:
            self.cache[name] = asyncio.get_running_loop().run_in_executor(self.logins, look)
        asked: asyncio.Future[T] = self.cache[name]
        if asked.done():
            return asked.result()
        with passage.aside():
            return await asyncio.wait_for(asyncio.shield(asked), max(seconds, _LOOK))
