"""Verify IMAPS 993: IMAP inside TLS from the first byte.

we                              server
TLS handshake             <->
                          <-    * OK [CAPABILITY ...] ready, or * BYE and a reason
c1 CAPABILITY             ->                             (unless the greeting had it)
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
    """Climb to the login prompt; with a credential, log in and read one header."""
    talk = Talk(tls=True)
    stream = await probe.connect(farewell=talk.say_goodbye)
    async with probe.step(Step.TLS) as rung:
        try:
            await probe.start_tls(stream, rung)
        except TlsError as error:
            _demand_tls(probe, error)
            raise
    await prompt.greet(probe, stream, talk)
    async with probe.step(Step.AUTH) as rung:
        prompt.prompt(talk, rung, "TLS")
    await prompt.log_in(probe, talk, stream, "TLS")


def _demand_tls(probe: Probe, error: TlsError) -> None:
    """Raise a better failure if the server sent an IMAP greeting in clear text in place of TLS.

    Raises:
        Failure: it did; the fix is the entry for the inventory without TLS.
    """
    found = probe.explain(error, Step.TLS)
    if found.cause is common.TLS_NOT_OFFERED and error.heard.startswith(b"* "):
        entry = fixes.IN_CLEAR(host=probe.host, port=probe.target.port)
        raise Failure(found.cause, found.detail, also=((Owner.OPERATOR, entry),), speaks=probe.row.speaks) from error
