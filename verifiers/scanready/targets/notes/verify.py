"""Verify Notes and Domino, 1352.

    agent                              server
    (a Notes client, set up with an ID)
    session request, no user name  ->
                                   <-  the session is open; the server's distinguished name
    FIN                            ->                          (before any login)

The protocol is not public. Request and answer follow public packet traces and were not tested with a vendor's client.
An answer of that format with a server's name is `ready` and never more: only a Notes client with its ID file can log
in, and the scanner uses that client.
"""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.events import record
from scanready.net.stream import PeerClosed
from scanready.wire import nrpc

from . import causes

PROOF = "the format of the answer, as in public packet traces; no vendor's client was available for a test"


async def verify(probe: Probe) -> None:
    """Climb to the open session."""
    stream = await probe.connect()
    async with probe.step(Step.HANDSHAKE) as rung:
        try:
            record("session")
            await stream.send(nrpc.OPEN_SESSION)
            opened = await stream.receive(nrpc.read_opened)
        except PeerClosed as error:
            if error.heard or probe.target.guessed:  # services of any kind close the connection after foreign bytes
                raise
            rung.stop(causes.HUNG_UP, str(error))
        if not opened.server:
            rung.stop(causes.NAMELESS, "the answer has the format of NRPC but no server name", proof=PROOF)
        rung.ok(f"opens a session as {opened.server}", product="Domino (NRPC)", server_name=opened.server, proof=PROOF)
    await probe.leave(stream)
    for step in (Step.AUTH, Step.LOGIN, Step.ACCESS):
        async with probe.step(step) as rung:
            rung.skip("only a Notes client with its ID file can log in; a user name and a password are not enough")
