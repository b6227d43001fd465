"""IMAP, from the greeting to the answers to CAPABILITY, STARTTLS and LOGOUT.

The server speaks first::

    server  * OK [CAPABILITY ...] ready            | * PREAUTH ... | * BYE too many connections | * NO busy
    we      c1 CAPABILITY
    server  * CAPABILITY ...   c1 OK ...
    we      c2 STARTTLS, TLS, and CAPABILITY again: the list from before TLS is void
    we      c3 LOGOUT
    server  * BYE ...   c3 OK ...

The greeting is the first untagged OK, PREAUTH or BYE. NO and BAD are untagged statuses, too, which the RFCs do not have
in the place of a greeting; servers and gateways that cannot serve send them there. Dovecot 2.3 may say
``* OK Waiting for authentication process to respond..`` first and its real
greeting later; that one then is among the untagged lines of the next command.

Source: RFC 3501 (sections 2.2, 7.1 and 9), RFC 9051, response codes of RFC 5530, referrals of RFC 2193 and RFC 2221.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from . import Cursor, ForeignBytes, OurLimit, Reader, Steps, WireError, stepwise
from .fields import Field, Role
from .printable import quoted

#: Bytes in one line. RFC 7162 asks clients to send at most 8192; no server sends more before a login.
LINE_LIMIT = 8 * 1024
#: Bytes in one whole answer, its literals and untagged lines included.
ANSWER_LIMIT = 64 * 1024
#: Untagged lines before the tagged one.
UNTAGGED_LIMIT = 1000

GreetingKind = Literal["OK", "PREAUTH", "BYE", "NO", "BAD"]
_GREETINGS: Mapping[str, GreetingKind] = {"OK": "OK", "PREAUTH": "PREAUTH", "BYE": "BYE", "NO": "NO", "BAD": "BAD"}
_ANSWERS: Mapping[str, Literal["OK", "NO", "BAD"]] = {"OK": "OK", "NO": "NO", "BAD": "BAD"}

_STATUS = re.compile(r"(OK|NO|BAD|PREAUTH|BYE)(?: +(.*))?", re.IGNORECASE | re.DOTALL)
_FREE_TEXT = re.compile(rb"\S+ (?:OK|NO|BAD|PREAUTH|BYE)[ \r\n]", re.IGNORECASE)
# "[hostname.example] ready" is text of an old server, not a code: no registered code has a dot.
_CODE = re.compile(r"\[([A-Z][A-Z0-9-]*)(?: ([^\]]*))?\] ?(.*)", re.IGNORECASE | re.DOTALL)
_LITERAL = re.compile(rb"\{(\d+)\+?\}\r?\n$")
_STATUS_FIRST = re.compile(rb"\* (?:OK|PREAUTH|BYE|NO|BAD) ", re.IGNORECASE)
_LONGEST_STATUS = len("* PREAUTH ")
_REFERRAL = re.compile(r"imap://(?:[^@/ ]*@)?([^\[\]:/ @]+)(?::(\d{1,5}))?(?:/\S*)?(?: |$)", re.IGNORECASE)
_TAG = re.compile(r"[A-Za-z0-9]{1,32}")


class ForeignAnswer(WireError):
    """Raise for an answer to a command that was not sent; ``tag`` is the word in the place of its tag."""

    def __init__(self, message: str, tag: str) -> None:
        super().__init__(message)
        self.tag = tag


@dataclass(frozen=True, slots=True)
class Greeting:
    """The server's first line. ``code`` is the response code in capitals, None if there is none.

    ``argument`` is what the response code says after its name, empty if nothing.
    """

    kind: GreetingKind
    text: str
    code: str | None
    capabilities: frozenset[str] | None
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Tagged:
    """The answer to one command.

    ``untagged`` holds the lines before it without their ``* ``; a literal stands in its line as it came,
    ``{3}`` CRLF and three bytes. ``argument`` is what the response code says after its name, empty if nothing.
    """

    status: Literal["OK", "NO", "BAD"]
    code: str | None
    text: str
    untagged: tuple[str, ...]
    argument: str = ""

    @property
    def capabilities(self) -> frozenset[str]:
        """Return the capabilities from the untagged lines, or else from the response code."""
        coded = [f"CAPABILITY {self.argument}"] if self.code == "CAPABILITY" else []
        return capabilities(self.untagged) or capabilities(coded)


@dataclass(frozen=True, slots=True)
class Bye:
    """Hold a BYE: the server closes the connection instead of answering."""

    text: str
    code: str | None
    argument: str = ""


@stepwise
def read_greeting(cursor: Cursor) -> Steps[Greeting]:
    """Read the first untagged line.

    Raises:
        WireError: it is no IMAP greeting.
        OurLimit: it is longer than :data:`LINE_LIMIT`.
    """

    def recognise(start: bytes) -> None:
        if not b"* ".startswith(start):
            shown = cursor.shown(24)
            raise ForeignBytes(f"an IMAP server greets with '* OK'; this one begins with {quoted(shown)}")

    yield from cursor.lead(2, recognise)
    try:
        line = yield from cursor.line(LINE_LIMIT)
    except WireError:
        if _STATUS_FIRST.match(cursor.shown(_LONGEST_STATUS)):
            raise OurLimit(f"a greeting of more than {LINE_LIMIT} bytes, the limit of this check") from None
        raise
    word, rest = _status(_decoded(line[2:]))
    kind = _GREETINGS.get(word)
    if kind is None:
        raise WireError(f"the first line is no IMAP greeting (OK, PREAUTH or BYE): {quoted(line[:64])}")
    code, argument, text = _response_code(rest)
    if code == "CAPABILITY":
        return Greeting(kind, text, code, _names(argument))
    return Greeting(kind, text, code, None, argument)


def command(tag: str, text: str) -> bytes:
    """Build one command line.

    Raises:
        ValueError: the tag is not 1 to 32 letters and digits, or the text is not one line of printable ASCII.
    """
    if not _TAG.fullmatch(tag):
        raise ValueError("an IMAP tag is made of letters and digits")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("an IMAP command is one line of printable ASCII")
    return f"{tag} {text}\r\n".encode("ascii")


def read_tagged(tag: str, *, logout: bool = False) -> Reader[Tagged | Bye]:
    """Make the reader of the answer to the command that was sent with ``tag``.

    ``* BYE`` instead of the answer is :class:`Bye`. With ``logout`` the BYE is expected and is one of the untagged
    lines; only a server that closes after it, and never sends the tagged line, answers :class:`Bye` then.

    The reader raises WireError for an answer to a command that was never sent, a request to continue one that was
    complete; OurLimit for a literal, a line or an answer that is longer than the limits of this module.
    """
    return partial(read_answer, tag=tag, logout=logout)


@stepwise
def read_answer(cursor: Cursor, tag: str, *, logout: bool = False) -> Steps[Tagged | Bye]:
    """Read the untagged lines and the tagged one; see :func:`read_tagged`.

    Raises:
        WireError: as there.
    """
    untagged: list[str] = []
    bye: Bye | None = None
    while (response := (yield from _response(cursor, tag))) is not None:
        line = _decoded(response.removesuffix(b"\n").removesuffix(b"\r"))
        mark, _, rest = line.partition(" ")
        if mark != "*":
            return _tagged(mark, rest, tag, untagged)
        bye = _bye(rest) or bye
        if bye and not logout:
            return bye
        untagged.append(rest)
        if len(untagged) > UNTAGGED_LIMIT:
            raise OurLimit(f"more than {UNTAGGED_LIMIT} lines without an answer to {tag}, the limit of this check")
    return bye or (yield from cursor.cut_short())


def capabilities(lines: Iterable[str]) -> frozenset[str]:
    """Return the last capability list among untagged ``lines``, in capitals; empty if there is none.

    Both ``CAPABILITY ...`` and ``OK [CAPABILITY ...] text`` count, with or without ``* `` before them. The last one
    wins, because a server that says it again has changed its mind (RFC 3501, 6.2.1: void after STARTTLS).
    """
    last: frozenset[str] = frozenset()
    for line in lines:
        line = line.removeprefix("* ")
        name, _, argument = line.partition(" ")
        kind, rest = _status(line)
        if kind:
            code, argument, _ = _response_code(rest)
            name = code or ""
        if name.upper() == "CAPABILITY":
            last = _names(argument)
    return last


def _response(cursor: Cursor, tag: str) -> Steps[bytes | None]:
    """Pass one response, its literals included; None if the connection has ended before it was whole.

    Raises:
        OurLimit: a line, a literal or the whole answer is larger than the limits allow.
    """
    parts: list[bytes] = []
    while (line := (yield from _line(cursor, tag))) is not None:
        parts.append(line)
        # The text of a status response is free: "{3}" at its end announces nothing.
        literal = None if _FREE_TEXT.match(parts[0]) else _LITERAL.search(line)
        if literal is None:
            return b"".join(parts)
        # Eight digits at most: int() refuses thousands of them, and no answer may be that large anyway.
        if len(literal[1]) > 8 or int(literal[1]) > ANSWER_LIMIT:
            shown = literal[1][:24].decode("ascii")
            raise OurLimit(f"a literal of {shown} bytes before any login; the limit of this check is {ANSWER_LIMIT}")
        size = int(literal[1])
        while size and (part := (yield from cursor.part(min(size, _room(cursor, tag))))):
            size -= len(part)
            parts.append(part)
        if size:
            return None
    return None


def _line(cursor: Cursor, tag: str) -> Steps[bytes | None]:
    """Pass one line, and return it with its end; None if the connection has ended before that."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if len(line) >= LINE_LIMIT:
            raise OurLimit(f"a line of more than {LINE_LIMIT} bytes, the limit of this check")
        part = yield from cursor.part(min(LINE_LIMIT - len(line), _room(cursor, tag)), end=b"\n")
        if not part:
            return None
        line += part
    return bytes(line)


def _room(cursor: Cursor, tag: str) -> int:
    """Count the bytes that an answer may still have.

    Raises:
        OurLimit: none.
    """
    if cursor.at >= ANSWER_LIMIT:
        raise OurLimit(f"more than {ANSWER_LIMIT} bytes without an answer to {tag}, the limit of this check")
    return ANSWER_LIMIT - cursor.at


def _tagged(mark: str, rest: str, tag: str, untagged: list[str]) -> Tagged:
    if mark == "+":
        raise WireError("the server asks to continue a command that was complete")
    if mark != tag:
        raise ForeignAnswer(f"neither an untagged line nor an answer to {tag}: {mark[:64]!a}", mark)
    word, remainder = _status(rest)
    status = _ANSWERS.get(word)
    if status is None:
        raise WireError(f"the answer to {tag} is neither OK nor NO nor BAD: {rest[:64]!a}")
    code, argument, text = _response_code(remainder)
    return Tagged(status, code, text, tuple(untagged), argument)


def _bye(untagged: str) -> Bye | None:
    kind, rest = _status(untagged)
    if kind != "BYE":
        return None
    code, argument, text = _response_code(rest)
    return Bye(text, code, argument)


def referred_to(argument: str) -> tuple[str, int | None] | None:
    """Return host and port of the server that a REFERRAL names; None if its first URL is not an IMAP URL.

    The argument is a list of URLs such as ``imap://user;AUTH=*@server:port/folder`` (RFC 2221, 4; RFC 5092). The
    caller judges whether the host is a name or an address; one of IPv6 cannot stand in a response code.
    """
    found = _REFERRAL.match(argument)
    return (found[1], int(found[2]) if found[2] else None) if found else None


def _status(line: str) -> tuple[str, str]:
    """Split ``OK rest``: the status in capitals, empty if the line is of another kind, and the rest."""
    found = _STATUS.fullmatch(line)
    return (found[1].upper(), found[2] or "") if found else ("", line)


def _response_code(text: str) -> tuple[str | None, str, str]:
    """Split ``[CODE argument] text``: the code in capitals or None, its argument, the text for humans."""
    found = _CODE.fullmatch(text)
    return (found[1].upper(), found[2] or "", found[3]) if found else (None, "", text)


def _names(listed: str) -> frozenset[str]:
    """Return names in capitals. Only ASCII separates or changes case: a long s (U+017F) in capitals would be an S."""
    names = re.split(r"[ \t\r\n]+", listed)
    return frozenset(name.upper() if name.isascii() else name for name in names if name)


def _decoded(line: bytes) -> str:
    """Decode UTF-8 (RFC 6855); other bytes stay readable as escapes."""
    return line.decode("utf-8", "backslashreplace")


FIELDS = (
    Field(
        "the mark of a line",
        rb"^(\*) ",
        (b"*", b"+"),
        Role.DISCRIMINATOR,
        why="it distinguishes an untagged line from an answer and from a request to continue",
    ),
    Field(
        "the status of the greeting",
        rb"^\* (OK|PREAUTH|BYE|NO|BAD)\b",
        (b"OK", b"PREAUTH", b"BYE", b"NO", b"BAD"),
        Role.DISCRIMINATOR,
        why="IMAP has these five untagged statuses, and only they distinguish it from other protocols of lines",
    ),
    Field(
        "the status of an answer",
        rb"^(?:\* [^\n]*\n)*[a-z]\d+ (OK|NO|BAD)\b",
        (b"OK", b"NO", b"BAD"),
        Role.DISCRIMINATOR,
        why="it says what became of a command; IMAP has these three, and may not have more (RFC 9051, 7.1)",
    ),
    Field(
        "a response code",
        rb" (?:OK|NO|BAD|BYE) \[([A-Z]+)",
        (b"CAPABILITY", b"AUTHENTICATIONFAILED", b"PRIVACYREQUIRED", b"ALERT", b"REFERRAL"),
        Role.VALUE,
    ),
    Field("an untagged line", rb"^\* (CAPABILITY|ID|BYE)\b", (b"CAPABILITY", b"ID", b"BYE"), Role.VALUE),
    Field(
        "a capability",
        rb"CAPABILITY IMAP4rev1([A-Z0-9 +=-]*)",
        (b"STARTTLS", b"LOGINDISABLED"),
        Role.OFFER,
        member=b" XUNKNOWN AUTH=X-UNKNOWN",
    ),
)
