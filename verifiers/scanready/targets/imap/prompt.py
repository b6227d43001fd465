"""What ``imap`` and ``imaps`` have in common: the rungs from the greeting to the login prompt, and the login.

server                                              we
* OK [CAPABILITY ...] ready, PREAUTH or BYE   ->
                                              <-    c1 CAPABILITY   (unless it was told)
* CAPABILITY ... c1 OK                        ->
                                              <-    bye LOGOUT      (wherever the climb stops from here on)
* BYE ... bye OK                              ->
"""

from __future__ import annotations

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Owner, Step
from scanready.net.stream import ReadTimeout, Stream
from scanready.wire.printable import printable

from . import causes, fixes
from .login import Encryption, Result, Where, visit
from .talk import MOST_SHOWN, Talk

#: Where IMAP inside TLS usually is (RFC 8314, 7.3).
IMAPS = 993

# As good as a password to whoever listens: a server that offers them in clear does not hide PLAIN for want of TLS.
BEARER_MECHANISMS = {"XOAUTH2", "OAUTHBEARER"}


async def greet(probe: Probe, stream: Stream, talk: Talk) -> None:
    """Climb ``handshake``: the greeting and what the server can do."""
    async with probe.step(Step.HANDSHAKE) as rung:
        try:
            greeting = await talk.greeted(stream)
        except ReadTimeout as error:
            if error.heard or error.hasty or probe.row.tls or probe.target.port != IMAPS:
                raise
            detail = "connected, and not one byte came; 993 is the port of IMAP inside TLS, which waits for its client"
            entry = fixes.INSIDE_TLS(host=probe.host, port=probe.target.port)
            raise Failure(common.SILENT, detail, also=((Owner.OPERATOR, entry),)) from error
        except Failure as failure:
            if failure.cause is common.TLS_REQUIRED:
                failure.also = ((Owner.OPERATOR, fixes.INSIDE_TLS(host=probe.host, port=IMAPS)),)
            raise
        seen = talk.product()
        rung.ok(f"speaks IMAP ({seen['product']})" if seen else "speaks IMAP", **seen)
        if greeting.code == "ALERT":
            alert = printable(greeting.text, MOST_SHOWN)
            rung.ok(f"the server alerts: {alert}", alert=alert)


def prompt(talk: Talk, rung: Rung, encryption: Encryption) -> None:
    """Judge on ``auth`` whether a client with user name and password can log in."""
    methods, told = [] if talk.preauthenticated else sorted(talk.mechanisms), sorted(talk.offered)
    rung.check.facts.update(auth_methods=methods, capabilities=told, encryption=encryption)
    if talk.greeting is not None and talk.preauthenticated:
        rung.warn(causes.PREAUTHENTICATED, f"PREAUTH: {printable(talk.greeting.text, MOST_SHOWN)}")
    elif talk.takes_passwords:
        # A working prompt in clear is ready, not limited: a scan would run. That its password would be readable is
        # told here, and a credential of ours is withheld from it.
        rung.ok(f"asks for {', '.join(methods)}" + (" in clear text" if encryption == "none" else ""))
    elif not methods or (encryption == "none" and not BEARER_MECHANISMS & talk.mechanisms):
        # In clear, a server hides PLAIN (RFC 3501, 6.2.3), so what remains tells nothing about passwords over TLS.
        besides = f"; offered are {', '.join(methods)}" if methods else ""
        rung.stop(causes.LOGIN_DISABLED, f"LOGINDISABLED{besides}", _permit(talk, encryption))
    else:
        rung.stop(causes.NO_PASSWORD_LOGIN, f"offered are only {', '.join(methods)}")


def _permit(talk: Talk, encryption: Encryption) -> str | None:
    """What lets a password in, where we know the server's language."""
    if encryption != "none" or talk.product().get("product") != "Dovecot":
        return None
    return fixes.PERMIT_PASSWORDS()


async def log_in(probe: Probe, talk: Talk, stream: Stream, encryption: Encryption) -> None:
    """Climb ``login`` and ``access``, if there is a credential: a login by imapclient, and one header."""
    if probe.credential is None:
        return
    await probe.leave(stream)  # one session at a time: servers count them by address
    async with probe.step(Step.LOGIN) as rung:
        if talk.preauthenticated:
            rung.skip("a server that greets with PREAUTH takes no login")
            return
        if encryption == "none":
            probe.about_to_send_in_clear()
        result = await _attempt(probe, talk, encryption)
        rung.ok(f"logged in as {probe.credential.username}")
    async with probe.step(Step.ACCESS) as rung:
        if result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(f"read {result.read}; {len(result.facts['folders'])} folders at the top", **result.facts)
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
