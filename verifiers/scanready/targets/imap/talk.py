"""Hold an IMAP talk up to the login prompt: greeting, commands, LOGOUT and the product; judge nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.model import Facts
from scanready.net.events import record
from scanready.net.stream import Stream
from scanready.wire import WireError
from scanready.wire import imap as wire
from scanready.wire.printable import printable

from . import causes, referrals

MOST_SHOWN = 240  # characters of a server's text in a detail

# The mechanisms for a client that has a user name and a password.
PASSWORD_MECHANISMS = {"PLAIN", "LOGIN"}

#: The first word of the PROXY protocol's header, version 1; an IMAP server reads it as the tag of a command.
PROXY_TAG = "PROXY"

#: How servers name themselves in their greeting; the first group is the version, if they send it.
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


@dataclass(slots=True)
class Talk:
    """Hold the state of one IMAP talk. ``listening``: the server accepts commands, so LOGOUT may be sent.

    ``tls`` is true if TLS comes before the greeting.
    """

    tls: bool = False
    greeting: wire.Greeting | None = None
    offered: frozenset[str] = frozenset()
    listening: bool = False
    lines: list[str] = field(default_factory=list)
    _commands: int = 0

    async def greeted(self, stream: Stream) -> wire.Greeting:
        """Read the greeting, and ask for the capabilities if it does not contain them."""
        self.greeting = greeting = await stream.receive(wire.read_greeting)
        self.lines.append(greeting.text)
        if greeting.kind not in ("OK", "PREAUTH"):
            raise self._turned_away(greeting.kind, greeting, stream)
        self.listening = True
        listed = greeting.capabilities or frozenset()
        self.offered = listed if _has_imap(listed) else await self.capabilities(stream)
        return greeting

    async def ask(self, stream: Stream, command: str) -> wire.Tagged:
        """Send a command and read its answer.

        Raises:
            Failure: the server answers BYE instead.
        """
        self._commands += 1
        tag = f"c{self._commands}"
        record(command.lower())
        await stream.send(wire.command(tag, command))
        try:
            answer: wire.Tagged | wire.Bye = await stream.receive(wire.read_tagged(tag))
        except wire.ForeignAnswer as error:
            if error.tag != PROXY_TAG:
                raise
            raise Failure(
                common.PROXY_HEADER, f"the server answers a command {PROXY_TAG}, which this agent did not send"
            ) from error
        if isinstance(answer, wire.Bye):
            self.listening = False
            raise self._turned_away("BYE", answer, stream)
        self.lines += answer.untagged
        return answer

    async def capabilities(self, stream: Stream) -> frozenset[str]:
        """Ask for the server's current capabilities; those from before TLS are void (RFC 3501, 6.2.1)."""
        answer = await self.ask(stream, "CAPABILITY")
        self.offered = answer.capabilities
        if answer.status != "OK" and not causes.knows_no_such_command(answer.text):
            detail = f"the server answers CAPABILITY with {answer.status} {printable(_coded(answer), MOST_SHOWN)}"
            raise Failure(
                common.THROTTLED if causes.too_many(answer.code, answer.text) else causes.COMMAND_REFUSED, detail
            )
        if not _has_imap(self.offered):
            # RFC 3501, 6.1.1 requires it. Other protocols also greet with "* OK" (Cyrus's MUPDATE).
            error = WireError(
                f"its capabilities do not include IMAP4: {answer.status} {printable(answer.text, MOST_SHOWN)}"
            )
            error.heard = stream.heard
            raise error
        return self.offered

    async def say_goodbye(self, stream: Stream) -> None:
        """Send LOGOUT and read the BYE, so that Dovecot logs a logout instead of a lost connection."""
        if self.listening:
            self.listening = False
            await stream.send(wire.command("bye", "LOGOUT"))
            await stream.receive(wire.read_tagged("bye", logout=True))

    def _turned_away(self, status: str, answer: wire.Bye | wire.Greeting, stream: Stream) -> Failure:
        words = f"{status} {printable(_coded(answer), MOST_SHOWN)}"
        if answer.code == "REFERRAL":
            return referrals.referral(answer.argument, words, tls=self.tls)
        cause = causes.of_bye(answer.code, answer.text, encrypted=stream.encrypted)
        general = cause in (causes.NOT_ACCEPTING, causes.TURNED_AWAY)
        return Failure(causes.GREETING_REFUSED if general and status != "BYE" else cause, words)

    @property
    def mechanisms(self) -> set[str]:
        """Return the login methods: SASL mechanisms, and the LOGIN command as ``LOGIN``."""
        return self.sasl | {"LOGIN"} if self.login_command else self.sasl

    @property
    def sasl(self) -> set[str]:
        """Return the mechanisms of AUTHENTICATE."""
        return {name.removeprefix("AUTH=") for name in self.offered if name.startswith("AUTH=")}

    @property
    def login_command(self) -> bool:
        """Return whether the command LOGIN is enabled."""
        return "LOGINDISABLED" not in self.offered

    @property
    def takes_passwords(self) -> bool:
        """Return whether a client with user name and password could log in now."""
        return bool(PASSWORD_MECHANISMS & self.mechanisms)

    @property
    def preauthenticated(self) -> bool:
        """Return whether the server's greeting is PREAUTH."""
        return self.greeting is not None and self.greeting.kind == "PREAUTH"

    def product(self) -> Facts:
        """Return product and version from the greeting or, for some Dovecot servers, from later answers."""
        for name, pattern in PRODUCTS:
            for line in self.lines:
                if found := pattern.search(line):
                    version = found[1] if pattern.groups else None
                    return {"product": name, "version": version} if version else {"product": name}
        return {}


def _has_imap(capabilities: frozenset[str]) -> bool:
    """Return whether a list of capabilities is that of an IMAP server (RFC 3501, 6.1.1)."""
    return any(name.startswith("IMAP4") for name in capabilities)


def _coded(answer: wire.Tagged | wire.Bye | wire.Greeting) -> str:
    """Return the server's text with its response code."""
    return f"[{answer.code}] {answer.text}".rstrip() if answer.code else answer.text
