"""What ``imap`` and ``imaps`` have in common: greeting, capabilities, the login prompt, and a polite end.

server                                                                we
* OK [CAPABILITY ...] ready | * PREAUTH ... | * BYE ...     ->
                                                            <-        c1 CAPABILITY   (unless it was told)
* CAPABILITY ... c1 OK                                      ->
                                                            <-        c2 LOGOUT       (wherever the climb stops)
* BYE ... c2 OK                                             ->
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..causes import common
from ..causes import imap as causes
from ..explain import Failure
from ..logins.imap import Encryption, Where, visit
from ..model import Facts, Step
from ..probe import Probe, Rung
from ..stream import Silent, Stream
from ..wire import imap as wire

MOST_SHOWN = 240  # characters of a server's own words in a detail

#: How servers name themselves in their greeting; the first group is the version, where they tell it.
PRODUCTS = (
    ("Dovecot", re.compile(r"\bDovecot\b")),
    ("Courier IMAP", re.compile(r"\bCourier-IMAP\b")),
    ("Cyrus IMAP", re.compile(r"\bCyrus IMAP4?(?: v?(\d[\w.]*))?")),
    ("Microsoft Exchange", re.compile(r"\bMicrosoft Exchange(?: Server \d+)? IMAP4(?:rev1 server version ([\d.]+))?")),
    ("Gmail", re.compile(r"^Gimap ready")),
    ("HCL Domino", re.compile(r"\bDomino IMAP4 Server(?: Release (\S+))?")),
    ("Zimbra", re.compile(r"\bZimbra IMAP4rev1\b")),
    ("hMailServer", re.compile(r"^IMAPrev1$")),
    ("UW IMAP", re.compile(r"\bIMAP4rev1 (20\d\d[a-z]?\.\d+)")),
)

# What the capability list means for a client that has a user name and a password.
PASSWORD_MECHANISMS = {"PLAIN", "LOGIN"}
# As good as a password to whoever listens: a server that offers them in clear does not hide PLAIN for want of TLS.
BEARER_MECHANISMS = {"XOAUTH2", "OAUTHBEARER"}


@dataclass(slots=True)
class Talk:
    """One IMAP talk. ``listening`` while the server takes commands: only then may we say LOGOUT."""

    greeting: wire.Greeting | None = None
    offered: frozenset[str] = frozenset()
    listening: bool = False
    lines: list[str] = field(default_factory=list)
    _commands: int = 0

    async def greeted(self, stream: Stream) -> wire.Greeting:
        """Read the greeting, and the capabilities if it does not tell them."""
        self.greeting = greeting = await stream.receive(wire.read_greeting)
        self.lines.append(greeting.text)
        if greeting.kind == "BYE":
            raise _turned_away(greeting)
        self.listening = True
        self.offered = greeting.capabilities or await self.capabilities(stream)
        return greeting

    async def ask(self, stream: Stream, command: str) -> wire.Tagged:
        """Send a command and read its answer.

        Raises:
            Failure: the server says BYE instead.
        """
        self._commands += 1
        tag = f"c{self._commands}"
        await stream.send(wire.command(tag, command))
        answer = await stream.receive(wire.read_tagged(tag))
        if isinstance(answer, wire.Bye):
            self.listening = False
            raise _turned_away(answer)
        self.lines += answer.untagged
        return answer

    async def capabilities(self, stream: Stream) -> frozenset[str]:
        """Ask what the server can do now; what it said before TLS is void (RFC 3501, 6.2.1)."""
        self.offered = (await self.ask(stream, "CAPABILITY")).capabilities
        return self.offered

    async def say_goodbye(self, stream: Stream) -> None:
        """LOGOUT, and the BYE: Dovecot notes a client that logged out, not one that broke off."""
        if self.listening:
            self.listening = False
            await stream.send(wire.command("bye", "LOGOUT"))
            await stream.receive(wire.read_tagged("bye", logout=True))

    @property
    def mechanisms(self) -> set[str]:
        """What may be used to log in: SASL mechanisms, and the LOGIN command as ``LOGIN``."""
        offered = {name.removeprefix("AUTH=") for name in self.offered if name.startswith("AUTH=")}
        return offered if "LOGINDISABLED" in self.offered else offered | {"LOGIN"}

    @property
    def takes_passwords(self) -> bool:
        """Whether a client with user name and password could log in now."""
        return bool(PASSWORD_MECHANISMS & self.mechanisms)

    @property
    def preauthenticated(self) -> bool:
        """Whether the server took us as logged in when it greeted."""
        return self.greeting is not None and self.greeting.kind == "PREAUTH"

    def product(self) -> Facts:
        """Who answers, as the greeting names it (Dovecot's real one may come late, among the answers)."""
        for name, pattern in PRODUCTS:
            for line in self.lines:
                if found := pattern.search(line):
                    version = found[1] if pattern.groups else None
                    return {"product": name, "version": version} if version else {"product": name}
        return {}


async def greet(probe: Probe, stream: Stream, talk: Talk) -> None:
    """Climb ``handshake``: the greeting and what the server can do."""
    async with probe.step(Step.HANDSHAKE) as rung:
        try:
            greeting = await talk.greeted(stream)
        except Silent as error:
            if error.heard or probe.row.tls or probe.target.port != 993:
                raise
            detail = "connected, and not one byte came; 993 is the port of IMAP inside TLS, which waits for its client"
            raise Failure(common.SILENT, detail, f"imaps://{probe.endpoint}") from error
        seen = talk.product()
        rung.saw(f"speaks IMAP ({seen['product']})" if seen else "speaks IMAP", **seen)
        if greeting.code == "ALERT":
            rung.saw(f"the server alerts: {greeting.text[:MOST_SHOWN]}", alert=greeting.text[:MOST_SHOWN])


def prompt(probe: Probe, talk: Talk, rung: Rung, encryption: Encryption) -> None:
    """Judge on ``auth`` whether a client with user name and password can log in."""
    methods, told = sorted(talk.mechanisms), sorted(talk.offered)
    rung.check.facts.update(auth_methods=methods, capabilities=told, encryption=encryption)
    if talk.greeting is not None and talk.preauthenticated:
        rung.warn(causes.PREAUTHENTICATED, f"PREAUTH: {talk.greeting.text[:MOST_SHOWN]}")
    elif talk.takes_passwords:
        # A working prompt in clear is ready, not limited: a scan would run. That its password would be readable is
        # told here, and a credential of ours is withheld from it.
        rung.saw(f"asks for {', '.join(methods)}" + (" in clear text" if encryption == "none" else ""))
    elif not methods or (encryption == "none" and not BEARER_MECHANISMS & talk.mechanisms):
        # In clear, a server hides PLAIN (RFC 3501, 6.2.3), so what remains tells nothing about passwords over TLS.
        besides = f"; offered are {', '.join(methods)}" if methods else ""
        rung.blocked(causes.LOGIN_DISABLED, f"LOGINDISABLED{besides}", _permit(probe, talk, encryption))
    else:
        rung.blocked(causes.NO_PASSWORD_LOGIN, f"offered are only {', '.join(methods)}")


def _permit(probe: Probe, talk: Talk, encryption: Encryption) -> str | None:
    """What lets a password in, where we know the server's language."""
    if encryption != "none" or talk.product().get("product") != "Dovecot":
        return None
    return "ssl = yes   (with ssl_cert and ssl_key; without TLS: disable_plaintext_auth = no)"


def _turned_away(bye: wire.Bye | wire.Greeting) -> Failure:
    said = f"[{bye.code}] {bye.text}" if bye.code else bye.text
    return Failure(causes.of_bye(bye.code, bye.text), f"BYE {said[:MOST_SHOWN]}")


async def log_in(probe: Probe, talk: Talk, stream: Stream, encryption: Encryption) -> None:
    """Climb ``login`` and ``access``, if there is a credential: a login by imapclient, and one header."""
    target = probe.target
    if target.credential is None:
        return
    await probe.leave(stream)  # one session at a time: servers count them by address
    async with probe.step(Step.LOGIN) as rung:
        if encryption == "none":
            probe.about_to_send_in_clear()
        where = Where(
            probe.address or target.host,
            target.host,
            target.port,
            encryption,
            frozenset(talk.mechanisms),
            target.options.get("folder"),
        )
        seen = await probe.login(visit, where, target.credential, probe.remaining)
        rung.saw(f"logged in as {target.credential.username}")
    async with probe.step(Step.ACCESS) as rung:
        if seen.denied is not None:
            rung.denied(seen.denied)
        else:
            rung.saw(f"read {seen.read}; {len(seen.folders)} folders at the top", folders=seen.folders)
