"""IMAPS 993: IMAP inside TLS from the first byte.

we                              server
TLS handshake             <->
                          <-    * OK [CAPABILITY ...] ready, or * BYE and why not
c1 CAPABILITY             ->                             (unless the greeting told it)
                          <-    * CAPABILITY ... AUTH=PLAIN: the login prompt
LOGOUT                    ->
                          <-    * BYE                    (logs one line at info level)
"""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step

from . import prompt
from .talk import Talk


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, and on to one header with a credential."""
    talk = Talk()
    stream = await probe.connect(farewell=talk.say_goodbye)
    async with probe.step(Step.TLS) as rung:
        await probe.start_tls(stream, rung)
    await prompt.greet(probe, stream, talk)
    async with probe.step(Step.AUTH) as rung:
        prompt.prompt(talk, rung, "TLS")
    await prompt.log_in(probe, talk, stream, "TLS")
