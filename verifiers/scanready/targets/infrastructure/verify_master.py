"""Check Enterprise Recon's Master Server on 11117, from a Node or Proxy Agent.

    agent                 server
    (nothing)        ->
                     <-   (nothing, for two seconds; the connection stays open)
    FIN              ->

The protocol is not public. The check sends nothing and proves only what the requirements demand: the connection. It
counts only if no other protocol answers on it, and if a neighbouring port of the same host does not accept connections
(the engine's canary). A firewall that answers for every port fails that second test.
"""

from __future__ import annotations

import asyncio
from functools import partial

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.identify import Identity, Signatures
from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.stream import HEARD, PeerClosed, ReadTimeout, Stream
from scanready.wire import Cursor, Steps, stepwise

from . import causes

#: Seconds for which the connection must stay open. A device that first accepts for the server and then decides sends
#: its reset within one round trip. Two seconds of silence outlast one lost segment (see stream.LEAST_SILENCE).
HOLD = 2.0
#: Seconds by which a timer may fire early.
_TICK = 0.05


async def verify(probe: Probe) -> None:
    """Connect and wait for data."""
    async with probe.step(Step.AGENT, probe.shared.agent.name) as rung:
        rung.ok("every Node and Proxy Agent connects to the Master Server; checked from this host")
    stream = await probe.connect()
    async with probe.step(Step.HANDSHAKE) as rung:
        answer = await _listen(stream, probe.shared.signatures)
        if isinstance(answer, Identity):
            rung.stop(common.OTHER_PROTOCOL, f"{answer.text} answers", speaks=answer.protocol)
        if answer:
            rung.stop(causes.UNKNOWN_GREETING, f"sends {answer[:40].hex(' ')}, which matches no known protocol")
        rung.ok(
            f"connection-level proof: the connection was accepted, stayed open for {HOLD:g} s, and no other protocol "
            "answered; the Master Server's protocol is not public, so the check sent nothing",
            proof="connection",
        )


async def _listen(stream: Stream, signatures: Signatures) -> Identity | bytes:
    """Return the protocol recognised within two seconds, or the bytes if no signature fits; empty after a silence.

    Raises:
        Failure: there was not enough time left.
        PeerClosed: the peer closed the connection and had sent nothing.
    """
    stream.deadline = min(stream.deadline, asyncio.get_running_loop().time() + HOLD)
    try:
        return await stream.receive(partial(read_speaker, signatures=signatures))
    except ReadTimeout as silence:
        if not silence.heard and silence.waited < HOLD - _TICK:
            detail = f"only {silence.waited:.1f} s of the {HOLD:g} s wait were left"
            raise Failure(common.OUT_OF_TIME, detail) from silence
        return signatures.identify(silence.heard) or silence.heard
    except PeerClosed as end:
        if not end.heard:
            raise
        return signatures.identify(end.heard) or end.heard


@stepwise
def read_speaker(cursor: Cursor, signatures: Signatures) -> Steps[Identity | bytes]:
    """Read until a signature matches; return the bytes if none matches within the limit.

    The signatures are tried each time the amount of data has doubled, so a peer that sends byte by byte causes little
    work. The caller tries them once more after a silence or the end of the connection.
    """
    while cursor.ready < HEARD:
        heard = cursor.shown(HEARD)
        if (found := signatures.identify(heard)) is not None:
            return found
        yield max(1, min(HEARD, 2 * len(heard)))
    heard = yield from cursor.take(HEARD)
    return signatures.identify(heard) or heard
