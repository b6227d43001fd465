"""Enterprise Recon's Master Server, 11117, as its Node and Proxy Agents reach it.

    we                    server
    (nothing)        ->
                     <-   (nothing, for two seconds; the connection stays open)
    FIN              ->

The protocol is not public, so nothing is sent and nothing is claimed but what the document demands: the connection.
It counts only where nobody else's protocol is heard on it, and where a neighbouring port of the same host does not take
a connection likewise (the engine's canary), which a firewall that answers for every port would.
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

#: Seconds for which the connection must stand. A device that accepts in the server's place, to decide then, resets
#: within one round trip to it; and a silence of two seconds outlasts one lost segment (see stream.LEAST_SILENCE).
HOLD = 2.0
#: Timers may fire that much early.
_TICK = 0.05


async def verify(probe: Probe) -> None:
    """Connect, and listen."""
    async with probe.step(Step.AGENT, probe.shared.agent.name) as rung:
        rung.ok("every Node and Proxy Agent connects to the Master; checked from this host")
    stream = await probe.connect()
    async with probe.step(Step.HANDSHAKE) as rung:
        answer = await _listen(stream, probe.shared.signatures)
        if isinstance(answer, Identity):
            rung.stop(common.OTHER_PROTOCOL, f"{answer.text} answers", speaks=answer.protocol)
        if answer:
            rung.stop(causes.UNKNOWN_GREETING, f"says {answer[:40].hex(' ')}, which no known protocol begins with")
        rung.ok(
            f"connection-level proof: accepted, still open after {HOLD:g} s, and nothing heard that is another "
            "protocol's; the Master's own is not public, and was not spoken",
            proof="connection",
        )


async def _listen(stream: Stream, signatures: Signatures) -> Identity | bytes:
    """Return the protocol heard within two seconds, or the bytes if no signature fits; none after a silence.

    Raises:
        Failure: there was not the time for that.
        PeerClosed: the connection did not stay open, and nothing had been said.
    """
    stream.deadline = min(stream.deadline, asyncio.get_running_loop().time() + HOLD)
    try:
        return await stream.receive(partial(read_speaker, signatures=signatures))
    except ReadTimeout as silence:
        if not silence.heard and silence.waited < HOLD - _TICK:
            detail = f"only {silence.waited:.1f} s were left to listen, of {HOLD:g} s"
            raise Failure(common.OUT_OF_TIME, detail) from silence
        return signatures.identify(silence.heard) or silence.heard
    except PeerClosed as end:
        if not end.heard:
            raise
        return signatures.identify(end.heard) or end.heard


@stepwise
def read_speaker(cursor: Cursor, signatures: Signatures) -> Steps[Identity | bytes]:
    """Read until the protocol shows; return the bytes themselves if it would have shown by then.

    They are looked at whenever twice as many have come, so a peer that sends byte by byte causes little work. The
    caller looks once more at the bytes before a silence or an end.
    """
    while cursor.ready < HEARD:
        heard = cursor.shown(HEARD)
        if (found := signatures.identify(heard)) is not None:
            return found
        yield max(1, min(HEARD, 2 * len(heard)))
    heard = yield from cursor.take(HEARD)
    return signatures.identify(heard) or heard
