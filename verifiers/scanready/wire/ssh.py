"""SSH 2 up to the algorithm offer: identification, KEXINIT, DISCONNECT (RFC 4253).

        we                                  the server
        SSH-2.0-scanready_…     ----->
                                <-----      [lines of text] SSH-2.0-…, or a refusal in plain text
        KEXINIT                 ----->      some servers wait for it
                                <-----      KEXINIT, or DISCONNECT, or a refusal in plain text
        DISCONNECT (11, text)   ----->

No cryptography is needed so far: packets are in the clear and carry no MAC until
the first key exchange ends. OpenSSH says some of its refusals as a line of text
where the protocol expects something else; they are answers here, not errors.
"""

from __future__ import annotations

import enum
import re
import struct
from dataclasses import dataclass

from . import Cursor, ForeignBytes, OurLimit, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Length, Role
from .printable import escaped, printable

#: RFC 4253, 4.2: at most 255 bytes, line end included. Our own line obeys it; no client enforces it on a server.
MAX_IDENTIFICATION = 255
#: The limits of OpenSSH's client, which the scanner logs in with (measured with 9.2 against scripted greetings): bytes
#: of a line without its end, of the identification and of the text before it; and lines of that text.
MAX_LINE, MAX_PREAMBLE_LINES = 8192, 1023
#: Bytes of the text before the identification that we keep: our own limit. OpenSSH's client accepts 8 MB.
MAX_PREAMBLE = 64 * 1024
#: Bytes of the largest packet that OpenSSH's client accepts (PACKET_MAX_SIZE). RFC 4253, 6.1 requires 35000.
MAX_PACKET = 256 * 1024
#: Our own limit of messages to skip before the first KEXINIT; OpenSSH's client skips any number.
MAX_SKIPPED = 8

MSG_DISCONNECT, MSG_KEXINIT = 1, 20
#: The messages of the transport that OpenSSH's client skips before KEXINIT, regardless of their content (measured with
#: 9.2): IGNORE and DEBUG (RFC 4253, 11), and those that it answers with UNIMPLEMENTED, such as EXT_INFO.
_PASSED_OVER = frozenset(range(2, 50)) - {MSG_KEXINIT}
#: All numbers that have a meaning (RFC 4250, 4.1.2; RFC 8308): transport, key exchange, authentication, connection.
_MESSAGES = frozenset(
    (*range(1, 9), 20, 21, *range(30, 35), *range(50, 54), *range(60, 67), *range(80, 83), *range(90, 101))
)

#: RFC 4253, 11.1.
DISCONNECT_BY_APPLICATION = 11

#: Ciphers that authenticate by themselves; the MAC slot is not negotiated for them (RFC 5647; OpenSSH PROTOCOL, 1.6).
AEAD_CIPHERS = frozenset({"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"})


_SSH_1, _SSH_2, _BOTH = 1, 2, (1, 99)
#: The identification strings that OpenSSH's client accepts; the rest of the line has at least one character.
_IDENTIFICATION = re.compile(rb"SSH-[ \t]*([+-]?\d{1,9}\.[ \t]*[+-]?\d{1,9})-(.+)", re.DOTALL)


class TurnedAway(WireError):
    """Report text before the end of the connection: of tcp-wrappers, a ban, a full server or another text protocol."""


class RefusalKind(enum.Enum):
    """Name OpenSSH's refusals in plain text in place of the protocol; the value is OpenSSH's text."""

    MAX_STARTUPS = "Exceeded MaxStartups"  # too many connections that have not logged in yet; random, retry later
    PENALTY = "Not allowed at this time"  # PerSourcePenalties (OpenSSH >= 9.8) block this agent's address
    VERSION = "Protocol major versions differ."  # one side is SSH 1 only
    IDENTIFICATION = "Invalid SSH identification string."  # it did not understand our first line


_REFUSALS = {kind.value.encode(): kind for kind in RefusalKind}


@dataclass(frozen=True, slots=True)
class Identification:
    """The line every SSH server greets with, e.g. ``SSH-2.0-OpenSSH_9.2p1 Debian-2``, and the text before it.

    ``software`` is empty where a blank follows the minus; OpenSSH's client goes on.
    """

    protocol: str
    software: str
    comments: str = ""
    preamble: tuple[str, ...] = ()

    @property
    def speaks_ssh2(self) -> bool:
        """Return True for 2.0, and for 1.99, which means 2.0 and SSH 1 (RFC 4253, 5.1)."""
        return self.version == _BOTH or self.version[0] == _SSH_2

    @property
    def version(self) -> tuple[int, int]:
        """The version of the protocol, as OpenSSH's client reads it: ``02.00`` is 2.0."""
        major, _, minor = self.protocol.partition(".")
        return int(major), int(minor)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Hold a refusal in plain text, after which the server closes the connection."""

    kind: RefusalKind
    text: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """Hold an SSH_MSG_DISCONNECT with its reason (RFC 4253, 11.1)."""

    reason: int
    text: str


@dataclass(frozen=True, slots=True)
class KexInit:
    """Hold the algorithms that one side offers, in order of preference (RFC 4253, 7.1), without the languages."""

    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers_c2s: tuple[str, ...]
    ciphers_s2c: tuple[str, ...]
    macs_c2s: tuple[str, ...]
    macs_s2c: tuple[str, ...]
    compression_c2s: tuple[str, ...] = ("none",)
    compression_s2c: tuple[str, ...] = ("none",)
    first_kex_follows: bool = False

    @property
    def strict(self) -> bool:
        """Return whether it offers strict key exchange, which prevents CVE-2023-48795 ("Terrapin")."""
        return any(name.startswith("kex-strict-") for name in self.kex)


#: Plain names for kinds of algorithms.
KINDS = {
    "kex": "key exchange",
    "host_key": "host key algorithm",
    "cipher": "cipher",
    "mac": "MAC",
    "compression": "compression",
}
_DIRECTIONS = {"c2s": "client to server", "s2c": "server to client"}


@dataclass(frozen=True, slots=True)
class Slot:
    """Hold the two sides' offers for one kind of algorithm (``kex``, ``host_key``, ``cipher_c2s`` ...)."""

    name: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]

    @property
    def label(self) -> str:
        """The plain name, such as "host key algorithm" or "cipher (client to server)"."""
        if self.name in KINDS:
            return KINDS[self.name]
        kind, _, direction = self.name.rpartition("_")
        return f"{KINDS[kind]} ({_DIRECTIONS[direction]})"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Hold the algorithms that both sides agree on; None if ``missing`` has the kind, or an AEAD needs no MAC."""

    kex: str | None
    host_key: str | None
    cipher_c2s: str | None
    cipher_s2c: str | None
    mac_c2s: str | None
    mac_s2c: str | None
    compression_c2s: str | None
    compression_s2c: str | None
    missing: tuple[Slot, ...] = ()


# --- what we send ------------------------------------------------------------------------------------------------


def identification(software: str) -> bytes:
    """Return our identification line, e.g. for ``scanready_0.1`` (RFC 4253, 4.2).

    Raises:
        ValueError: ``software`` is empty, too long, or has other than printable ASCII without space and minus.
    """
    line = f"SSH-2.0-{software}\r\n"
    if not software or not line.isascii() or not software.isprintable() or set(software) & {" ", "-"}:
        raise ValueError(f"not a software version of SSH: {software!r}")
    if len(line) > MAX_IDENTIFICATION:
        raise ValueError(f"a software version of {len(software)} characters")
    return line.encode("ascii")


def disconnect(text: str, reason: int = DISCONNECT_BY_APPLICATION) -> bytes:
    """Return an unencrypted SSH_MSG_DISCONNECT packet; OpenSSH writes ``text`` (at most 255 bytes of it) to its log.

    After it fail2ban's normal filter counts nothing, unlike after a bare close (measured with OpenSSH 9.2).
    """
    description = text.encode("utf-8")[:255]
    return _framed(struct.pack(">BII", MSG_DISCONNECT, reason, len(description)) + description + bytes(4))


def kexinit(offered: KexInit, cookie: bytes) -> bytes:
    """Return an unencrypted SSH_MSG_KEXINIT packet (RFC 4253, 7.1); ``cookie`` has 16 bytes, any."""
    lists = (
        *(offered.kex, offered.host_keys, offered.ciphers_c2s, offered.ciphers_s2c, offered.macs_c2s, offered.macs_s2c),
        *(offered.compression_c2s, offered.compression_s2c, (), ()),
    )
    names = [",".join(names).encode("ascii") for names in lists]
    payload = bytes([MSG_KEXINIT]) + cookie + b"".join(struct.pack(">I", len(name)) + name for name in names)
    return _framed(payload + bytes([offered.first_kex_follows]) + bytes(4))


def _framed(payload: bytes) -> bytes:
    """Return the packet of a message: at least 4 bytes of padding, the whole a multiple of 8 (RFC 4253, 6)."""
    padding = 4 + -(4 + 1 + len(payload) + 4) % 8  # random padding hides nothing in the clear
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def offer(kex: tuple[str, ...], host_keys: tuple[str, ...], ciphers: tuple[str, ...], macs: tuple[str, ...]) -> KexInit:
    """Return the offer of a client that wants the same in both directions, to compare with a server's in `common`."""
    return KexInit(kex, host_keys, ciphers, ciphers, macs, macs)


# --- what we read ------------------------------------------------------------------------------------------------

# No SSH server greets like this, and such a peer waits for us. So raise immediately instead of waiting for its SSH
# line.
_FOREIGN = (b"HTTP/", b"220 ", b"220-", b"* OK", b"* BYE", b"* PREAUTH", b"+OK", b"RFB ", b"<html", b"<!DOCTYPE")
#: A banner may be coloured, ring a bell or clear a screen; anything else is binary.
_LINE_CONTROLS = bytes(set(range(0x20)) - set(b"\a\b\t\n\v\f\r\x1b"))


@stepwise
def read_identification(cursor: Cursor) -> Steps[Identification | Refusal]:
    """Read the lines of text before the identification, and the identification (RFC 4253, 4.2; bare LF is taken).

    A partial line at the end of the connection is only understood if it is a refusal.

    Raises:
        WireError: another protocol's greeting, binary data, more than `MAX_PREAMBLE_LINES` lines of text, a line over
            `MAX_LINE` bytes, or text and then the end.
        OurLimit: more text than we keep, which OpenSSH's client reads.
        UnknownValue: a protocol version of neither SSH 1 nor SSH 2.
    """
    preamble: list[str] = []
    while True:
        raw = yield from _text_line(cursor)
        line = raw.removesuffix(b"\n").rstrip(b"\r")
        if b"\r" in line:
            raise WireError(
                f"a carriage return inside a line, which ssh clients reject: {printable(_text(line[:100]))}"
            )
        if kind := _REFUSALS.get(line):
            return Refusal(kind, _text(line))
        if not raw.endswith(b"\n"):
            return (yield from _unfinished(cursor, line, preamble))
        if line.startswith(b"SSH-") and len(line) > len(b"SSH-"):  # OpenSSH's client reads a shorter line as text
            return _identification(line, tuple(preamble))
        preamble.append(_text(line))
        if len(preamble) > MAX_PREAMBLE_LINES:
            raise WireError(f"more than {MAX_PREAMBLE_LINES} lines of text and no SSH identification")


def _text_line(cursor: Cursor) -> Steps[bytes]:
    """Pass one line with its end, or what there is of it at the end of the connection; it is judged as it comes."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if cursor.at >= MAX_PREAMBLE:
            raise OurLimit(f"more than {MAX_PREAMBLE} bytes of text before an SSH identification were not read")
        part = yield from cursor.part(MAX_PREAMBLE - cursor.at, end=b"\n")
        if not part:
            break
        line += part
        if len(line) > MAX_LINE and len(line.rstrip(b"\r\n")) > MAX_LINE:
            raise WireError(f"a line of more than {MAX_LINE} bytes, which ssh clients reject")
        if not line.startswith(b"SSH-"):
            _demand_preamble(bytes(line[:100]).rstrip(b"\r\n"), part.removesuffix(b"\n"))
    return bytes(line)


def _unfinished(cursor: Cursor, rest: bytes, preamble: list[str]) -> Steps[Refusal]:
    """Judge the text of a peer that closed without an identification."""
    lines = [line for line in (*preamble, _text(rest)) if line]
    if lines and not rest.startswith(b"SSH-"):
        raise TurnedAway(f"closed without an SSH identification string after the text: {lines[-1][:200]}")
    return (yield from cursor.cut_short())


def _demand_preamble(start: bytes, fresh: bytes) -> None:
    if start.startswith(_FOREIGN):
        raise WireError(f"not SSH: {_text(start)}")
    if len(fresh.translate(None, _LINE_CONTROLS)) != len(fresh):
        raise ForeignBytes("not SSH: binary data where a line of text was expected")


def _identification(line: bytes, preamble: tuple[str, ...]) -> Identification:
    if b"\0" in line:
        raise WireError("a NUL in the SSH identification")
    found = _IDENTIFICATION.fullmatch(line)
    if found is None:
        raise WireError(f"an SSH identification that ssh clients reject: {printable(_text(line))}")
    software, _, comments = found[2].lstrip().partition(b" ")
    greeting = Identification(_text(found[1]), _text(software), _text(comments), preamble)
    if greeting.version[0] not in (_SSH_1, _SSH_2):
        raise UnknownValue("the version of the SSH protocol", greeting.protocol)
    return greeting


@stepwise
def read_kexinit(cursor: Cursor) -> Steps[KexInit | Disconnected | Refusal]:
    """Read the server's KEXINIT; skip the messages before it that OpenSSH's client skips.

    Raises:
        WireError: a malformed packet or name-list, or another message.
        OurLimit: more than `MAX_SKIPPED` to skip.
        UnknownValue: a message of a number that SSH does not have.
    """
    if (yield from cursor.peek(1)) != b"\0":  # no packet is that long: OpenSSH sends its refusals in place of a packet
        return (yield from _refusal_for_packet(cursor))
    for _ in range(MAX_SKIPPED + 1):
        payload = yield from _packet(cursor)
        if payload[0] not in _PASSED_OVER:
            return _kexinit_or_disconnect(payload)
    raise OurLimit(f"more than {MAX_SKIPPED} messages before KEXINIT")


def _packet(cursor: Cursor) -> Steps[bytes]:
    """Pass one packet, and return its payload."""
    length = int.from_bytes((yield from cursor.take(4)), "big")
    if not 12 <= length <= MAX_PACKET:
        raise WireError(f"an SSH packet of {length} bytes")
    if (4 + length) % 8:
        raise WireError(f"an SSH packet of {length} bytes, which is not padded to a multiple of 8")
    (padding,) = yield from cursor.take(1)
    size = length - 1 - padding
    if padding < 4 or size < 1:
        raise WireError(f"{padding} bytes of padding in an SSH packet of {length} bytes")
    payload = yield from cursor.take(size)
    yield from cursor.skip(padding)
    return payload


def _refusal_for_packet(cursor: Cursor) -> Steps[Refusal]:
    line = b""
    while True:
        part = yield from cursor.part(MAX_IDENTIFICATION, end=b"\n")
        whole = not part or part.endswith(b"\n")
        line = (line + part).removesuffix(b"\n")
        text = line.rstrip(b"\r")
        if whole and (kind := _REFUSALS.get(text)):
            return Refusal(kind, _text(text))
        if whole or not any(refusal.startswith(text) for refusal in _REFUSALS):
            raise WireError(f"not an SSH packet: {_text(text[:100])}")


def _kexinit_or_disconnect(payload: bytes) -> KexInit | Disconnected:
    if payload[0] == MSG_KEXINIT:
        return _kexinit(payload)
    if payload[0] == MSG_DISCONNECT:
        return _disconnected(payload)
    if payload[0] not in _MESSAGES:
        raise UnknownValue("the number of the SSH message where KEXINIT belongs", payload[0])
    raise WireError(f"SSH message {payload[0]} where KEXINIT was expected")


def _kexinit(payload: bytes) -> KexInit:
    lists: list[tuple[str, ...]] = []
    at = 17  # message number and cookie
    for _ in range(10):
        names, at = _string(payload, at)
        # OpenSSH's client treats a name beyond printable ASCII (RFC 4251, 6) as an unknown one (measured).
        lists.append(tuple(map(_text, filter(None, names.split(b",")))))
    if len(payload) != at + 5:  # first_kex_packet_follows and the reserved word
        raise WireError(f"{len(payload) - at} bytes after the name-lists of KEXINIT, 5 were expected")
    kex, host_keys, ciphers_c2s, ciphers_s2c, macs_c2s, macs_s2c, packing_c2s, packing_s2c, _, _ = lists
    follows = payload[at] != 0
    return KexInit(kex, host_keys, ciphers_c2s, ciphers_s2c, macs_c2s, macs_s2c, packing_c2s, packing_s2c, follows)


def _disconnected(payload: bytes) -> Disconnected:
    if len(payload) < 5:
        raise WireError("a DISCONNECT without reason")
    # The language tag after it is left unread: old implementations leave it out. Some have no description either.
    try:
        description, _ = _string(payload, 5)
    except WireError:
        description = payload[9:]
    return Disconnected(int.from_bytes(payload[1:5], "big"), _text(description[:1024]))


def _string(payload: bytes, at: int) -> tuple[bytes, int]:
    """Return the string at ``at`` (RFC 4251, 5: u32 length, bytes) and the offset after it."""
    start = at + 4
    if start > len(payload):
        raise WireError("an SSH message that ends within a length")
    end = start + int.from_bytes(payload[at:start], "big")
    if end > len(payload):
        raise WireError(f"a string of {end - start} bytes in an SSH message of {len(payload)}")
    return payload[start:end], end


def _text(raw: bytes) -> str:
    """Return a peer's bytes as printable text; other bytes become escapes."""
    return escaped(raw.decode("utf-8", "backslashreplace"))


# --- what both sides can do -------------------------------------------------------------------------------------


def common(ours: KexInit, theirs: KexInit) -> Agreement:
    """Return what a client that offers ``ours`` and a server that offers ``theirs`` would use (RFC 4253, 7.1).

    For each slot it is the first of the client's list that the server has too. The RFC's further condition on the
    key exchange, a host key fit for it, is not checked: every method in use accepts any signing key.
    """
    missing: list[Slot] = []

    def agree(name: str, client: tuple[str, ...], server: tuple[str, ...]) -> str | None:
        chosen = next((algorithm for algorithm in client if algorithm in server), None)
        if chosen is None:
            missing.append(Slot(name, client, server))
        return chosen

    kex = agree("kex", _methods(ours.kex), _methods(theirs.kex))
    host_key = agree("host_key", ours.host_keys, theirs.host_keys)
    cipher_c2s = agree("cipher_c2s", ours.ciphers_c2s, theirs.ciphers_c2s)
    cipher_s2c = agree("cipher_s2c", ours.ciphers_s2c, theirs.ciphers_s2c)
    mac_c2s = None if cipher_c2s in AEAD_CIPHERS else agree("mac_c2s", ours.macs_c2s, theirs.macs_c2s)
    mac_s2c = None if cipher_s2c in AEAD_CIPHERS else agree("mac_s2c", ours.macs_s2c, theirs.macs_s2c)
    compression_c2s = agree("compression_c2s", ours.compression_c2s, theirs.compression_c2s)
    compression_s2c = agree("compression_s2c", ours.compression_s2c, theirs.compression_s2c)
    return Agreement(
        kex, host_key, cipher_c2s, cipher_s2c, mac_c2s, mac_s2c, compression_c2s, compression_s2c, tuple(missing)
    )


def _methods(kex: tuple[str, ...]) -> tuple[str, ...]:
    """Return the list without the markers that are not methods (RFC 8308; OpenSSH PROTOCOL, 1.10)."""
    return tuple(name for name in kex if not name.startswith(("ext-info-", "kex-strict-")))


_LISTS = ("kex", "host key", "cipher", "cipher", "mac", "mac", "compression", "compression", "language", "language")


def _name_list(number: int) -> Field:
    """Return the field of one of KEXINIT's lists; an unknown name of eight octets keeps the packet's padding right."""
    before = rb"\x14.{16}(?:\0\0..[^\0]*){%d}" % number
    return Field(
        f"a {_LISTS[number]} algorithm",
        before + rb"\0\0..([^\0]+)",
        (b"NONE",),
        Role.OFFER,
        member=b",unknown",
        lengths=(Length(rb"(\0\0..).\x14"), Length(before + rb"(\0\0..)")),
    )


FIELDS = (
    Field(
        "the version of the protocol",
        rb"^SSH-(\d\.\d+)-",
        (b"2.0", b"1.99", b"1.5"),
        Role.VALUE,
        unknown=(b"3.0", b"9.9", b"99.0"),
    ),
    Field("the number of a message", rb"^\0\0...(\x14).{16}", _MESSAGES, Role.VALUE),
    *map(_name_list, range(8)),
)
