"""Interpret the answers of an Oracle listener and follow its redirects; each hop is an endpoint of its own."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from scanready.causes import common
from scanready.climb import peers_word
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.climb.shared.tls_port import first_answer
from scanready.model import Step, bracketed
from scanready.net.events import record
from scanready.net.stream import PeerClosed, Stream
from scanready.net.system_errors import NO_SUCH_NAME
from scanready.wire import tns as wire
from scanready.wire.printable import printable

from . import causes, fixes

_MOST_HOPS = 3
_MOST_RESENDS = 3


@dataclass(slots=True)
class Session:
    """Hold the connection to the database and the address for the login."""

    stream: Stream
    host: str
    port: int
    encrypted: bool
    accepted: wire.Accepted | None = None

    async def end(self, stream: Stream) -> None:
        """Send the end of an accepted session; the listener itself ends a refused one."""
        if self.accepted is not None and stream is self.stream:
            await stream.send(wire.goodbye(self.accepted.version))


async def ask(probe: Probe, session: Session, data: str) -> wire.Answer:
    """Send CONNECT in the handshake step, in clear text or else in TLS; send it again if the listener asks for it.

    Raises:
        Failure: the server closes the connection without an answer, in clear text and in TLS.
    """
    flight = wire.connect(data)
    try:
        answer: wire.Answer
        session.stream, answer, session.encrypted = await first_answer(probe, session.stream, flight, wire.read_answer)
        return await _again(session.stream, flight, answer)
    except PeerClosed as error:
        # If the type was guessed, a closed connection does not show that this is a listener.
        if error.heard or probe.target.guessed:
            raise
        detail = "the server closes the connection after CONNECT without an answer, in clear text and in TLS"
        raise not_invited(probe, detail) from error


async def _again(stream: Stream, flight: bytes, answer: wire.Answer) -> wire.Answer:
    for _ in range(_MOST_RESENDS):
        if not isinstance(answer, wire.Resend):
            break
        await stream.send(flight)
        answer = await stream.receive(wire.read_answer)
    return answer


async def follow(probe: Probe, session: Session, answer: wire.Answer, data: str) -> wire.Answer:
    """Follow redirects to the listener of the service; each hop is a check of its own.

    Args:
        data: the connect data of the first request; it is sent again if a redirect has no connect data.

    Raises:
        ClimbEnded: a hop cannot be reached.
        Failure: there are too many redirects.
    """
    for _ in range(_MOST_HOPS):
        if not isinstance(answer, wire.Redirected):
            return answer
        endpoint = f"{bracketed(answer.host)}:{answer.port}"
        async with probe.step(Step.CONNECT, endpoint) as rung:
            await probe.leave(session.stream)
            await _demand_place(probe, answer)
            session.stream = await probe.dial(answer.host, answer.port, session.end)
            session.host, session.port = answer.host, answer.port
            if session.encrypted:
                await probe.start_tls(session.stream, rung)
            rung.ok("the listener redirects clients to this address", redirected_to=f"{answer.host}:{answer.port}")
        async with probe.step(Step.HANDSHAKE, endpoint) as rung:
            answer = await _asked_there(probe, session.stream, answer.connect_data or data)
            rung.ok("answers")
    if isinstance(answer, wire.Redirected):
        detail = f"redirected {_MOST_HOPS} times, then again to {answer.host}:{answer.port}"
        raise Failure(causes.REDIRECT_LOOP, detail)
    return answer


async def _demand_place(probe: Probe, to: wire.Redirected) -> None:
    """Check that the agent may connect to the address of a redirect, and that the name resolves.

    Raises:
        Failure: the agent may not connect there, or its resolver does not know the name.
        socket.gaierror, TimeoutError: the resolver did not answer.
    """
    try:
        await peers_word.demand_host(probe, "the listener's redirect", to.host, to.port)
    except socket.gaierror as error:
        if error.errno not in NO_SUCH_NAME:
            raise
        detail = f"the listener redirects clients to {printable(to.host)}: {error.strerror or error}"
        raise Failure(causes.REDIRECT_UNRESOLVED, detail) from error
    peers_word.demand_port(probe, "the listener's redirect", to.port, probe.row.speaks)


async def _asked_there(probe: Probe, stream: Stream, data: str) -> wire.Answer:
    flight = wire.connect(data, wire.AFTER_REDIRECT)
    record("ping" if data == wire.ping() else "service")
    try:
        await stream.send(flight)
        first: wire.Answer = await stream.receive(wire.read_answer)
        return await _again(stream, flight, first)
    except PeerClosed as error:
        if error.heard:
            raise
        detail = "the server closes the connection without an answer; the listener that redirected the agent did answer"
        raise not_invited(probe, detail) from error


def not_invited(probe: Probe, detail: str) -> Failure:
    """Return the failure for a closed connection, most likely valid node checking; the fix has the agent's address."""
    return Failure(causes.NODE_NOT_INVITED, detail, fixes.INVITE(agent=probe.agent_address))


def answered_ping(probe: Probe, answer: wire.Refused) -> Failure:
    """Judge the answer to a ping: the listener works, needs the name of a service even for a ping, or has an error."""
    if answer.number == 0:
        return Failure(causes.SERVICE_NOT_NAMED, "the listener works; the target names no service or SID")
    if causes.LISTENER.get(answer.number or 0) is causes.SERVICE_UNKNOWN:
        detail = f"the listener answers a ping with {causes.named(answer.number or 0)}; no service or SID is named"
        return Failure(causes.SERVICE_NOT_NAMED, detail, error_code=answer.number)
    return refused(probe, answer)


def refused(probe: Probe, answer: wire.Refused) -> Failure:
    """Return the failure for a listener's refusal."""
    cause = causes.LISTENER.get(answer.number or 0, causes.LISTENER_ERROR)
    detail = causes.named(answer.number) if answer.number else _without_number(answer)
    if answer.number in causes.SERVER_PROCESS:
        detail += ": the listener itself answers, so it probably cannot start its server process or lost it"
    options = probe.target.options
    if cause is common.LIMIT:
        detail += ": the server requires native network encryption or checksums, which scanready does not support"
    if cause is causes.SERVICE_UNKNOWN:
        detail += f": the listener does not know {options.get('service') or options.get('sid')}"
    return Failure(cause, detail, error_code=answer.number)


def _without_number(answer: wire.Refused) -> str:
    text = f": {printable(answer.text, 200)}" if answer.text else " and without a text"
    return f"refused {'with ERR=0 (no error)' if answer.number == 0 else 'without an error number'}{text}"


def beyond_us(accepted: wire.Accepted) -> Failure | None:
    """Return the failure if the thin driver cannot log in although the scanner's own client could, else None."""
    if accepted.encryption_required:
        detail = "the server requires native network encryption, which scanready's driver does not support"
        return Failure(common.LIMIT, detail)
    if accepted.version < wire.OLDEST_THIN:
        detail = f"the server is older than 12.1 (protocol {accepted.version}); scanready's driver does not support it"
        return Failure(common.LIMIT, detail)
    return None
