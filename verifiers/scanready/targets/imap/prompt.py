"""Climb the steps that ``imap`` and ``imaps`` share: from the greeting to the login prompt, and the login.

server                                              we
* OK [CAPABILITY ...] ready, PREAUTH or BYE   ->
                                              <-    c1 CAPABILITY   (unless the greeting had it)
* CAPABILITY ... c1 OK                        ->
                                              <-    bye LOGOUT      (at any later step where the climb stops)
* BYE ... bye OK                              ->
"""

from __future__ import annotations

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.climb.shared import login_methods
from scanready.model import Owner, Step
from scanready.net.stream import ReadTimeout, Stream
from scanready.wire.printable import printable

from . import causes, fixes
from .login import Encryption, Result, Where, visit
from .talk import MOST_SHOWN, Talk

#: The usual port for IMAP inside TLS (RFC 8314, 7.3).
IMAPS = 993

# An eavesdropper can use these tokens like a password. A server that offers them in clear text does not hide PLAIN only
# because TLS is missing.
BEARER_MECHANISMS = {"XOAUTH2", "OAUTHBEARER"}


async def greet(probe: Probe, stream: Stream, talk: Talk) -> None:
    """Climb ``handshake``: read the greeting and the capabilities."""
    async with probe.step(Step.HANDSHAKE) as rung:
        try:
            greeting = await talk.greeted(stream)
        except ReadTimeout as error:
            if error.heard or error.hasty or probe.row.tls or probe.target.port != IMAPS:
                raise
            detail = (
                "connected, but no byte arrived; 993 is the port for IMAP inside TLS, which waits for a ClientHello"
            )
            entry = fixes.INSIDE_TLS(host=probe.host, port=probe.target.port)
            raise Failure(common.SILENT, detail, also=((Owner.OPERATOR, entry),)) from error
        except Failure as failure:
            if failure.cause is common.TLS_REQUIRED:
                failure.also = ((Owner.OPERATOR, fixes.INSIDE_TLS(host=probe.host, port=IMAPS)),)
            raise
        product = talk.product()
        rung.ok(f"speaks IMAP ({product['product']})" if product else "speaks IMAP", **product)
        if greeting.code == "ALERT":
            alert = printable(greeting.text, MOST_SHOWN)
            rung.ok(f"the server's alert: {alert}", alert=alert)


def prompt(talk: Talk, rung: Rung, encryption: Encryption) -> None:
    """Judge on ``auth`` whether a client with user name and password can log in."""
    methods, capabilities = [] if talk.preauthenticated else sorted(talk.mechanisms), sorted(talk.offered)
    rung.check.facts.update(auth_methods=methods, capabilities=capabilities, encryption=encryption)
    if talk.greeting is not None and talk.preauthenticated:
        rung.warn(causes.PREAUTHENTICATED, f"PREAUTH: {printable(talk.greeting.text, MOST_SHOWN)}")
    elif talk.takes_passwords:
        # A working prompt in clear text is ready, not limited, because a scan would run. The summary says that the
        # password would be readable, and our own credential is withheld from it.
        rung.ok(login_methods.offers(methods) + (" in clear text" if encryption == "none" else ""))
    elif not methods or (encryption == "none" and not BEARER_MECHANISMS & talk.mechanisms):
        # In clear text, a server hides PLAIN (RFC 3501, 6.2.3), so its list says nothing about passwords over TLS.
        besides = f"; the server offers {', '.join(methods)}" if methods else ""
        rung.stop(causes.LOGIN_DISABLED, f"LOGINDISABLED{besides}", _permit(talk, encryption))
    else:
        rung.stop(causes.NO_PASSWORD_LOGIN, f"the server offers only {', '.join(methods)}")


def _permit(talk: Talk, encryption: Encryption) -> str | None:
    """Return the settings that permit passwords, for the product whose configuration is known; else None."""
    if encryption != "none" or talk.product().get("product") != "Dovecot":
        return None
    return fixes.PERMIT_PASSWORDS()


async def log_in(probe: Probe, talk: Talk, stream: Stream, encryption: Encryption) -> None:
    """Climb ``login`` and ``access``, if there is a credential: log in with imapclient and read one header."""
    if probe.credential is None:
        return
    await probe.leave(stream)  # one session at a time: servers count them by address
    async with probe.step(Step.LOGIN) as rung:
        if talk.preauthenticated:
            rung.skip("a server that greets with PREAUTH accepts no login")
            return
        if encryption == "none":
            probe.about_to_send_in_clear()
        result = await _attempt(probe, talk, encryption)
        rung.ok(f"logged in as {probe.credential.username}")
    async with probe.step(Step.ACCESS) as rung:
        if result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(f"read {result.read}; {len(result.facts['folders'])} top-level folders", **result.facts)
        if (other := result.referred) is not None:
            rung.warn(other.cause, other.detail, other.fix)


async def _attempt(probe: Probe, talk: Talk, encryption: Encryption) -> Result:
    target = probe.target
    folder = target.options.get("folder")
    address = probe.address or target.host
    ways, trust = frozenset(talk.sasl), probe.login_trust()
    product = str(talk.product().get("product", ""))
    where = Where(address, target.host, target.port, encryption, talk.login_command, ways, folder, product, trust)
    return await probe.login(visit, where)
