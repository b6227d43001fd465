"""IMAP 143: in clear, and inside TLS from STARTTLS on where the server offers it.

    we                              server
                              <-    * OK [CAPABILITY ... STARTTLS LOGINDISABLED] ready, or * BYE and why not
    c1 CAPABILITY             ->                             (unless the greeting told it)
    c2 STARTTLS               ->
                              <-    c2 OK, or NO
    TLS handshake             <->
    c3 CAPABILITY             ->                             (what it said in clear is void, RFC 3501 6.2.1)
                              <-    * CAPABILITY ... AUTH=PLAIN: the login prompt
    LOGOUT                    ->
                              <-    * BYE                    (logs one line at info level)

The ladder is climbed in the order of the wire, so ``handshake`` stands before ``tls``.
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
    """Climb to the login prompt, and on to one header with a credential."""
    talk = Talk()
    stream = await probe.connect(farewell=talk.say_goodbye)
    try:
        await prompt.greet(probe, stream, talk)
    except ClimbEnded:
        # STARTTLS comes after the greeting, though `tls` is the lower rung: say that it was not asked for.
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
    """STARTTLS, as every client that wants its password to stay one would."""
    if talk.preauthenticated:
        rung.skip("STARTTLS is not permitted after PREAUTH")
        return "none"
    if "STARTTLS" not in talk.offered:
        rung.skip("the server does not offer STARTTLS")
        return "none"
    answer = await talk.ask(stream, "STARTTLS")
    if answer.status == "OK":
        talk.listening = False  # a LOGOUT in the middle of a TLS handshake would break it
        await probe.start_tls(stream, rung)
        talk.listening = True
        return "STARTTLS"
    detail = f"STARTTLS is offered, and refused: {printable(answer.text, MOST_SHOWN)}"
    if not talk.takes_passwords:
        # The login prompt would only show that passwords are barred in clear; this is why they are.
        rung.stop(common.TLS_NOT_OFFERED, detail)
    rung.warn(common.TLS_NOT_OFFERED, detail)
    return "none"
