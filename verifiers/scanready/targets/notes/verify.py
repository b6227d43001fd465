"""Notes and Domino, 1352.

    agent                              server
    (a Notes client, set up with an ID)
    open a session, naming nobody  ->
                                   <-  the session is open; the server's distinguished name
    FIN                            ->                          (before anybody is asked who they are)

The protocol is not public: question and answer are those of public byte traces, and no vendor's client has judged
them. An answer of that shape with a server's name is `ready` and never more: only a Notes client with its ID file can
log in, and that is the scanner's.
"""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.events import record
from scanready.net.stream import PeerClosed
from scanready.wire import nrpc

from . import causes

PROOF = "the shape of the answer, as public byte traces have it; no vendor's client was at hand to judge it"


async def verify(probe: Probe) -> None:
    """Climb to the open session."""
    stream = await probe.connect()
    async with probe.step(Step.HANDSHAKE) as rung:
        try:
            record("session")
            await stream.send(nrpc.OPEN_SESSION)
            opened = await stream.receive(nrpc.read_opened)
        except PeerClosed as error:
            if error.heard or probe.target.guessed:  # foreign bytes are hung up on by all kinds of services
                raise
            rung.stop(causes.HUNG_UP, str(error))
        if not opened.server:
            rung.stop(causes.NAMELESS, "an answer of NRPC's shape, without a name", proof=PROOF)
        rung.ok(f"opens a session as {opened.server}", product="Domino (NRPC)", server_name=opened.server, proof=PROOF)
    await probe.leave(stream)
    for step in (Step.AUTH, Step.LOGIN, Step.ACCESS):
        async with probe.step(step) as rung:
            rung.skip("a Notes client with its ID file alone can go on from here; a user name and a password cannot")
