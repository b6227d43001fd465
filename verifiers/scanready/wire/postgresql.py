"""PostgreSQL, from the question for TLS to the request for authentication.

The client speaks first::

    we      SSLRequest
    server  one byte, S (then TLS) or N
    we      StartupMessage with user and database
    server  [NegotiateProtocolVersion]  Authentication request | ErrorResponse
    we      a plain FIN: the server logs nothing (measured on PostgreSQL 15), while a Terminate would be a FATAL line
    server  after "trust", unasked: the session parameters and ReadyForQuery; now Terminate is right

The server chooses the rule of pg_hba.conf by user, database, address and TLS,
so its answer is worth no more than the user and database it was asked with.

A message is a type byte, a u32 length (itself included) and the payload.
Source: PostgreSQL documentation, "Frontend/Backend Protocol"; libpq
``fe-connect.c`` for what comes before the protocol version is agreed on.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from . import Cursor, ForeignBytes, OurLimit, Steps, WireError, stepwise
from .fields import Field, Length, Role

#: Bytes in one message. libpq takes nothing larger than 30,000 before a login either (MAX_ERRLEN).
MESSAGE_LIMIT = 30_000
#: Bytes in all messages between a trusted login and ReadyForQuery; PostgreSQL 15 sends about 400.
SESSION_LIMIT = 64 * 1024

#: Ask whether the server speaks TLS.
SSL_REQUEST = struct.pack(">II", 8, 80877103)
#: End a session. Only after "trust": a server that waits for a password logs it as FATAL.
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
#: Requests of openGauss and its kin (GaussDB, Vastbase), which number their own methods as PostgreSQL numbers SASL's
#: later messages: a u32, 64 hexadecimal digits, and more (openGauss, libpq/auth.h; 10 was captured).
_OPENGAUSS = {10: "sha256 (openGauss)", 11: "md5-sha256 (openGauss)", 13: "sm3 (openGauss)"}
_OPENGAUSS_DATA = re.compile(rb"(?:\0\0\0[\0-\x0f])?[0-9a-f]{64}")
#: Requests that a client answers with its password, as it is or hashed, or with the beginning of a proof of it.
_SECRETS, _ACCEPTED = (3, 4, 5, 10), 0
#: The code of a SASL request, and the mechanism in it that binds to the TLS connection.
_SASL, _BOUND = (10).to_bytes(4), b"SCRAM-SHA-256-PLUS\0"
#: No text has it: a control character other than white space.
_BINARY = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]")
#: Types of the fields of an error (PostgreSQL documentation, "Error and Notice Message Fields"), those we read first.
_ERROR_FIELDS = (b"S", b"V", b"C", b"M", b"D", b"H", b"F", b"L", b"R", b"P", b"p", b"q", b"W", b"s", b"t", b"c", b"n")
_SEVERITY = re.compile(r"(FATAL|ERROR|PANIC): +")
_HBA = re.compile(
    r'(?:(?P<reject>pg_hba\.conf rejects connection)|no pg_hba\.conf entry) for host "(?P<host>[^"]+)", '
    r'user "(?P<user>.*)", database "(?P<database>.*?)"'
    r"(?:, (?P<encryption>no|SSL|GSS) encryption|, SSL (?P<ssl>on|off))?",
    re.DOTALL,
)
#: Characters. A name is at most 63 bytes, so an honest message is far shorter; this keeps the search linear.
_HBA_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class AuthenticationRequest:
    """How the server wants us to log in.

    ``method`` is a word of pg_hba.conf where there is one ("trust", "password", "md5", "gss", "sspi",
    "scram-sha-256", "oauth"), that of a fork ("sha256 (openGauss)"), else "sasl" or "code 13" and the like.
    ``mechanisms`` are those of SASL, ``salt`` that of md5.
    """

    code: int
    method: str
    mechanisms: tuple[str, ...] = ()
    salt: bytes = b""

    @property
    def known(self) -> bool:
        """True if PostgreSQL's clients know how such a request is answered."""
        return self.code in _METHODS and self.method not in ("sasl", *_OPENGAUSS.values())


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """Why the server refuses. What it did not send is empty; a server older than 7.4 sends the message alone.

    ``severity`` is the one that is not translated where the server tells it (since 9.6).
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
        """True if the server ends the session with it."""
        return self.severity in ("FATAL", "PANIC")


@dataclass(frozen=True, slots=True)
class NegotiateProtocol:
    """The server knows no newer protocol than ``newest``, nor the options ``unknown``; its real answer follows."""

    newest: tuple[int, int]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """A session that was opened without a password. The cancel key is not kept."""

    parameters: Mapping[str, str]
    process_id: int | None

    @property
    def server_version(self) -> str:
        """Such as "15.18 (Debian 15.18-0+deb12u1)"; empty if not told."""
        return self.parameters.get("server_version", "")


@dataclass(frozen=True, slots=True)
class HbaRefusal:
    """What pg_hba.conf refused, in the server's own words: ``host`` is us as it sees us."""

    kind: Literal["no entry", "rejected"]
    host: str
    user: str
    database: str
    encryption: Literal["no encryption", "SSL encryption", "GSS encryption"] | None


def startup(user: str, database: str, application_name: str = "scanready") -> bytes:
    """Open a session of protocol 3.0.

    Raises:
        ValueError: a NUL in a name.
    """
    pairs = ("user", user, "database", database, "application_name", application_name)
    if any("\0" in text for text in pairs):
        raise ValueError("a PostgreSQL name cannot contain NUL")
    payload = struct.pack(">I", _PROTOCOL_3_0) + b"".join(text.encode() + b"\0" for text in pairs) + b"\0"
    return struct.pack(">I", 4 + len(payload)) + payload


@stepwise
def read_ssl_answer(cursor: Cursor) -> Steps[bool | ErrorResponse]:
    """Read the answer to SSLRequest: whether TLS comes next, or why not even that was answered.

    A server that answers waits for us. So more bytes after the ``S`` mean a peer that talks on its own (SSH and SMTP
    banners may start with one), or somebody who slips plain text in front of TLS (CVE-2021-23222).

    Raises:
        WireError: it is neither, or bytes follow.
    """
    first = yield from cursor.peek(1)
    if first == b"E":
        return (yield from _error_response(cursor))
    if first not in (b"S", b"N"):
        raise ForeignBytes(f"the answer to SSLRequest is neither S nor N: {_shown(cursor)}")
    if cursor.ready > 1:
        raise ForeignBytes(f"more than one byte answers SSLRequest, this is not PostgreSQL: {_shown(cursor)}")
    return (yield from cursor.take(1)) == b"S"


@stepwise
def read_startup_answer(cursor: Cursor) -> Steps[AuthenticationRequest | ErrorResponse | NegotiateProtocol]:
    """Read the answer to :func:`startup`; after :class:`NegotiateProtocol` read once more. Notices are skipped.

    Raises:
        WireError: it is no PostgreSQL message, or none that may come here.
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
    """The messages of a server in a login, up to its next request or its end.

    Attributes:
        shown: the bytes of it, without what binds to TLS.
        asks: the code of the authentication request that ends it; None for an error.
    """

    shown: bytes
    asks: int | None

    @property
    def wants_secret(self) -> bool:
        """True where a client answers with its password, or begins to prove that it has one."""
        return self.asks in _SECRETS

    @property
    def opens_scram(self) -> bool:
        """True where a client answers with a mechanism and a number of its own, and with no proof yet (RFC 5802, 5)."""
        return self.asks == int.from_bytes(_SASL)

    @property
    def ends(self) -> bool:
        """True where no request follows: the login is accepted, or refused."""
        return self.asks in (None, _ACCEPTED)


@stepwise
def read_login_step(cursor: Cursor) -> Steps[LoginStep]:
    """Read what follows :func:`startup`, or an answer to a request, up to the next request or error.

    A client whose TLS is somebody else's can do SCRAM without channel binding, and libpq breaks off where the server
    offers it (``SCRAM-SHA-256-PLUS``, RFC 5802, 6). A server takes the other form from a client that cannot do it.

    Raises:
        WireError: it is no PostgreSQL message, or none that may come here.
    """
    shown = bytearray()
    while True:
        kind, payload = yield from _message(cursor, b"RENv")
        if kind == b"R" and payload[:4] == _SASL:
            payload = payload.replace(_BOUND, b"", 1)
        shown += kind + (4 + len(payload)).to_bytes(4) + payload
        if kind == b"E":
            return LoginStep(bytes(shown), None)
        if kind == b"R":
            return LoginStep(bytes(shown), int.from_bytes(payload[:4]))
        if len(shown) > SESSION_LIMIT:
            raise OurLimit(f"more than {SESSION_LIMIT} bytes of notices before an authentication request")


@stepwise
def read_session(cursor: Cursor) -> Steps[Session | ErrorResponse]:
    """Read all that follows the request "trust", up to ReadyForQuery or the error that ends the session.

    Raises:
        WireError: a message that may not come here, or more than :data:`SESSION_LIMIT` bytes of them.
    """
    parameters: dict[str, str] = {}
    process_id = None
    while True:
        kind, payload = yield from _message(cursor, b"SKZEN")
        if cursor.at > SESSION_LIMIT:
            raise OurLimit(f"more than {SESSION_LIMIT} bytes of session parameters, which are all that is read")
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
    """Run a statement in a session that is open; the answer is text."""
    payload = statement.encode() + b"\0"
    return b"Q" + (4 + len(payload)).to_bytes(4) + payload


@stepwise
def read_query_answer(cursor: Cursor) -> Steps[str | ErrorResponse]:
    """Read the answer to :func:`query`: the first column of its last row; "" for NULL, and where there is no row.

    Raises:
        WireError: a message that may not come here, or more than :data:`SESSION_LIMIT` bytes of them.
    """
    found: str | ErrorResponse = ""
    while True:
        kind, payload = yield from _message(cursor, b"TDCZENSI")
        if cursor.at > SESSION_LIMIT:
            raise WireError(f"more than {SESSION_LIMIT} bytes answer a question for one row")
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
    """Understand the message of a refusal by pg_hba.conf (SQLSTATE 28000); None if it is none.

    The wording of 8.0 to 18 is known ("SSL on/off" was that before 14; a server built without TLS says nothing).
    A translated message is not guessed at.
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
        raise WireError(f"not a PostgreSQL message that may come here: {_shown(cursor)}")
    length = int.from_bytes((yield from cursor.peek(5))[1:])
    if not 4 <= length <= MESSAGE_LIMIT:
        raise WireError(f"a message of {length} bytes before any login: {_shown(cursor)}")
    yield from cursor.skip(5)
    return kind, (yield from cursor.take(length - 4))


def _error_response(cursor: Cursor) -> Steps[ErrorResponse]:
    """Read an ErrorResponse, or the plain text ended by NUL that came before protocol 3.

    A server of today still sends the latter when it cannot start a process for us (report_fork_failure_to_client).
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
    if any(name.startswith("SCRAM-SHA-256") for name in mechanisms):
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
        raise WireError(f"a protocol negotiation that announces {count} options and names {len(unknown)}")
    # The documentation says "minor version"; PostgreSQL 15 sends both (measured: 0x00030000).
    return NegotiateProtocol((newest >> 16 or 3, newest & 0xFFFF), tuple(map(_decoded, unknown)))


def _texts(payload: bytes, count: int) -> list[str]:
    """Split the ``count`` NUL-terminated texts a payload is made of."""
    texts = payload.split(b"\0")
    if len(texts) != count + 1 or texts[-1]:
        raise WireError(f"a message that is not made of {count} texts")
    return [_decoded(text) for text in texts[:-1]]


def _decoded(text: bytes) -> str:
    """Before a login the server's encoding is unknown: what is not UTF-8 stays readable as escapes."""
    return text.decode("utf-8", "backslashreplace")


def _shown(cursor: Cursor) -> str:
    return repr(cursor.shown(24))


FIELDS = (
    Field(
        "the answer to SSLRequest",
        rb"^([SN])$",
        (b"S", b"N", b"E"),
        Role.DISCRIMINATOR,
        why="one octet is the whole answer: with another one nothing says that this is PostgreSQL",
    ),
    Field(
        "the type of a message",
        rb"^([RENvSKZTDCI])\0",
        (b"R", b"E", b"N", b"V", b"S", b"K", b"Z", b"T", b"D", b"C", b"I"),
        Role.DISCRIMINATOR,
        why="it is the first octet of the answer to the startup message, which the protocol begins with",
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
