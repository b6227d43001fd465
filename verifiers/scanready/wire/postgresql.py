"""Encode and decode PostgreSQL's protocol, from SSLRequest to the authentication request.

The client sends first::

    agent   SSLRequest
    server  one byte, S (then TLS) or N
    agent   StartupMessage with user and database
    server  [NegotiateProtocolVersion]  Authentication request | ErrorResponse
    agent   a plain FIN: the server logs nothing (measured on PostgreSQL 15), while a Terminate causes a FATAL line
    server  after "trust": the session parameters and ReadyForQuery; now Terminate is right

The server chooses the line of pg_hba.conf by user, database, address and TLS. Therefore its answer is valid only for
the user and database in the StartupMessage.

A message is a type byte, a u32 length (itself included) and the payload.
Source: PostgreSQL documentation, "Frontend/Backend Protocol"; libpq
``fe-connect.c`` for the messages before both sides agree on a protocol version.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from . import Buffer, Cursor, ForeignBytes, OurLimit, Steps, WireError, stepwise
from .fields import Field, Length, Role

#: The most bytes in one message; libpq has the same limit before a login (MAX_ERRLEN).
MESSAGE_LIMIT = 30_000
#: The most bytes of all messages between a trusted login and ReadyForQuery; PostgreSQL 15 sends about 400.
SESSION_LIMIT = 64 * 1024

#: Ask whether the server supports TLS.
SSL_REQUEST = struct.pack(">II", 8, 80877103)
#: End a session. Send it only after "trust": a server that waits for a password logs it as FATAL.
TERMINATE = b"X\0\0\0\x04"

_PROTOCOL_3_0 = 3 << 16
_METHODS = {
    0: "trust",
    2: "kerberos-v5",
    3: "password",
    4: "crypt",
    5: "md5",
    6: "scm",
    7: "gss",
    9: "sspi",
    10: "sasl",
}
#: Requests of openGauss and its derivatives (GaussDB, Vastbase). Their numbers are also PostgreSQL's numbers for SASL,
#: but the data is a u32, 64 hexadecimal digits, and more (openGauss, libpq/auth.h; 10 was captured).
_OPENGAUSS = {10: "sha256 (openGauss)", 11: "md5-sha256 (openGauss)", 13: "sm3 (openGauss)"}
_OPENGAUSS_DATA = re.compile(rb"(?:\0\0\0[\0-\x0f])?[0-9a-f]{64}")
#: Requests that a client answers with its password (plain or hashed), or with the first message of a proof of it.
_SECRETS, _ACCEPTED = (3, 4, 5, 10), 0
#: The code of a SASL request, and its mechanism with channel binding to TLS.
_SASL, _BOUND = (10).to_bytes(4), b"SCRAM-SHA-256-PLUS\0"
#: Mechanisms that need TLS: they bind the proof to its channel (RFC 5802, 6).
BOUND_TO_TLS = frozenset({"SCRAM-SHA-256-PLUS"})
#: Control characters other than white space, which no text contains.
_BINARY = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]")
#: Field types of an error (PostgreSQL documentation, "Error and Notice Message Fields"); the ones that are read first.
_ERROR_FIELDS = (b"S", b"V", b"C", b"M", b"D", b"H", b"F", b"L", b"R", b"P", b"p", b"q", b"W", b"s", b"t", b"c", b"n")
_SEVERITY = re.compile(r"(FATAL|ERROR|PANIC): +")
_HBA = re.compile(
    r'(?:(?P<reject>pg_hba\.conf rejects connection)|no pg_hba\.conf entry) for host "(?P<host>[^"]+)", '
    r'user "(?P<user>.*)", database "(?P<database>.*?)"'
    r"(?:, (?P<encryption>no|SSL|GSS) encryption|, SSL (?P<ssl>on|off))?",
    re.DOTALL,
)
#: The most characters of a message to search. Real messages are far shorter; the limit keeps the search linear.
_HBA_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class AuthenticationRequest:
    """Hold the server's authentication request.

    ``method`` is the word of pg_hba.conf if there is one ("trust", "password", "md5", "gss", "sspi", "scram-sha-256",
    "oauth"), the name in a fork ("sha256 (openGauss)"), or else "sasl" or "code 13", for example. ``mechanisms`` are
    those of SASL, ``salt`` is that of md5.
    """

    code: int
    method: str
    mechanisms: tuple[str, ...] = ()
    salt: bytes = b""

    @property
    def known(self) -> bool:
        """Return True if PostgreSQL's clients can answer this request."""
        return self.code in _METHODS and self.method not in ("sasl", *_OPENGAUSS.values())


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """Hold an ErrorResponse; missing fields are empty, and a server older than 7.4 sends only the message.

    ``severity`` is the untranslated one if the server sends it (since 9.6).
    """

    severity: str
    sqlstate: str
    message: str
    detail: str = ""
    hint: str = ""
    file: str = ""
    line: str = ""
    routine: str = ""

    @property
    def is_fatal(self) -> bool:
        """Return True if this error ends the session."""
        return self.severity in ("FATAL", "PANIC")


@dataclass(frozen=True, slots=True)
class NegotiateProtocol:
    """Hold the server's newest protocol version and the options it does not support; its answer follows."""

    newest: tuple[int, int]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """Hold a session that the server opened without a password, without its cancel key."""

    parameters: Mapping[str, str]
    process_id: int | None

    @property
    def server_version(self) -> str:
        """Return the version, such as "15.18 (Debian 15.18-0+deb12u1)"; empty if the server sent none."""
        return self.parameters.get("server_version", "")


@dataclass(frozen=True, slots=True)
class HbaRefusal:
    """Hold the parts of a refusal by pg_hba.conf; ``host`` is the client's address as the server sees it."""

    kind: Literal["no entry", "rejected"]
    host: str
    user: str
    database: str
    encryption: Literal["no encryption", "SSL encryption", "GSS encryption"] | None


def startup(user: str, database: str, application_name: str = "scanready") -> bytes:
    """Return the StartupMessage of protocol 3.0.

    Raises:
        ValueError: a name contains NUL.
    """
    pairs = ("user", user, "database", database, "application_name", application_name)
    if any("\0" in text for text in pairs):
        raise ValueError("a PostgreSQL name cannot contain NUL")
    payload = struct.pack(">I", _PROTOCOL_3_0) + b"".join(text.encode() + b"\0" for text in pairs) + b"\0"
    return struct.pack(">I", 4 + len(payload)) + payload


@stepwise
def read_ssl_answer(cursor: Cursor) -> Steps[bool | ErrorResponse]:
    """Read the answer to SSLRequest; return whether TLS follows, or the server's error.

    After the answer a server waits for the client. More bytes after the ``S`` mean a server that sends first (SSH and
    SMTP banners may start with S), or an attacker who injects plain text before TLS (CVE-2021-23222).

    Raises:
        WireError: the answer is something else, or bytes follow it.
    """
    first = yield from cursor.peek(1)
    if first == b"E":
        return (yield from _error_response(cursor))
    if first not in (b"S", b"N"):
        raise ForeignBytes(f"the answer to SSLRequest is neither S nor N: {_shown(cursor)}")
    if cursor.ready > 1:
        raise ForeignBytes(f"the answer to SSLRequest has more than one byte, so not PostgreSQL: {_shown(cursor)}")
    return (yield from cursor.take(1)) == b"S"


def error_instead_of_tls(heard: bytes) -> ErrorResponse | None:
    """Return the error that a server sent in clear text after it agreed to TLS; None for any other bytes."""
    try:
        answer = read_startup_answer(Buffer(heard))
    except WireError:
        return None
    return answer if isinstance(answer, ErrorResponse) else None


@stepwise
def read_startup_answer(cursor: Cursor) -> Steps[AuthenticationRequest | ErrorResponse | NegotiateProtocol]:
    """Read the answer to :func:`startup` and skip notices; after :class:`NegotiateProtocol` read again.

    Raises:
        WireError: the bytes are not a PostgreSQL message that is allowed here.
    """
    if (yield from cursor.peek(1)) == b"E":
        return (yield from _error_response(cursor))
    while True:
        kind, payload = yield from _message(cursor, b"RENv")
        if cursor.at > SESSION_LIMIT:
            raise OurLimit(f"more than {SESSION_LIMIT} bytes of notices before an authentication request")
        match kind:
            case b"R":
                return _authentication(payload)
            case b"E":
                return _error(payload)
            case b"v":
                return _negotiation(payload)


@dataclass(frozen=True, slots=True)
class LoginStep:
    """Hold the server's messages of a login up to its next request or its end.

    Attributes:
        shown: the bytes of the messages, without the offer of channel binding.
        asks: the code of the authentication request that ends them; None for an error.
        sqlstate: the code of that error; empty if it has none.
    """

    shown: bytes
    asks: int | None
    sqlstate: str = ""

    @property
    def wants_secret(self) -> bool:
        """Return True if a client answers with its password or with the first message of a proof of it."""
        return self.asks in _SECRETS

    @property
    def opens_scram(self) -> bool:
        """Return True if a client answers with a mechanism and a nonce, which prove nothing yet (RFC 5802, 5)."""
        return self.asks == int.from_bytes(_SASL)

    @property
    def ends(self) -> bool:
        """Return True if no request follows: the login is accepted or refused."""
        return self.asks in (None, _ACCEPTED)


@stepwise
def read_login_step(cursor: Cursor) -> Steps[LoginStep]:
    """Read the messages after :func:`startup`, or after an answer, up to the next request or error.

    A client that does not do TLS itself can use only SCRAM without channel binding, and libpq stops if the server
    offers channel binding (``SCRAM-SHA-256-PLUS``, RFC 5802, 6). A server also accepts SCRAM without it.

    Raises:
        WireError: the bytes are not a PostgreSQL message that is allowed here.
    """
    shown = bytearray()
    while True:
        kind, payload = yield from _message(cursor, b"RENv")
        if kind == b"R" and payload[:4] == _SASL:
            payload = payload.replace(_BOUND, b"", 1)
        shown += kind + (4 + len(payload)).to_bytes(4) + payload
        if kind == b"E":
            return LoginStep(bytes(shown), None, _error(payload).sqlstate)
        if kind == b"R":
            return LoginStep(bytes(shown), int.from_bytes(payload[:4]))
        if len(shown) > SESSION_LIMIT:
            raise OurLimit(f"more than {SESSION_LIMIT} bytes of notices before an authentication request")


@stepwise
def read_session(cursor: Cursor) -> Steps[Session | ErrorResponse]:
    """Read all messages after "trust" up to ReadyForQuery, or up to the error that ends the session.

    Raises:
        WireError: a message that is not allowed here, or more than :data:`SESSION_LIMIT` bytes.
    """
    parameters: dict[str, str] = {}
    process_id = None
    while True:
        kind, payload = yield from _message(cursor, b"SKZEN")
        if cursor.at > SESSION_LIMIT:
            raise OurLimit(f"more than {SESSION_LIMIT} bytes of session parameters, the most that scanready reads")
        match kind:
            case b"S":
                name, value = _texts(payload, 2)
                parameters[name] = value
            case b"K" if len(payload) < 8:
                raise WireError("backend key data of less than eight bytes")
            case b"K":
                process_id = int.from_bytes(payload[:4])
            case b"E":
                return _error(payload)
            case b"Z":
                return Session(parameters, process_id)


def query(statement: str) -> bytes:
    """Return a simple query for an open session; its answer is text."""
    payload = statement.encode() + b"\0"
    return b"Q" + (4 + len(payload)).to_bytes(4) + payload


@stepwise
def read_query_answer(cursor: Cursor) -> Steps[str | ErrorResponse]:
    """Read the answer to :func:`query`: the first column of its last row; "" for NULL or if there is no row.

    Raises:
        WireError: a message that is not allowed here, or more than :data:`SESSION_LIMIT` bytes.
    """
    found: str | ErrorResponse = ""
    while True:
        kind, payload = yield from _message(cursor, b"TDCZENSI")
        if cursor.at > SESSION_LIMIT:
            raise WireError(f"more than {SESSION_LIMIT} bytes in the answer to a query for one row")
        match kind:
            case b"D":
                length = int.from_bytes(payload[2:6], signed=True)
                found = _decoded(payload[6 : 6 + max(0, length)])
            case b"E":
                found = _error(payload)
                if found.is_fatal:
                    return found
            case b"Z":
                return found


def hba_refusal(message: str) -> HbaRefusal | None:
    """Parse the message of a refusal by pg_hba.conf (SQLSTATE 28000); return None for any other message.

    The function supports the wording of 8.0 to 18 ("SSL on/off" before 14, nothing for a server built without TLS). It
    returns None for a translated message.
    """
    found = _HBA.fullmatch(message) if len(message) <= _HBA_LIMIT else None
    if found is None:
        return None
    encryption: Literal["no encryption", "SSL encryption", "GSS encryption"] | None = None
    match found["encryption"] or found["ssl"]:
        case "no" | "off":
            encryption = "no encryption"
        case "SSL" | "on":
            encryption = "SSL encryption"
        case "GSS":
            encryption = "GSS encryption"
    kind: Literal["no entry", "rejected"] = "rejected" if found["reject"] else "no entry"
    return HbaRefusal(kind, found["host"], found["user"], found["database"], encryption)


def _message(cursor: Cursor, kinds: bytes) -> Steps[tuple[bytes, bytes]]:
    """Read the next message: its type, one of ``kinds``, and its payload."""
    kind = yield from cursor.peek(1)
    if kind not in kinds:
        raise WireError(f"not a PostgreSQL message that is allowed here: {_shown(cursor)}")
    length = int.from_bytes((yield from cursor.peek(5))[1:])
    if not 4 <= length <= MESSAGE_LIMIT:
        raise WireError(f"a message of {length} bytes before any login: {_shown(cursor)}")
    yield from cursor.skip(5)
    return kind, (yield from cursor.take(length - 4))


def _error_response(cursor: Cursor) -> Steps[ErrorResponse]:
    """Read an ErrorResponse, or the NUL-terminated plain text from before protocol 3.

    Current servers still send plain text if they cannot start a process (report_fork_failure_to_client).
    """
    start = cursor.at
    if (yield from cursor.peek(2)) == b"E\0":
        _, payload = yield from _message(cursor, b"E")
        return _error(payload)
    raw, whole = bytearray(), False
    while not whole:
        part = yield from cursor.part(MESSAGE_LIMIT - len(raw), end=b"\0")
        if not part:
            yield from cursor.cut_short()
        whole = part.endswith(b"\0")
        text = part.removesuffix(b"\0")
        raw += text
        if _BINARY.search(text) or len(raw) >= MESSAGE_LIMIT:
            cursor.at = start
            raise WireError(f"neither an ErrorResponse nor an error text: {_shown(cursor)}")
    message = _decoded(bytes(raw[1:])).strip()
    severity = _SEVERITY.match(message)
    return ErrorResponse(severity[1] if severity else "", "", message[severity.end() :] if severity else message)


def _error(payload: bytes) -> ErrorResponse:
    fields: dict[str, str] = {}
    for field in payload.split(b"\0"):
        if not field:
            break
        fields[chr(field[0])] = _decoded(field[1:])
    if not payload.endswith(b"\0\0") or "M" not in fields:
        raise WireError("an ErrorResponse without a message, or cut short")
    return ErrorResponse(
        severity=fields.get("V") or fields.get("S", ""),
        sqlstate=fields.get("C", ""),
        message=fields["M"],
        detail=fields.get("D", ""),
        hint=fields.get("H", ""),
        file=fields.get("F", ""),
        line=fields.get("L", ""),
        routine=fields.get("R", ""),
    )


def _authentication(payload: bytes) -> AuthenticationRequest:
    if len(payload) < 4:
        raise WireError("an authentication request without its code")
    code, data = int.from_bytes(payload[:4]), payload[4:]
    if code in _OPENGAUSS and _OPENGAUSS_DATA.match(data):
        return AuthenticationRequest(code, _OPENGAUSS[code])
    method = _METHODS.get(code, f"code {code}")
    if code == 5:
        if len(data) != 4:
            raise WireError(f"an md5 request with a salt of {len(data)} bytes, not 4")
        return AuthenticationRequest(code, method, salt=data)
    if code != 10:
        return AuthenticationRequest(code, method)
    if not data.endswith(b"\0\0") or data.startswith(b"\0"):
        raise WireError("a SASL request without a list of mechanisms")
    mechanisms = tuple(_decoded(name) for name in data[:-2].split(b"\0"))
    if BOUND_TO_TLS.intersection(mechanisms) or "SCRAM-SHA-256" in mechanisms:
        method = "scram-sha-256"
    elif "OAUTHBEARER" in mechanisms:
        method = "oauth"
    return AuthenticationRequest(code, method, mechanisms)


def _negotiation(payload: bytes) -> NegotiateProtocol:
    if len(payload) < 8:
        raise WireError("a protocol negotiation of less than eight bytes")
    newest, count = struct.unpack_from(">II", payload)
    unknown = payload[8:].split(b"\0")[:-1]
    if count != len(unknown) or (count and not payload.endswith(b"\0")):
        raise WireError(f"a protocol negotiation that announces {count} options but names {len(unknown)}")
    # The documentation says "minor version"; PostgreSQL 15 sends both (measured: 0x00030000).
    return NegotiateProtocol((newest >> 16 or 3, newest & 0xFFFF), tuple(map(_decoded, unknown)))


def _texts(payload: bytes, count: int) -> list[str]:
    """Split a payload into its ``count`` NUL-terminated texts."""
    texts = payload.split(b"\0")
    if len(texts) != count + 1 or texts[-1]:
        raise WireError(f"a message that does not consist of {count} texts")
    return [_decoded(text) for text in texts[:-1]]


def _decoded(text: bytes) -> str:
    """Decode UTF-8 and escape all other bytes, since the server's encoding is unknown before a login."""
    return text.decode("utf-8", "backslashreplace")


def _shown(cursor: Cursor) -> str:
    return repr(cursor.shown(24))


FIELDS = (
    Field(
        "the answer to SSLRequest",
        rb"^([SN])$",
        (b"S", b"N", b"E"),
        Role.DISCRIMINATOR,
        why="the answer is one octet: with any other octet, nothing shows that this is PostgreSQL",
    ),
    Field(
        "the type of a message",
        rb"^([RENvSKZTDCI])\0",
        (b"R", b"E", b"N", b"V", b"S", b"K", b"Z", b"T", b"D", b"C", b"I"),
        Role.DISCRIMINATOR,
        why="it is the first octet of the answer to the StartupMessage, the protocol's first message",
    ),
    Field("the authentication request", rb"^R.{4}(.{4})", (*_METHODS, *_OPENGAUSS), Role.VALUE),
    Field(
        "a SASL mechanism",
        rb"^R.{4}\0\0\0\x0a(?:[^\0]+\0)*?([^\0]+\0)\0",
        (b"SCRAM-SHA-256\0", b"SCRAM-SHA-256-PLUS\0", b"OAUTHBEARER\0"),
        Role.OFFER,
        member=b"X-UNKNOWN\0",
        lengths=(Length(rb"^R(.{4})"),),
    ),
    Field("a field of an error", rb"\0([SVCDHFLR])[^\0]+(?=\0)", _ERROR_FIELDS, Role.VALUE),
    Field("the severity of an error", rb"V([A-Z]+)\0", (b"FATAL", b"ERROR", b"PANIC"), Role.VALUE),
    Field("the SQLSTATE of an error", rb"\0C([0-9A-Z]{5})\0", (b"28000", b"28P01", b"3D000", b"53300"), Role.VALUE),
    Field(
        "the encryption that pg_hba.conf refused",
        rb", (no|SSL) encryption",
        (b"NO", b"SSL", b"GSS", b"OFF", b"ON"),
        Role.VALUE,
    ),
    Field("the newest protocol version", rb"^v.{4}(.{4})", (_PROTOCOL_3_0,), Role.VALUE),
)
