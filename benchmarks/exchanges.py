"""Answer the first exchange of each protocol like a real server, for the benchmark's servers.

Each function reads the received bytes of a connection, removes the part that it understands, and returns the bytes of
the real server's answer, or nothing while the request is incomplete.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol

from fixtures.transcripts import load

SSH_KEXINIT = load("ssh/openssh9.2-kexinit.s2c.hex")
MYSQL_REFUSAL = load("mysql/mariadb10.11-err1045-anon.s2c.hex")
PG_SSL_REQUEST = load("postgresql/sslrequest.c2s.hex")
PG_SASL = load("postgresql/pg15-auth-sasl.s2c.hex")
IMAP_CAPABILITY = load("imap/dovecot2.3-capability-without-tls.s2c.hex").replace(b"c1 ", b"%b ")
IMAP_LOGOUT = load("imap/dovecot2.3-logout.s2c.hex").replace(b"c2 ", b"%b ")
IMAP_UNKNOWN = load("imap/dovecot2.3-unknown-command.s2c.hex").replace(b"c1 ", b"%b ")
SMB_NEGOTIATED = load("smb/samba4.17-smb2-negotiate.s2c.hex")
SMB_CHALLENGE = load("smb/samba4.17-sessionsetup-type2.s2c.hex")
TDS_PRELOGIN = load("tds7/SYNTH-prelogin-not-supported.s2c.hex")
TNS_PONG = bytes.fromhex("00490000040000001600003d") + b"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=0)(ALIAS=LISTENER))"
DRDA_PROMPT = load("drda/SYNTH-db2-mechanisms.s2c.hex")
#: With today's date, so that no client reports a wrong clock.
HTTP_OK = re.sub(rb"(?<=\r\nDate: )[^\r]+", formatdate(usegmt=True).encode(), load("http/nginx1.22-head.s2c.hex"))
SSH_DISCONNECT = 1


class Asking(Protocol):
    """Hold the state of one connection: the octets received and not yet parsed, and the step of the exchange."""

    asked: bytes
    step: int
    finished: bool


@dataclass(frozen=True)
class Exchange:
    """Describe a server: its greeting, its answers, and whether it closes the connection after the last answer."""

    greeting: bytes
    answer: Callable[[Asking], bytes]
    closes: bool


def ssh(connection: Asking) -> bytes:
    """Answer the identification with KEXINIT; the client's DISCONNECT finishes."""
    if connection.step == 0:
        _, found, rest = connection.asked.partition(b"\n")
        if not found:
            return b""
        connection.asked, connection.step = rest, 1
        return SSH_KEXINIT
    while len(connection.asked) >= (length := 4 + int.from_bytes(connection.asked[:4])) > 5:
        connection.finished |= connection.asked[5] == SSH_DISCONNECT
        connection.asked = connection.asked[length:]
    return b""


def mysql(connection: Asking) -> bytes:
    """Refuse the login."""
    if connection.finished or len(connection.asked) < 4 + int.from_bytes(connection.asked[:3], "little"):
        return b""
    connection.finished = True
    return MYSQL_REFUSAL


def postgresql(connection: Asking) -> bytes:
    """Offer no TLS, then ask for SCRAM; the client leaves there."""
    length = int.from_bytes(connection.asked[:4])
    if not 8 <= length <= len(connection.asked):
        return b""
    packet, connection.asked = connection.asked[:length], connection.asked[length:]
    if packet == PG_SSL_REQUEST:
        return b"N"
    connection.finished = True
    return PG_SASL


def imap(connection: Asking) -> bytes:
    """Answer commands line by line until LOGOUT."""
    line, found, rest = connection.asked.partition(b"\n")
    if not found:
        return b""
    connection.asked = rest
    tag, _, verb = line.strip().partition(b" ")
    if verb.upper() == b"LOGOUT":
        connection.finished = True
        return IMAP_LOGOUT % tag
    return (IMAP_CAPABILITY if verb.upper() == b"CAPABILITY" else IMAP_UNKNOWN) % tag


def http(connection: Asking) -> bytes:
    """Answer one HEAD."""
    if connection.finished or b"\r\n\r\n" not in connection.asked:
        return b""
    connection.finished = True
    return HTTP_OK


def smb(connection: Asking) -> bytes:
    """Negotiate, then challenge; the client leaves there."""
    length = 4 + int.from_bytes(connection.asked[1:4])
    if connection.finished or not 4 < length <= len(connection.asked):
        return b""
    connection.asked, connection.step = connection.asked[length:], connection.step + 1
    connection.finished = connection.step == 2
    return SMB_CHALLENGE if connection.finished else SMB_NEGOTIATED


def mssql(connection: Asking) -> bytes:
    """Answer one PRELOGIN; without TLS the client leaves there."""
    if connection.finished or not 8 <= int.from_bytes(connection.asked[2:4]) <= len(connection.asked):
        return b""
    connection.finished = True
    return TDS_PRELOGIN


def oracle(connection: Asking) -> bytes:
    """Answer one ping."""
    if connection.finished or not 8 <= int.from_bytes(connection.asked[:2]) <= len(connection.asked):
        return b""
    connection.finished = True
    return TNS_PONG


def db2(connection: Asking) -> bytes:
    """Answer EXCSAT and ACCSEC, chained, with a list of mechanisms; the client leaves there."""
    first = int.from_bytes(connection.asked[:2])
    whole = first + int.from_bytes(connection.asked[first : first + 2])
    if connection.finished or first < 10 or not first + 10 <= whole <= len(connection.asked):
        return b""
    connection.finished = True
    return DRDA_PROMPT


EXCHANGES = {
    "ssh": Exchange(load("ssh/openssh9.2-banner.s2c.hex"), ssh, closes=False),
    "mysql": Exchange(load("mysql/mariadb10.11-greeting-without-tls.s2c.hex"), mysql, closes=True),
    "postgresql": Exchange(b"", postgresql, closes=False),
    "imap": Exchange(load("imap/dovecot2.3-greeting-without-tls.s2c.hex"), imap, closes=True),
    "http": Exchange(b"", http, closes=True),
    "smb": Exchange(b"", smb, closes=False),
    "mssql": Exchange(b"", mssql, closes=False),
    "oracle": Exchange(b"", oracle, closes=True),
    "db2": Exchange(b"", db2, closes=False),
}
