"""Recognise TLS records and alerts among the bytes of another protocol.

The ``ssl`` module does the handshake itself. This module is for bytes that arrive in place of another protocol, such as
the alert with which a TLS-only port answers plain text. Record layout and alert numbers: RFC 8446, 5.1 and 6 (and RFC
5246, 7.2 for alerts that only TLS 1.2 has).
"""

from __future__ import annotations

from dataclasses import dataclass

from .fields import Field, Role

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = range(20, 25)

#: RFC 5246, 6.2.3: 2^14 bytes of text and up to 2048 that encryption adds.
MAX_RECORD = 2**14 + 2048

_LEVELS = {1: "warning", 2: "fatal"}

#: IANA, "TLS Alerts".
ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """An unencrypted alert: ``level`` is "warning", "fatal" or "level 3"; ``description`` the name of ``number``."""

    level: str
    description: str
    number: int


def looks_like_tls(data: bytes) -> bool:
    """Return whether ``data`` starts with the whole header of a TLS record (SSL 3.0 to TLS 1.3)."""
    return len(data) >= 5 and _may_be_record(data[:5])


def begins_like_tls(data: bytes) -> bool:
    """Return whether ``data`` (at least one byte) is the beginning of a TLS record, even with an incomplete header."""
    return bool(data) and _may_be_record(data[:5])


def starts_with_server_hello(data: bytes) -> bool:
    """Return whether ``data`` starts with a ServerHello record (RFC 5246, 7.4.1.3)."""
    return looks_like_tls(data) and data[0] == HANDSHAKE and data[5:6] == b"\x02"


def alert(data: bytes) -> Alert | None:
    """Return the unencrypted alert that ``data`` starts with, None if it is anything else."""
    if len(data) < 7 or data[0] != ALERT or not looks_like_tls(data) or data[3:5] != b"\0\2":
        return None
    level = _LEVELS.get(data[5], f"level {data[5]}")
    return Alert(level, ALERTS.get(data[6], f"alert {data[6]}"), data[6])


def _may_be_record(header: bytes) -> bool:
    """Return whether one to five bytes are a record header or the start of one."""
    if not CHANGE_CIPHER_SPEC <= header[0] <= HEARTBEAT:
        return False
    if len(header) >= 2 and header[1] != 3:
        return False
    if len(header) >= 3 and header[2] > 4:
        return False
    return len(header) < 5 or 1 <= int.from_bytes(header[3:5], "big") <= MAX_RECORD


FIELDS = (
    Field(
        "the type of a record",
        rb"^([\x15\x16])\x03[\0-\x04]",
        range(CHANGE_CIPHER_SPEC, HEARTBEAT + 1),
        Role.DISCRIMINATOR,
        why="it is the first octet, and distinguishes TLS from the expected protocols",
    ),
    Field(
        "the major version of a record",
        rb"^[\x15\x16](\x03)",
        (3,),
        Role.DISCRIMINATOR,
        why="it is 3 from SSL 3.0 to TLS 1.3, and distinguishes TLS from other binary protocols",
    ),
    Field(
        "the type of a handshake message",
        rb"^\x16\x03...(\x02)",
        (1, 2),
        Role.DISCRIMINATOR,
        why="it distinguishes the hello of a server from that of a client",
    ),
    Field("the level of an alert", rb"^\x15\x03.\0\x02(.)", _LEVELS, Role.VALUE),
    Field("the description of an alert", rb"^\x15\x03.\0\x02.(.)", ALERTS, Role.VALUE),
)
