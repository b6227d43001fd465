"""Recognise a protocol by the first bytes that its server sends.

A signature claims only what the bytes prove: binary protocols must be consistent in their lengths, and a byte or two
that many protocols could have sent (``S``, ``N``, ``05 00``) prove nothing. The signatures of our own protocols stand
in their folders (``targets/FAMILY/signatures.py``); here are those of protocols that no target type speaks, and the
helpers that build them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from scanready.catalogue.bounds import Protocol
from scanready.wire import tls

#: A product name and version are short; a longer one is not a name.
MOST_SHOWN = 80


#: A function from the first bytes of an answer to the phrase for them, or None if they belong to another protocol.
Recogniser = Callable[[bytes], str | None]


@dataclass(frozen=True, slots=True)
class Signature:
    """Recognise one protocol by the first bytes that its server sends.

    Attributes:
        protocol: the id; that of the rows' ``speaks`` where a target type speaks the protocol.
        recognise: returns the phrase, or None; never raises.
        rank: its place among all signatures, the lowest first: surer signatures before looser ones.
    """

    protocol: Protocol
    recognise: Recogniser
    rank: int


# --- helpers that build recognisers -------------------------------------------------------------------------------


def says(pattern: bytes, phrase: str) -> Recogniser:
    """Recognise a pattern at the very start; ``{0}`` in the phrase is its first group, left out if that is empty."""
    compiled = re.compile(pattern, re.DOTALL)

    def recognise(data: bytes) -> str | None:
        found = compiled.match(data)
        if found is None:
            return None
        name = shown(found[1] or b"") if compiled.groups else ""
        return phrase.replace(" ({0})", f" ({name})" if name else "")

    return recognise


def shown(raw: bytes) -> str:
    """Return what a peer calls itself, printable and short."""
    text = raw[:MOST_SHOWN].decode("utf-8", "replace").strip()
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def framed(pattern: bytes, at: int, size: int, phrase: str, *, little: bool = False, plus: int = 0) -> Recogniser:
    """Recognise a binary header by ``pattern`` and by its length field: ``size`` bytes at offset ``at``.

    The length plus ``plus`` (bytes that it does not count) must cover the header and all bytes received so far. It is
    big-endian unless ``little``.
    """
    compiled = re.compile(pattern, re.DOTALL)

    def recognise(data: bytes) -> str | None:
        header = compiled.match(data)
        if header is None:
            return None
        length = int.from_bytes(data[at : at + size], "little" if little else "big") + plus
        return phrase if max(header.end(), len(data)) <= length <= 0x40000 else None

    return recognise


# --- protocols that no target type speaks --------------------------------------------------------------------------

_REPLY = re.compile(rb"(?:220|421|530|554)[ -]([^\r\n]*)")


def _mail_or_files(words: bytes, phrase: str) -> Recogniser:
    """Recognise one of the two protocols that greet with a three-digit code, by the words beside it."""
    pattern = re.compile(words, re.IGNORECASE)

    def recognise(data: bytes) -> str | None:
        greeting = _REPLY.match(data)
        if greeting is None or not pattern.search(data):
            return None
        name = shown(greeting[1])
        return f"{phrase} ({name})" if name else phrase

    return recognise


_smtp = _mail_or_files(rb"\bE?SMTP\b|\bLMTP\b|\bPostfix\b|\bExim\b|\bSendmail\b", "a mail server (SMTP)")
_ftp = _mail_or_files(rb"\bFTPd?\b|FTP server|FileZilla|vsFTPd|ProFTPD|Pure-FTPd", "an FTP server")


def _tls(data: bytes) -> str | None:
    if alert := tls.alert(data):
        return f"TLS (alert: {alert.description})"
    # A hello or an alert; the other records cannot come first.
    hello = tls.looks_like_tls(data) and data[0] == tls.HANDSHAKE and data[5:6] in (b"\x01", b"\x02")
    return "TLS" if hello else None


_LDAP = re.compile(
    rb"\x30(?:([\x07-\x7f])|\x81(.)|\x82(..)|\x84(....))(\x02(?:\x01.|\x02..|\x03...|\x04....)[\x61\x64\x65\x78])",
    re.DOTALL,
)


def _ldap(data: bytes) -> str | None:
    """SEQUENCE { INTEGER id, response }: bind (61), search (64, 65), extended (78) (RFC 4511, 4.1.1)."""
    message = _LDAP.match(data)
    if message is None:
        return None
    length = int.from_bytes(next(size for size in message.groups()[:4] if size is not None), "big")
    fits = len(message[5]) <= length <= 0x10000 and len(data) - message.start(5) <= length
    return "an LDAP server" if fits else None


#: Text greetings have the lowest ranks: they are the surest.
FOREIGN: tuple[Signature, ...] = (
    Signature("rtsp", says(rb"RTSP/1\.0 \d{3}", "a media server (RTSP)"), 40),
    Signature("sip", says(rb"SIP/2\.0 \d{3}", "a telephony server (SIP)"), 50),
    Signature("managesieve", says(rb'"IMPLEMENTATION" "([^"\r\n]*)"', "a ManageSieve server ({0})"), 70),
    Signature("pop3", says(rb"\+OK[ \t]+([^\r\n]+)", "a POP3 server ({0})"), 80),
    Signature("smtp", _smtp, 90),
    Signature("ftp", _ftp, 100),
    # A bare 220 is both protocols' greeting, and some servers say no more.
    Signature("smtp-or-ftp", says(rb"220[ -]([^\r\n]*)\r?\n", "a mail (SMTP) or FTP server ({0})"), 110),
    # Refusals in place of a greeting have the codes of all three (RFC 5321, RFC 959, RFC 3977).
    Signature(
        "smtp-ftp-or-nntp",
        says(rb"(?:[45]\d\d)[ -]([^\r\n]*)\r?\n", "a mail (SMTP), FTP or news server that refuses ({0})"),
        115,
    ),
    Signature("nntp", says(rb"20[01][ -]([^\r\n]*(?:NNTP|InterNetNews|[Nn]ews)[^\r\n]*)", "a news server ({0})"), 120),
    Signature("vnc", says(rb"RFB (\d{3}\.\d{3})\n", "a VNC server ({0})"), 130),
    Signature("redis", says(rb"-NOAUTH |-DENIED Redis|-ERR unknown command|\+PONG\r\n", "a Redis server"), 140),
    Signature("pop3-or-redis", says(rb"-ERR ([^\r\n]*)\r?\n", "a POP3 or Redis server that refuses ({0})"), 142),
    Signature(
        "irc", says(rb":[^ \r\n]{1,80} NOTICE [^ \r\n]+ :|NOTICE (?:AUTH|\*) :|ERROR :", "a chat server (IRC)"), 144
    ),
    Signature("nats", says(rb'INFO \{"server_', "a NATS message broker"), 146),
    Signature("asterisk", says(rb"Asterisk Call Manager/([\d.]+)", "an Asterisk manager port ({0})"), 148),
    Signature("rsync", says(rb"@RSYNCD: (\d+\.\d+)", "an rsync server ({0})"), 150),
    Signature("svn", says(rb"\( success \( \d \d ", "a Subversion server"), 160),
    Signature("xmpp", says(rb"(?:<\?xml[^>]{0,80}>\s*)?<stream:stream\b", "an XMPP server"), 170),
    Signature("jdwp", says(rb"JDWP-Handshake", "a Java debugger port (JDWP)"), 180),
    Signature("amqp", says(rb"AMQP[\x00-\x03][\x00\x01][\x00-\x0a][\x00-\x0a]", "an AMQP broker"), 190),
    Signature(
        "amqp", framed(rb"\x01\x00\x00....\x00\x0a\x00\x0a\x00\x09", 3, 4, "an AMQP broker (0-9-1)", plus=8), 200
    ),
    Signature("tls", _tls, 210),
    Signature(
        "rdp", framed(rb"\x03\x00..\x0e\xd0....\x00[\x02\x03].\x08\x00", 2, 2, "a Remote Desktop server (RDP)"), 390
    ),
    Signature("x224", framed(rb"\x03\x00..[\x06-\x20]\xd0", 2, 2, "an X.224 service (Remote Desktop, or a PLC)"), 400),
    Signature("ldap", _ldap, 410),
    Signature(
        "kerberos", framed(rb"\x00\x00..[\x6b\x6d\x7e][\x20-\x7f\x81\x82]", 0, 4, "a Kerberos server", plus=4), 420
    ),
    Signature("telnet", says(rb"\r?\n?User Access Verification\r?\n", "a network device's Telnet console"), 425),
    Signature("telnet", says(rb"(?:\xff[\xfb-\xfe][\x00-\x31])+", "a Telnet server"), 430),
    Signature("mqtt", says(rb"\x20\x02[\x00\x01][\x00-\x05]\Z", "what looks like an MQTT broker"), 440),
    Signature("socks", says(rb"\x00[\x5a-\x5d].{6}\Z|\x05\xff\Z", "what looks like a SOCKS proxy"), 450),
)
