"""Verify IMAP 143: in clear text, and inside TLS after STARTTLS if the server offers it.

    we                              server
                              <-    * OK [CAPABILITY ... STARTTLS LOGINDISABLED] ready, or * BYE and a reason
    c1 CAPABILITY             ->                             (unless the greeting had it)
    c2 STARTTLS               ->
                              <-    c2 OK, or NO
    TLS handshake             <->
    c3 CAPABILITY             ->                             (the answer in clear text is void, RFC 3501 6.2.1)
                              <-    * CAPABILITY ... AUTH=PLAIN: the login prompt
    LOGOUT                    ->
                              <-    * BYE                    (logs one line at info level)

The steps follow the order on the wire, so ``handshake`` comes before ``tls``.
"""

from __future__ import annotations

from scanready.causes import common
from scanready.climb.probe import ClimbEnded, Probe, Rung
from scanready.model import Check, Outcome, Step
from scanready.net.stream import Stream
from scanready.wire.printable import printable

from . import prompt
from .login import Encryption
from .talk import MOST_SHOWN, Talk


async def verify(probe: Probe) -> None:
    """Climb to the login prompt; with a credential, log in and read one header."""
    talk = Talk()
    stream = await probe.connect(farewell=talk.say_goodbye)
    try:
        await prompt.greet(probe, stream, talk)
    except ClimbEnded:
        # STARTTLS comes after the greeting, although `tls` is the lower rung. Record that it was not requested.
        probe.record(Check(Step.TLS, probe.endpoint, Outcome.SKIPPED, "not reached: STARTTLS follows the greeting"))
        raise
    async with probe.step(Step.TLS) as rung:
        encryption = await _encrypt(probe, rung, stream, talk)
    async with probe.step(Step.AUTH) as rung:
        if encryption == "STARTTLS":
            await talk.capabilities(stream)
        prompt.prompt(talk, rung, encryption)
    await prompt.log_in(probe, talk, stream, encryption)


async def _encrypt(probe: Probe, rung: Rung, stream: Stream, talk: Talk) -> Encryption:
    """Request STARTTLS if the server offers it, and return the encryption of the connection."""
    if talk.preauthenticated:
        rung.skip("STARTTLS is not permitted after PREAUTH")
        return "none"
    if "STARTTLS" not in talk.offered:
        rung.skip("the server does not offer STARTTLS")
        return "none"
    answer = await talk.ask(stream, "STARTTLS")
    if answer.status == "OK":
        talk.listening = False  # no LOGOUT may be sent during a TLS handshake
        await probe.start_tls(stream, rung)
        talk.listening = True
        return "STARTTLS"
    detail = f"the server offers STARTTLS but refuses it: {printable(answer.text, MOST_SHOWN)}"
    if not talk.takes_passwords:
        # The login prompt would only show that passwords are barred in clear text; this is the reason.
        rung.stop(common.TLS_NOT_OFFERED, detail)
    rung.warn(common.TLS_NOT_OFFERED, detail)
    return "none"
