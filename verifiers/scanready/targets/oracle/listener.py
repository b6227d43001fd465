"""What an Oracle listener's answer means; redirects are followed, each hop an endpoint of its own."""

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
    """Where the database itself was met, and how: the connection to end politely, and where to log in."""

    stream: Stream
    host: str
    port: int
    encrypted: bool
    accepted: wire.Accepted | None = None

    async def end(self, stream: Stream) -> None:
        """An accepted session is ended with a word; a refused one the listener ends."""
        if self.accepted is not None and stream is self.stream:
            await stream.send(wire.goodbye(self.accepted.version))


async def ask(probe: Probe, session: Session, data: str) -> wire.Answer:
    """Send CONNECT on the handshake's rung, again if asked to; TLS is found out on the way.

    Raises:
        Failure: hung up without a word, in clear and in TLS.
    """
    flight = wire.connect(data)
    try:
        answer: wire.Answer
        session.stream, answer, session.encrypted = await first_answer(probe, session.stream, flight, wire.read_answer)
        return await _again(session.stream, flight, answer)
    except PeerClosed as error:
        if error.heard or probe.target.guessed:  # no inventory calls this a listener, and a hang-up does not either
            raise
        raise not_invited(probe, "hangs up on an Oracle client without a word, in clear and in TLS") from error


async def _again(stream: Stream, flight: bytes, answer: wire.Answer) -> wire.Answer:
    for _ in range(_MOST_RESENDS):
        if not isinstance(answer, wire.Resend):
            break
        await stream.send(flight)
        answer = await stream.receive(wire.read_answer)
    return answer


async def follow(probe: Probe, session: Session, answer: wire.Answer, data: str) -> wire.Answer:
    """Follow redirects to where the service is; each hop is a check of its own.

    Args:
        data: the connect data that was sent first; it goes to an address that comes without any.

    Raises:
        ClimbEnded: a hop cannot be reached.
        Failure: they go on and on.
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
            rung.ok("the listener sends clients on to here", redirected_to=f"{answer.host}:{answer.port}")
        async with probe.step(Step.HANDSHAKE, endpoint) as rung:
            answer = await _asked_there(probe, session.stream, answer.connect_data or data)
            rung.ok("answers")
    if isinstance(answer, wire.Redirected):
        raise Failure(causes.REDIRECT_LOOP, f"redirected {_MOST_HOPS} times, and again to {answer.host}:{answer.port}")
    return answer


async def _demand_place(probe: Probe, to: wire.Redirected) -> None:
    """Make sure that the agent may go where the listener sends it, and knows where that is.

    Raises:
        Failure: it may not, or the name does not exist for this agent.
        socket.gaierror, TimeoutError: the resolver did not answer.
    """
    try:
        await peers_word.demand_host(probe, "the listener's redirect", to.host, to.port)
    except socket.gaierror as error:
        if error.errno not in NO_SUCH_NAME:
            raise
        detail = f"the listener sends clients on to {printable(to.host)}: {error.strerror or error}"
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
        raise not_invited(probe, "hangs up without a word, unlike the listener that sent us on") from error


def not_invited(probe: Probe, detail: str) -> Failure:
    """Valid node checking, in all likelihood; the fix is the agent's own address."""
    return Failure(causes.NODE_NOT_INVITED, detail, fixes.INVITE(agent=probe.agent_address))


def answered_ping(probe: Probe, answer: wire.Refused) -> Failure:
    """Judge the answer to a ping: all is well, the ping itself is refused for want of a name, or there is trouble."""
    if answer.number == 0:
        return Failure(causes.SERVICE_NOT_NAMED, "the listener lives; no service or SID is named")
    if causes.LISTENER.get(answer.number or 0) is causes.SERVICE_UNKNOWN:
        detail = f"the listener answers {causes.named(answer.number or 0)} to a ping; no service or SID is named"
        return Failure(causes.SERVICE_NOT_NAMED, detail, error_code=answer.number)
    return refused(probe, answer)


def refused(probe: Probe, answer: wire.Refused) -> Failure:
    """The listener's reason."""
    cause = causes.LISTENER.get(answer.number or 0, causes.LISTENER_ERROR)
    detail = causes.named(answer.number) if answer.number else _without_number(answer)
    if cause is causes.NODE_NOT_INVITED:
        return not_invited(probe, detail)
    options = probe.target.options
    if cause is common.LIMIT:
        detail += ": native network encryption or checksums are required, which we do not have"
    if cause is causes.SERVICE_UNKNOWN:
        detail += f": {options.get('service') or options.get('sid')} is not known to the listener"
    return Failure(cause, detail, error_code=answer.number)


def _without_number(answer: wire.Refused) -> str:
    text = f": {printable(answer.text, 200)}" if answer.text else ", and without a text"
    return f"refused {'with ERR=0, which is no error' if answer.number == 0 else 'without a number'}{text}"


def beyond_us(accepted: wire.Accepted) -> Failure | None:
    """What the thin driver cannot do, and the scanner's own client can: our limit, not the target's."""
    if accepted.encryption_required:
        return Failure(common.LIMIT, "the server requires native network encryption, which our driver does not have")
    if accepted.version < wire.OLDEST_THIN:
        return Failure(
            common.LIMIT, f"protocol version {accepted.version}: older than 12.1, which our driver does not speak"
        )
    return None
