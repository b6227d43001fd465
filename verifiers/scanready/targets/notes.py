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

import asyncio

from ..causes import common
from ..causes import notes as causes
from ..logins import notes as client
from ..model import Step
from ..probe import Probe
from ..stream import HungUp
from ..wire import nrpc

PROOF = "the shape of the answer, as public byte traces have it; no vendor's client was at hand to judge it"


async def verify(probe: Probe) -> None:
    """Climb to the open session."""
    if not probe.target.guessed:
        await _look_for_client(probe)
    stream = await probe.connect()
    async with probe.step(Step.HANDSHAKE) as rung:
        try:
            await stream.send(nrpc.OPEN_SESSION)
            opened = await stream.receive(nrpc.read_opened)
        except HungUp as error:
            if error.heard:
                raise
            rung.blocked(causes.HUNG_UP, str(error))
        if not opened.server:
            rung.blocked(causes.NAMELESS, "an answer of NRPC's shape, without a name", proof=PROOF)
        rung.saw(f"opens a session as {opened.server}", product="Domino (NRPC)", server_name=opened.server, proof=PROOF)
    await probe.leave(stream)
    if probe.target.guessed:  # of a host without Domino, the client is of no interest
        await _look_for_client(probe)
    for step in (Step.AUTH, Step.LOGIN, Step.ACCESS):
        async with probe.step(step) as rung:
            rung.skip("a Notes client with its ID file alone can go on from here; a user name and a password cannot")


async def _look_for_client(probe: Probe) -> None:
    """The agent needs a Notes client; without one the rest is still climbed and shown."""
    agent = probe.around.agent
    async with probe.step(Step.AGENT, agent.name) as rung:
        if agent.assumed:
            rung.skip(f"the Notes client of an assumed {agent.platform} agent is not known")
            return
        running = asyncio.get_running_loop().run_in_executor(probe.around.logins, client.present)
        found = await asyncio.wait_for(running, probe.remaining + probe.grace)
        if found is None:
            rung.unmet(common.CLIENT_MISSING, f"no Notes client is in {client.places()}")
        elif found.settings and not found.identity_there:
            named = f"names the ID file {found.identity}, which is not there" if found.identity else "names no ID file"
            rung.warn(causes.NO_ID, f"Notes client {found.program}: {found.settings} {named}")
        else:
            tells = f", with the ID {found.identity}" if found.identity else "; its settings are another user's"
            rung.saw(f"Notes client {found.program}{tells}", notes_client=found.program, notes_id=found.identity)
