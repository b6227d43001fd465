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

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Owner, Step
from scanready.net.stream import TlsError

from . import fixes, prompt
from .talk import Talk


async def verify(probe: Probe) -> None:
    """Climb to the login prompt, and on to one header with a credential."""
    talk = Talk()
    stream = await probe.connect(farewell=talk.say_goodbye)
    async with probe.step(Step.TLS) as rung:
        try:
            await probe.start_tls(stream, rung)
        except TlsError as error:
            raise _in_clear(probe, error) from error
    await prompt.greet(probe, stream, talk)
    async with probe.step(Step.AUTH) as rung:
        prompt.prompt(talk, rung, "TLS")
    await prompt.log_in(probe, talk, stream, "TLS")


def _in_clear(probe: Probe, error: TlsError) -> TlsError | Failure:
    """Return the failure of a port that greets in clear, with the target that it is; any other error as it is."""
    found = probe.explain(error, Step.TLS)
    if found.cause is not common.TLS_NOT_OFFERED or not error.heard.startswith(b"* "):
        return error
    entry = fixes.IN_CLEAR(host=probe.host, port=probe.target.port)
    return Failure(found.cause, found.detail, also=((Owner.OPERATOR, entry),), speaks=probe.row.speaks)
