"""Climb SSH for `unix` and `ssh` up to the login prompt; :mod:`prompt` continues there.

    we                                    the server
    SSH-2.0-scanready_...     ->
                              <-          SSH-2.0-..., or a refusal in plain text
    KEXINIT: all algorithms   ->          some servers wait for it
                              <-          KEXINIT: all it offers
    DISCONNECT (11, our text) ->

    and with a user name, on a separate connection (by a client library):
    key exchange, "none"      ->
                              <-          the methods this user may log in with
    password or key, once     ->

The success of a key exchange is predicted from the server's offer and the agent's own ssh client. So no user name has
to be invented to prove it: sshd logs an invented name as an attack, and fail2ban counts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.echo import Echoed
from scanready.net.events import record
from scanready.net.stream import PeerClosed, Stream
from scanready.version import __version__
from scanready.wire import ssh as wire
from scanready.wire.printable import printable

from . import causes, fixes
from . import client as openssh
from .algorithms import EVERYTHING, greeting_facts, offer_facts, predict

T = TypeVar("T")

SOFTWARE = f"scanready_{__version__}".replace("-", ".")
IDENTIFICATION = wire.identification(SOFTWARE)
_OWN_LINE = IDENTIFICATION.decode().rstrip()
FAREWELL = wire.disconnect("scanready handshake check, no login attempted")

#: RFC 4253, 11.1: the only reason code that reports load instead of a rule.
_TOO_MANY_CONNECTIONS = 12


@dataclass(frozen=True, slots=True)
class Spoken:
    """Hold the result of the talk without a credential.

    ``agent`` is this host's source address, before any NAT; ``product`` is the server's, by its identification.
    ``strict`` is true if the agent's ssh client connects only to hosts whose key is in ``known_hosts``.
    """

    offer: wire.KexInit
    client: openssh.Client | None
    known_hosts: tuple[str, ...]
    address: str
    agent: str
    product: str
    strict: bool = False

    def fitted(self, failure: Failure) -> Failure:
        """Return a failure of the login without lines for a file that this server does not have."""
        failure.fix = fixes.fit_for(self.product, failure.fix)
        return failure


# without a credential ---------------------------------------------------------------------------------------------


async def talk(probe: Probe) -> Spoken:
    """Climb to the server's list of algorithms and disconnect; once for all target types on this port."""
    return await probe.share(("ssh", probe.target.options.get("known_hosts")), _talk)


async def _talk(probe: Probe) -> Spoken:
    client = None if probe.shared.agent.assumed else await probe.of_agent(openssh.NAME, openssh.present)
    manners = _Manners(listens=probe.target.guessed and bool(probe.port_memory.greeting))
    stream = await probe.connect(farewell=manners.farewell)
    async with probe.step(Step.HANDSHAKE) as rung:
        try:
            greeting = await manners.introduce(stream)
        except (wire.TurnedAway, PeerClosed) as error:  # a server that has not read our line resets
            foreigner = probe.shared.signatures.foreigner(error.heard, probe.row.speaks)
            if not error.heard or error.heard.startswith(b"SSH-") or foreigner:
                raise
            text = printable(error.heard.decode("utf-8", "replace"), 200)
            cause = causes.by_words(text) or common.BROKEN_OFF
            detail = f"the server closed the connection without an SSH identification string; it sent: {text}"
            raise Failure(cause, detail) from error
        if isinstance(greeting, wire.Refusal):
            _refused(probe, greeting)
        rung.ok(f"SSH-{greeting.protocol}-{greeting.software}", **greeting_facts(greeting))
        if not greeting.speaks_ssh2:
            rung.stop(causes.VERSION_1, f"the server's identification string is SSH-{greeting.protocol}")
        offer = await _offer(probe, manners, stream, greeting)
        rung.ok("offers a key exchange", **offer_facts(offer))
        effective = await _effective(probe, client)
        predict(probe, rung, client, effective, offer)
    await probe.leave(stream)
    product = str(greeting_facts(greeting).get("product", ""))
    known_hosts = _known_hosts(probe, effective)
    strict = effective is not None and effective.strict
    return Spoken(offer, client, known_hosts, probe.address or probe.host, probe.agent_address, product, strict)


async def _effective(probe: Probe, client: openssh.Client | None) -> openssh.Effective | None:
    if client is None:
        return None
    if client.has_section_for(probe.host):
        return await _in_pool(probe, openssh.effective, client.program, probe.host, probe.target.port)
    return client.general


async def _in_pool(probe: Probe, function: Callable[..., T], *arguments: Any) -> T:
    running = asyncio.get_running_loop().run_in_executor(probe.shared.logins, function, *arguments)
    return await asyncio.wait_for(running, probe.remaining + probe.grace)


class _Manners:
    """Begin each connection with our identification string and end it with our DISCONNECT, at any step.

    This includes --depth connect: a connection without data leaves two lines in sshd's log that look like a port scan.
    A peer that did not greet as SSH 2 gets nothing more. ``listens`` waits for the server's identification first. It is
    set if the port has greeted another type with a text that no signature knows: a server of text commands would read
    our line as a command.
    """

    def __init__(self, *, listens: bool) -> None:
        self._listens = listens
        self._introduced: set[Stream] = set()
        self._greeted: set[Stream] = set()
        self._listened: set[Stream] = set()

    async def introduce(self, stream: Stream) -> wire.Identification | wire.Refusal:
        """Send our line at once and read the server's; if this object listens, read first and then send.

        Raises:
            Echoed: it is our own.
            WireError, StreamError: as :meth:`Stream.receive` does.
        """
        self._introduced.add(stream)
        if not self._listens:
            record("version")
            await stream.send(IDENTIFICATION)
        greeting: wire.Identification | wire.Refusal = await stream.receive(wire.read_identification)
        if self._listens and isinstance(greeting, wire.Identification):
            record("version")
            await stream.send(IDENTIFICATION)
        if isinstance(greeting, wire.Identification) and greeting.speaks_ssh2:
            if greeting.software == SOFTWARE:
                raise Echoed("our own identification")
            self._greeted.add(stream)
        return greeting

    async def listen(self, stream: Stream) -> wire.KexInit | wire.Disconnected | wire.Refusal:
        """Send our KEXINIT, because some servers wait for it (Cisco's small switches, AudioCodes); read the server's.

        Raises:
            Echoed: it is our own; no server offers all these algorithms in our order.
            WireError, StreamError: as :meth:`Stream.receive` does.
        """
        self._listened.add(stream)
        record("offer")
        with contextlib.suppress(PeerClosed):  # the data that it sent before can still be read
            await stream.send(wire.kexinit(EVERYTHING, os.urandom(16)))
        answer: wire.KexInit | wire.Disconnected | wire.Refusal = await stream.receive(wire.read_kexinit)
        if not isinstance(answer, wire.KexInit):
            self._greeted.discard(stream)  # it has disconnected itself
        if answer == EVERYTHING:
            raise Echoed("our own offer of algorithms")
        return answer

    async def farewell(self, stream: Stream) -> None:
        """Finish the talk as far as the peer answers, and disconnect."""
        if stream not in self._introduced:
            await self.introduce(stream)
        if stream in self._greeted and stream not in self._listened:
            await self.listen(stream)
        if stream in self._greeted:
            await stream.send(FAREWELL)


async def _offer(probe: Probe, manners: _Manners, stream: Stream, greeting: wire.Identification) -> wire.KexInit:
    try:
        answer = await manners.listen(stream)
    except PeerClosed as error:
        detail = (
            f"the server identified itself as {greeting.software} and closed the connection before the key exchange"
        )
        raise Failure(common.BROKEN_OFF, detail) from error
    if isinstance(answer, wire.Refusal):
        _refused(probe, answer)
    if isinstance(answer, wire.Disconnected):
        if answer.reason == _TOO_MANY_CONNECTIONS:
            raise Failure(common.THROTTLED, f"too many connections: {printable(answer.text)}")
        cause = causes.by_words(answer.text) or causes.DISCONNECTED
        raise Failure(cause, f"reason {answer.reason}: {printable(answer.text) or 'no text'}")
    return answer


def _refused(probe: Probe, refusal: wire.Refusal) -> NoReturn:
    """Raise the failure for a refusal that OpenSSH sends in plain text."""
    agent, words = probe.agent_address, printable(refusal.text)
    match refusal.kind:
        case wire.RefusalKind.MAX_STARTUPS:
            detail = f"{words!r}: sshd's MaxStartups or PerSourceMaxStartups drops connections at random"
            fix = fixes.MORE_STARTUPS(port=probe.target.port)
            raise Failure(common.THROTTLED, f"{detail} (the server sees this agent as {agent})", fix)
        case wire.RefusalKind.PENALTY:
            detail = f"{words!r}: sshd's PerSourcePenalties block this agent's address"
            raise Failure(common.THROTTLED, detail, fixes.EXEMPT_FROM_PENALTIES(agent=agent))
        case wire.RefusalKind.VERSION:
            raise Failure(causes.VERSION_1, words)
        case wire.RefusalKind.IDENTIFICATION:
            # sshd sends this if the first line is no identification string. Ours is one, so another line came first.
            raise Failure(common.PROXY_HEADER, f"{words!r}; but this agent's first line was {_OWN_LINE}")


def _known_hosts(probe: Probe, effective: openssh.Effective | None) -> tuple[str, ...]:
    named = probe.target.options.get("known_hosts")
    return (os.path.expanduser(str(named)),) if named else (effective.known_hosts if effective else ())
