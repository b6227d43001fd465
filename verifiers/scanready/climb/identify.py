"""What is this instead? Classify the first bytes of a peer that does not speak the expected protocol.

One table, first match wins. A row claims only what the bytes prove: binary protocols must be consistent in
their lengths, and a byte or two that many protocols could have sent (``S``, ``N``, ``05 00``) are nobody's.
The ids are those that the catalogue's ``speaks`` uses, where a target type speaks the protocol.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from scanready.wire import http, tls

#: Everything that identifies a protocol is at its start.
MOST_LOOKED_AT = 4096
#: A product name and version are short; what is longer is somebody playing.
MOST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Identity:
    """A recognised protocol: a short id such as "ssh", and a phrase such as "an HTTP server (nginx/1.22.1)".

    ``text`` is printable whatever the peer sent, and of bounded length.
    """

    protocol: str
    text: str


def identify(first: bytes) -> Identity | None:
    """Return what the first bytes of a peer prove it to be, None if they prove nothing. Never raises."""
    data = bytes(first[:MOST_LOOKED_AT])
    for protocol, recognise in _SIGNATURES:
        if (phrase := recognise(data)) is not None:
            return Identity(protocol, phrase)
    return None


# A recogniser returns the phrase, or None for "not mine".
_Recogniser = Callable[[bytes], str | None]


def _says(pattern: bytes, phrase: str) -> _Recogniser:
    """Recognise a pattern at the very start; ``{0}`` in the phrase is its first group, left out if that is empty."""
    compiled = re.compile(pattern, re.DOTALL)

    def recognise(data: bytes) -> str | None:
        found = compiled.match(data)
        if found is None:
            return None
        shown = _shown(found[1] or b"") if compiled.groups else ""
        return phrase.replace(" ({0})", f" ({shown})" if shown else "")

    return recognise


def _shown(raw: bytes) -> str:
    """Return what a peer calls itself, printable and short."""
    text = raw[:MOST_SHOWN].decode("utf-8", "replace").strip()
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


# --- text protocols that need a second look ----------------------------------------------------------------------

_SERVER = re.compile(rb"\n[Ss]erver:[ \t]*([^\r\n]*)")
#: What nginx, Apache httpd and Go's net/http answer to plain HTTP on their TLS port.
_PLAIN_TO_TLS = (b"plain HTTP request was sent to HTTPS", b"speaking plain HTTP to an SSL", b"HTTP request to an HTTPS")


def _http(data: bytes) -> str | None:
    if http.is_http2(data):
        return "an HTTP/2 server"
    if not (status := re.match(rb"HTTP/\d(?:\.\d)? (\d{3})\b", data)):
        return None
    named = _SERVER.search(data)
    product = _shown(named[1]) if named else ""
    server = f" ({product})" if product else ""
    if any(words in data for words in _PLAIN_TO_TLS):
        return f"an HTTPS server{server}, which was spoken to without TLS"
    return f"an HTTP proxy{server}" if status[1] == b"407" else f"an HTTP server{server}"


_REPLY = re.compile(rb"(?:220|421|530|554)[ -]([^\r\n]*)")


def _mail_or_files(words: bytes, phrase: str) -> _Recogniser:
    """Recognise one of the two protocols that greet with a three-digit code, by the words beside it."""
    pattern = re.compile(words, re.IGNORECASE)

    def recognise(data: bytes) -> str | None:
        greeting = _REPLY.match(data)
        if greeting is None or not pattern.search(data):
            return None
        shown = _shown(greeting[1])
        return f"{phrase} ({shown})" if shown else phrase

    return recognise


_smtp = _mail_or_files(rb"\bE?SMTP\b|\bLMTP\b|\bPostfix\b|\bExim\b|\bSendmail\b", "a mail server (SMTP)")
_ftp = _mail_or_files(rb"\bFTPd?\b|FTP server|FileZilla|vsFTPd|ProFTPD|Pure-FTPd", "an FTP server")


# --- binary protocols: the lengths must fit ----------------------------------------------------------------------


def _tls(data: bytes) -> str | None:
    if alert := tls.alert(data):
        return f"TLS: the port wants encryption first (alert: {alert.description})"
    # A hello or an alert; the other records cannot come first.
    hello = tls.looks_like_tls(data) and data[0] == tls.HANDSHAKE and data[5:6] in (b"\x01", b"\x02")
    return "TLS" if hello else None


def _mysql(data: bytes) -> str | None:
    """u24 length (little endian), u8 sequence 0 or 1; then a version 10 greeting or an error packet.

    Behind a greeting may already stand a packet that says what the server thinks of the foreign bytes it got.
    """
    length = int.from_bytes(data[:3], "little")
    if len(data) < 8 or data[3] > 1 or not 7 <= length <= 2048:
        return None
    body, more = data[4:], data[4 + length :]
    if more and more[4:5] != b"\xff":
        return None
    if data[3] == 0 and (version := re.match(rb"\x0a([\x20-\x7e]{3,80})\x00.{12}\x00", body, re.DOTALL)):
        name = _shown(version[1].removeprefix(b"5.5.5-"))
        return f"a {'MariaDB' if 'mariadb' in name.lower() else 'MySQL'} server ({name})"
    code = int.from_bytes(body[1:3], "little")
    if body[0] == 0xFF and 1000 <= code < 5000 and len(body) == length and b"\x00" not in body[3:]:
        return f"a MySQL or MariaDB server (error {code})"
    return None


_PG_AUTHENTICATION = frozenset({0, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12})


def _postgresql(data: bytes) -> str | None:
    """u8 type, u32 length with itself: an ErrorResponse with its fields, or an authentication request."""
    length = int.from_bytes(data[1:5], "big")
    body = data[5 : 1 + length]
    match data[:1]:
        case b"R" if 8 <= length <= 512 and len(body) >= 4:
            return "a PostgreSQL server" if int.from_bytes(body[:4], "big") in _PG_AUTHENTICATION else None
        case b"E" if 16 <= length <= 0x7530 and re.match(rb"S[^\x00]+\x00(?:V[^\x00]*\x00)?C[0-9A-Z]{5}\x00M", body):
            return "a PostgreSQL server"
        case b"E" if re.match(rb"E(?:FATAL|ERROR):  [\x20-\x7e]+\n?\x00", data):  # before protocol 3.0
            return "an old PostgreSQL server, or one that takes us for an old client"
        case _:
            return None


def _framed(pattern: bytes, at: int, size: int, phrase: str, *, little: bool = False, plus: int = 0) -> _Recogniser:
    """Recognise a binary header by ``pattern`` and by its length field: ``size`` bytes at offset ``at``.

    The length, ``plus`` what it does not count, must cover the header and at least what has come.
    """
    compiled = re.compile(pattern, re.DOTALL)

    def recognise(data: bytes) -> str | None:
        header = compiled.match(data)
        if header is None:
            return None
        length = int.from_bytes(data[at : at + size], "little" if little else "big") + plus
        return phrase if max(header.end(), len(data)) <= length <= 0x40000 else None

    return recognise


def _rpc(data: bytes) -> str | None:
    """Record mark (last fragment), xid, REPLY, MSG_ACCEPTED or MSG_DENIED (RFC 5531, 9 and 11)."""
    length = int.from_bytes(data[1:4], "big")
    if len(data) < 20 or data[0] != 0x80 or data[8:15] != b"\x00\x00\x00\x01\x00\x00\x00" or data[15] > 1:
        return None
    return "an ONC RPC server (rpcbind, NFS ...)" if len(data) - 4 <= length <= 0x10000 and length % 4 == 0 else None


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


_DRDA_REPLIES = (b"\x14\x43", b"\x14\xac", b"\x22", b"\x12")  # EXCSATRD, ACCSECRD; 22.., 12..: refusals


def _drda(data: bytes) -> str | None:
    """A DSS header (u16 length, D0, format, u16 correlation), then an object whose own length fits (DDM)."""
    length, inner = int.from_bytes(data[:2], "big"), int.from_bytes(data[6:8], "big")
    fits = len(data) >= 10 and data[2] == 0xD0 and data[3] & 0x0F in (1, 2, 3) and length == inner + 6
    return "a DB2, Derby or Informix server (DRDA)" if fits and data[8:10].startswith(_DRDA_REPLIES) else None


_TDS_TOKENS = rb"[\xaa\xab\xad\xe3\xe5\xe2\xed\xfd]"

#: Protocol id, recogniser. Text greetings first: they are the surest.
_SIGNATURES: tuple[tuple[str, _Recogniser], ...] = (
    ("http", _http),  # before SSH, whose banner a page may quote
    # Not what an IMAP server repeats of ours: it takes our line for the tag of a command.
    ("ssh", _says(rb"(?!\* [A-Z]{2,7} )(?:[^\x00]{0,2048}\n)?SSH-[12]\.\d{1,2}-([^\r\n\x00]*)", "an SSH server ({0})")),
    ("ssh", _says(rb"(Exceeded MaxStartups|Not allowed at this time)\r?\n?\Z", "an SSH server that refuses ({0})")),
    ("http", _says(rb"\s{0,16}(?i:<!doctype html|<html)\b", "a web server that sends HTML without a header")),
    ("rtsp", _says(rb"RTSP/1\.0 \d{3}", "a media server (RTSP)")),
    ("sip", _says(rb"SIP/2\.0 \d{3}", "a telephony server (SIP)")),
    ("imap", _says(rb"\* (?:OK|PREAUTH|BYE) (?:\[[^\]\r\n]*\] ?)?([^\r\n]*)", "an IMAP server ({0})")),
    ("managesieve", _says(rb'"IMPLEMENTATION" "([^"\r\n]*)"', "a ManageSieve server ({0})")),
    ("pop3", _says(rb"\+OK[ \t]+([^\r\n]+)", "a POP3 server ({0})")),
    ("smtp", _smtp),
    ("ftp", _ftp),
    # A bare 220 is both protocols' greeting, and some servers say no more.
    ("smtp-or-ftp", _says(rb"220[ -]([^\r\n]*)\r?\n", "a mail (SMTP) or FTP server ({0})")),
    ("nntp", _says(rb"20[01][ -]([^\r\n]*(?:NNTP|InterNetNews|[Nn]ews)[^\r\n]*)", "a news server ({0})")),
    ("vnc", _says(rb"RFB (\d{3}\.\d{3})\n", "a VNC server ({0})")),
    ("redis", _says(rb"-NOAUTH |-DENIED Redis|-ERR unknown command|\+PONG\r\n", "a Redis server")),
    ("rsync", _says(rb"@RSYNCD: (\d+\.\d+)", "an rsync server ({0})")),
    ("svn", _says(rb"\( success \( \d \d ", "a Subversion server")),
    ("xmpp", _says(rb"(?:<\?xml[^>]{0,80}>\s*)?<stream:stream\b", "an XMPP server")),
    ("jdwp", _says(rb"JDWP-Handshake", "a Java debugger port (JDWP)")),
    ("amqp", _says(rb"AMQP[\x00-\x03][\x00\x01][\x00-\x0a][\x00-\x0a]", "an AMQP broker")),
    ("amqp", _framed(rb"\x01\x00\x00....\x00\x0a\x00\x0a\x00\x09", 3, 4, "an AMQP broker (0-9-1)", plus=8)),
    ("tls", _tls),
    ("mysql", _mysql),
    ("mysqlx", _says(rb"\x05\x00\x00\x00\x0b\x08\x05\x1a\x00", "a MySQL server's X Protocol port")),
    ("postgresql", _postgresql),
    # PRELOGIN's answer starts with its VERSION option; Sybase answers a login with tokens, as does SQL Server.
    ("tds", _framed(rb"\x04\x01....[\x00\x01]\x00\x00\x00.\x00\x06", 2, 2, "a Microsoft SQL Server (TDS)")),
    (
        "tds",
        _framed(rb"\x04[\x00\x01]....[\x00\x01]\x00" + _TDS_TOKENS, 2, 2, "an SQL server (TDS: Sybase or Microsoft)"),
    ),
    # u16 length, checksum 0, type accept, refuse, redirect or resend, flags, checksum 0.
    ("tns", _framed(rb"..\x00\x00[\x02\x04\x05].\x00\x00", 0, 2, "an Oracle listener (TNS)")),
    (
        "tns",
        _says(rb"\x00\x0a\x00\x00\x05.\x00\x00..\x00?", "an Oracle listener (TNS)"),
    ),  # redirect, its data in a packet of its own
    ("tns", _says(rb"\x00\x08\x00\x00\x0b.\x00\x00\Z", "an Oracle listener (TNS)")),
    ("drda", _drda),
    # u16 length, accepted, refused or sent on, 3C, options, and the constants that open every answer.
    ("sqli", _framed(rb"..[\x02\x03\x0d]\x3c..\x00\x64\x00\x65\x00\x00\x00\x3d", 0, 2, "an Informix server (SQLI)")),
    # Format 3, a response, its kind; u32 length of what follows the 52 octets of the header.
    ("teradata", _framed(rb"\x03\x02[\x01-\x0c].{3}\x00[\x00-\x03]..", 6, 4, "a Teradata gateway", plus=52)),
    # Greeting: type 0, u32 length of what follows the 16 octets of the header, nothing, the protocol's major version.
    (
        "tibero",
        _framed(rb"\x00{4}\x00\x00..\x00{8}\x00{3}[\x02-\x14]", 4, 4, "a Tibero server, by the shape of it", plus=16),
    ),
    (
        "dcerpc",
        _framed(
            rb"\x05[\x00\x01][\x02\x03\x0c\x0d\x0f].\x10\x00\x00\x00..",
            8,
            2,
            "a DCE/RPC endpoint (Windows RPC)",
            little=True,
        ),
    ),
    ("smb", _framed(rb"\x00...[\xff\xfe\xfd]SMB", 1, 3, "an SMB file server", plus=4)),
    ("smb", _says(rb"\x83\x00\x00\x01[\x80-\x83\x8f]\Z|\x84\x00\x00\x06.{6}\Z", "a NetBIOS session service")),
    ("rpc", _rpc),
    (
        "nrpc",
        _framed(
            rb"....[^\x00]\x00\x00\x00\x03\x00\x00\x40\x02\x0f",
            0,
            4,
            "a Notes/Domino server (NRPC)",
            little=True,
            plus=4,
        ),
    ),
    ("rdp", _framed(rb"\x03\x00..\x0e\xd0....\x00[\x02\x03].\x08\x00", 2, 2, "a Remote Desktop server (RDP)")),
    ("x224", _framed(rb"\x03\x00..[\x06-\x20]\xd0", 2, 2, "an X.224 service (Remote Desktop, or a PLC)")),
    ("ldap", _ldap),
    ("kerberos", _framed(rb"\x00\x00..[\x6b\x6d\x7e][\x20-\x7f\x81\x82]", 0, 4, "a Kerberos server", plus=4)),
    ("telnet", _says(rb"(?:\xff[\xfb-\xfe][\x00-\x31])+", "a Telnet server")),
    ("mqtt", _says(rb"\x20\x02[\x00\x01][\x00-\x05]\Z", "what looks like an MQTT broker")),
    ("socks", _says(rb"\x00[\x5a-\x5d].{6}\Z|\x05\xff\Z", "what looks like a SOCKS proxy")),
)
