"""Encode and decode DRDA, the protocol of DB2, Informix's DRDA listener and Apache Derby.

A message is a chain of data stream structures (DSS): u16 length, ``D0``, flags, u16 correlation. Each contains one
object (u16 length, u16 codepoint) whose parameters have the same header. If bit 0x40 of the flags is set, another DSS
follows. Source: The Open Group, DRDA V5, volumes 1 and 3.

    agent                                   server
    EXCSAT, ACCSEC (mechanism, database) -> EXCSATRD: product, instance, release; ACCSECRD: the login prompt
    SECCHK (user, password)              -> SECCHKRM
    ACCRDB (database)                    -> ACCRDBRM, or a refusal
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from . import Cursor, ForeignBytes, OurLimit, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Length, Role
from .printable import collapsed, words_of

# objects
EXCSAT, EXCSATRD = 0x1041, 0x1443
ACCSEC, ACCSECRD = 0x106D, 0x14AC
SECCHK, SECCHKRM = 0x106E, 0x1219
ACCRDB, ACCRDBRM = 0x2001, 0x2201
SQLCARD, QRYDTA = 0x2408, 0x241B
# parameters
EXTNAM, SRVNAM, SRVCLSNM, SRVRLSLV, MGRLVLLS = 0x115E, 0x116D, 0x1147, 0x115A, 0x1404
SECMEC, SECCHKCD, RDBNAM, USRID, PASSWORD = 0x11A2, 0x11A4, 0x2110, 0x11A0, 0x11A1
SECTKN = 0x11DC
RDBACCCL, PRDID, TYPDEFNAM, TYPDEFOVR, CRRTKN = 0x210F, 0x112E, 0x002F, 0x0035, 0x2135
CCSIDSBC, CCSIDDBC, CCSIDMBC = 0x119C, 0x119D, 0x119E
SQLAM = 0x2407
UNICODEMGR = 0x1C08

#: Refusals that only a DRDA server sends: codepoint -> (name, meaning).
REFUSALS: dict[int, tuple[str, str]] = {
    0x2211: ("RDBNFNRM", "the server does not know the database"),
    0x2203: ("RDBATHRM", "the account may not connect to the database"),
    0x2204: ("RDBNACRM", "the database was not accessed"),
    0x2207: ("RDBACCRM", "the database is already accessed"),
    0x221A: ("RDBAFLRM", "the database could not be accessed"),
    0x1218: ("MGRDEPRM", "a manager that the request depends on is missing"),
    0x1210: ("MGRLVLRM", "the protocol levels do not match"),
    0x124C: ("SYNTAXRM", "the request breaks the protocol's syntax"),
    0x1245: ("PRCCNVRM", "the request is out of order"),
    0x1232: ("AGNPRMRM", "the server's agent ended with a permanent error"),
    0x1233: ("RSCLMTRM", "the server is out of resources"),
    0x1250: ("CMDNSPRM", "the command is not supported"),
    0x1251: ("PRMNSPRM", "a parameter is not supported"),
    0x1252: ("VALNSPRM", "a value is not supported"),
    0x1253: ("OBJNSPRM", "an object is not supported"),
    0x1254: ("CMDCHKRM", "the command failed a check"),
    0x125F: ("TRGNSPRM", "the target is not supported"),
}
#: The names of security mechanisms (DRDA volume 3, SECMEC).
MECHANISMS: dict[int, str] = {
    1: "DCE",
    3: "user and password",
    4: "user only",
    5: "user, password, new password",
    6: "user, substituted password",
    7: "user, encrypted password",
    8: "user, strong password substitute",
    9: "encrypted user and password",
    0xA: "encrypted password change",
    0xB: "Kerberos",
    0xC: "encrypted user and data",
    0xD: "encrypted user, password and data",
    0xE: "encrypted password change and data",
    0xF: "plug-in",
    0x10: "encrypted user, strong password substitute",
}
#: SECCHKCD (DRDA volume 3): 0 accepts, 3 to 0x0D are failures of the security service, higher codes the account's.
CHECK_CODES = frozenset(range(0x17))
USER_AND_PASSWORD, ENCRYPTED = 3, 9
#: No server supports DCE any more, so a server answers this request with the mechanisms that it does support.
UNLIKELY = 1

#: Requests before the one with the password (SECCHK).
BEFORE_THE_SECRET = frozenset({EXCSAT, ACCSEC})
#: Octets of a request's headers: the structure's header, and the object's length and codepoint.
HEADER = 10

_MAGIC, _CHAINED, _SAME_CORRELATION = 0xD0, 0x40, 0x10
_REQUEST, _REPLY, _OBJECT = 1, 2, 3
_MOST_STRUCTURES = 32
_MOST_BYTES = 64 * 1024
_MOST_NAME = 255


@dataclass(frozen=True, slots=True)
class Object:
    """Hold one DDM object of a reply: a codepoint and its content."""

    codepoint: int
    content: bytes

    def parameter(self, codepoint: int) -> bytes | None:
        """Return the first parameter of that codepoint.

        Raises:
            WireError: the content is not a list of parameters.
        """
        return next((value for point, value in _parameters(self.content) if point == codepoint), None)


@dataclass(frozen=True, slots=True)
class ServerAttributes:
    """Hold an EXCSATRD, the server's attributes; every text is printable."""

    product_class: str
    server_name: str
    release: str
    external_name: str
    managers: dict[int, int]

    @property
    def unicode(self) -> bool:
        """Return True if names after this message are UTF-8 instead of EBCDIC."""
        return UNICODEMGR in self.managers and self.managers[UNICODEMGR] == 1208


@dataclass(frozen=True, slots=True)
class SecurityOffer:
    """Hold an ACCSECRD, the offered mechanisms; ``code`` is a SECCHKCD if the requested one is not among them."""

    mechanisms: tuple[int, ...]
    code: int | None = None
    token: bytes | None = None


@dataclass(frozen=True, slots=True)
class SqlError:
    """Hold an SQLCARD; ``code`` is negative for an error."""

    code: int
    state: str
    text: str


# --- requests -------------------------------------------------------------------------------------------------------


def exchange_attributes(name: str, *, then: bytes = b"") -> bytes:
    """Return EXCSAT with the client's name; ``then`` is a request chained to it (its correlation number is 2).

    ``UNICODEMGR`` is not offered, so all names stay EBCDIC.
    """
    levels = b"".join(struct.pack(">HH", manager, level) for manager, level in _OUR_LEVELS)
    content = (
        _parameter(EXTNAM, _ebcdic(name))
        + _parameter(MGRLVLLS, levels)
        + _parameter(SRVNAM, _ebcdic(name))
        + _parameter(SRVCLSNM, _ebcdic("QDB2/JVM"))
        + _parameter(SRVRLSLV, _ebcdic("1.0"))
    )
    return _structure(_REQUEST, 1, EXCSAT, content, chained=bool(then)) + then


_OUR_LEVELS = ((0x1403, 7), (SQLAM, 7), (0x1474, 5), (0x240F, 7), (0x1440, 7))


def access_security(mechanism: int, database: str | None, token: bytes | None = None, *, number: int = 2) -> bytes:
    """Return ACCSEC, which asks for a mechanism; ``token`` is the client's public value for an encrypted one."""
    content = _parameter(SECMEC, struct.pack(">H", mechanism))
    if database is not None:
        content += _parameter(RDBNAM, _padded(database))
    if token is not None:
        content += _parameter(SECTKN, token)
    return _structure(_REQUEST, number, ACCSEC, content)


def security_check(mechanism: int, database: str, user: bytes, password: bytes, *, number: int = 1) -> bytes:
    """Return SECCHK, the login itself; ``user`` and ``password`` are already encoded or encrypted."""
    content = _parameter(SECMEC, struct.pack(">H", mechanism)) + _parameter(RDBNAM, _padded(database))
    if mechanism == ENCRYPTED:
        content += _parameter(SECTKN, user) + _parameter(SECTKN, password)
    else:
        content += _parameter(USRID, user) + _parameter(PASSWORD, password)
    return _structure(_REQUEST, number, SECCHK, content)


def access_database(database: str, *, number: int = 1) -> bytes:
    """Return ACCRDB, which opens the database for SQL."""
    content = (
        _parameter(RDBACCCL, struct.pack(">H", SQLAM))
        + _parameter(CRRTKN, _ebcdic("scanrdy.00") + bytes(8))
        + _parameter(PRDID, _ebcdic("SQL11055"))
        + _parameter(TYPDEFNAM, _ebcdic("QTDSQLASC"))
        + _parameter(TYPDEFOVR, b"".join(_parameter(point, struct.pack(">H", 1208)) for point in _CCSIDS))
        + _parameter(RDBNAM, _padded(database))
    )
    return _structure(_REQUEST, number, ACCRDB, content)


_CCSIDS = (CCSIDSBC, CCSIDDBC, CCSIDMBC)


def open_query(database: str, statement: str) -> bytes:
    """Return PRPSQLSTT and OPNQRY, which run one SELECT in the package that every DB2 client uses.

    The package is NULLID.SYSSH200, its consistency token always the eight octets ``SYSLVL01``, section 1.
    """
    package = _parameter(0x2113, b"".join(map(_padded, (database, "NULLID", "SYSSH200"))) + b"SYSLVL01\x00\x01")
    text = statement.encode()
    prepare = _structure(_REQUEST, 1, 0x200D, package, chained=True)
    content = b"\x00" + struct.pack(">I", len(text)) + text + b"\xff"  # mixed text, no single-byte text
    prepare += _structure(_OBJECT | _SAME_CORRELATION, 1, 0x2414, content, chained=True)
    return prepare + _structure(_REQUEST, 2, 0x200C, package + _parameter(0x2114, struct.pack(">I", 0x7FFF)))


def ebcdic(text: str) -> bytes:
    """Encode a name in code page 500, the protocol's initial encoding.

    Raises:
        ValueError: the code page does not have one of the characters.
    """
    return text.encode("cp500")


# --- replies --------------------------------------------------------------------------------------------------------


@stepwise
def read_replies(cursor: Cursor) -> Steps[tuple[Object, ...]]:
    """Read one chain of replies.

    Raises:
        WireError: the bytes are not DRDA.
        OurLimit: the chain is longer than scanready reads.
    """
    found: list[Object] = []
    while True:
        if (yield from cursor.peek(3))[2] != _MAGIC:
            raise ForeignBytes("not a DRDA reply")
        header = yield from cursor.peek(10)
        length, _, flags, _, inner, codepoint = struct.unpack(">HBBHHH", header)
        if flags & 0x0F not in (_REPLY, _OBJECT):
            raise WireError("not a DRDA reply")
        if length & 0x8000 or length < 10 or inner != length - 6:
            raise WireError(f"a DRDA structure of {length} bytes around an object of {inner}")
        if cursor.at + length > _MOST_BYTES or len(found) >= _MOST_STRUCTURES:
            raise OurLimit(
                f"a chain of DRDA replies of more than {_MOST_BYTES} bytes or {_MOST_STRUCTURES} structures, "
                "the most that scanready reads"
            )
        yield from cursor.skip(10)
        found.append(Object(codepoint, (yield from cursor.take(length - 10))))
        if not flags & _CHAINED:
            return tuple(found)


def attributes_of(reply: Object) -> ServerAttributes:
    """Parse an EXCSATRD.

    Raises:
        WireError: the content is malformed.
    """
    found = dict(reversed(list(_parameters(reply.content))))
    levels = found.get(MGRLVLLS, b"")
    if len(levels) % 4:
        raise WireError("a list of manager levels of odd length")
    return ServerAttributes(
        product_class=_text(found.get(SRVCLSNM, b"")),
        server_name=_text(found.get(SRVNAM, b"")),
        release=_text(found.get(SRVRLSLV, b"")),
        external_name=_text(found.get(EXTNAM, b"")),
        managers=dict(struct.iter_unpack(">HH", levels)),
    )


def security_of(reply: Object) -> SecurityOffer:
    """Parse an ACCSECRD.

    Raises:
        WireError: the content is malformed.
        UnknownValue: the reply names no mechanism but has an unknown parameter.
    """
    mechanisms: list[int] = []
    code, token = None, None
    others: list[int] = []
    for point, value in _parameters(reply.content):
        if point == SECMEC:
            if len(value) % 2 or not value:
                raise WireError("a security mechanism of odd length")
            mechanisms += [number for (number,) in struct.iter_unpack(">H", value)]
        elif point == SECCHKCD:
            code = value[0] if value else None
        elif point == SECTKN:
            token = value
        else:
            others.append(point)
    if others and not mechanisms:
        raise UnknownValue("a parameter of an ACCSECRD without mechanisms", others[0])
    return SecurityOffer(tuple(mechanisms), code, token)


def check_code(reply: Object) -> int:
    """Return the SECCHKCD of a SECCHKRM: 0 accepted, 0x0F wrong password, 0x13 unknown user ...

    Raises:
        WireError: the reply has no code.
        UnknownValue: the specification does not define the code.
    """
    value = reply.parameter(SECCHKCD)
    if not value:
        raise WireError("an answer to a login without a code")
    if value[0] not in CHECK_CODES:
        raise UnknownValue("the security check code (SECCHKCD)", value[0])
    return value[0]


def unexpected(replies: tuple[Object, ...]) -> WireError:
    """Return the error for a chain of replies with neither an answer to the request nor a refusal."""
    unknown = next((reply.codepoint for reply in replies if reply.codepoint not in _OBJECTS), None)
    if unknown is not None:
        return UnknownValue("the codepoint of a reply", unknown)
    return WireError("neither an answer nor a refusal")


def sql_error(reply: Object) -> SqlError | None:
    """Parse the SQLCARD after a refusal; return None if it reports no error.

    The layout is u8 null indicator, i32 SQLCODE, 5 bytes SQLSTATE, 8 bytes SQLERRPROC, then the message.

    Raises:
        WireError: the content is too short.
    """
    content = reply.content
    if content[:1] == b"\xff":
        return None
    if len(content) < 18:
        raise WireError("an SQL communication area of a few bytes")
    code = int.from_bytes(content[1:5], "big", signed=True)
    swapped = int.from_bytes(content[1:5], "little", signed=True)  # the byte order is the server's own
    code = code if abs(code) <= abs(swapped) else swapped
    message = content[18:].replace(b"\xff", b" ").decode("latin-1")  # FF separates the words of a message
    return SqlError(code, _text(content[5:10]), words_of(message)[:_MOST_NAME])


def version_of(release: str) -> str | None:
    """Return the version in SRVRLSLV: "11.05.5" for DB2's "SQL11055", "10.14.2.0" for Derby; None if it is unknown.

    The product letters: SQL is DB2 for Linux, UNIX and Windows, DSN z/OS, QSQ IBM i, ARI VM/VSE, IFX Informix,
    CSS Derby.
    """
    if "/" in release and release.startswith("CSS"):
        return release.partition("/")[2].split(" ")[0] or None
    digits = release[3:8]
    if release[:3] in _PRODUCTS and digits[:4].isdigit() and len(digits) == 5:
        return f"{digits[:2]}.{digits[2:4]}.{digits[4]}"
    return None


_PRODUCTS = ("SQL", "DSN", "QSQ", "ARI", "IFX", "CSS")


def header_of(header: bytes) -> tuple[int, int]:
    """Return the length of the request with this header, and its codepoint (0 if it is not a request).

    Raises:
        WireError: the header is too short.
    """
    if len(header) < HEADER:
        raise WireError("a header that is cut short")
    length, magic, codepoint = struct.unpack(">HB5xH", header[:HEADER])
    return length & 0x7FFF, codepoint if magic == _MAGIC else 0


def _structure(kind: int, number: int, codepoint: int, content: bytes, *, chained: bool = False) -> bytes:
    inner = struct.pack(">HH", len(content) + 4, codepoint) + content
    return struct.pack(">HBBH", len(inner) + 6, _MAGIC, kind | (_CHAINED if chained else 0), number) + inner


def _parameter(codepoint: int, value: bytes) -> bytes:
    return struct.pack(">HH", len(value) + 4, codepoint) + value


def _parameters(content: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(content):
        if offset + 4 > len(content):
            raise WireError("a parameter without its header")
        length, codepoint = struct.unpack_from(">HH", content, offset)
        if length < 4 or offset + length > len(content):
            raise WireError(f"a parameter of {length} bytes with {len(content) - offset} bytes left")
        yield codepoint, content[offset + 4 : offset + length]
        offset += length


def _padded(database: str) -> bytes:
    """Encode a database name, padded to at least 18 characters (DRDA volume 3, RDBNAM)."""
    return _ebcdic(database.ljust(18))


def _ebcdic(text: str) -> bytes:
    return text.encode("cp500", "replace")


def _text(raw: bytes) -> str:
    """Decode a name: ASCII if all bytes are printable ASCII, else EBCDIC."""
    shown = raw[:_MOST_NAME]
    ascii_ = bool(shown) and all(0x20 <= byte < 0x7F for byte in shown)
    text = shown.decode("ascii") if ascii_ else shown.decode("cp500")
    return collapsed(text)


#: Objects that a server sends: answers, refusals, and objects beside them (ENDUOWRM, TYPDEFNAM, QRYDSC, PBSD ...).
_OBJECTS = frozenset(
    (EXCSATRD, ACCSECRD, SECCHKRM, ACCRDBRM, SQLCARD, QRYDTA, *REFUSALS, 0x220C, TYPDEFNAM, TYPDEFOVR)
) | frozenset((0x2205, 0x220B, 0x220F, 0x2212, 0x2218, 0x221D, 0x2225, 0x241A, 0x2411, 0xC000))
FIELDS = (
    Field(
        "the mark of a structure",
        rb"^..(\xd0)[\x02\x03\x42\x43\x52\x53]\0",
        (_MAGIC,),
        Role.DISCRIMINATOR,
        why="it is the same in every structure, and the first octet that distinguishes DRDA from other protocols",
    ),
    Field(
        "the type of a structure",
        rb"\xd0([\x02\x03\x42\x43\x52\x53])\0",
        (*(_REPLY | bits for bits in (0, 0x40, 0x10, 0x50)), *(_OBJECT | bits for bits in (0, 0x40, 0x10, 0x50))),
        Role.DISCRIMINATOR,
        why="with the mark before it, it distinguishes a server's reply from a client's request",
    ),
    Field("the codepoint of a reply", rb"\xd0[\x02\x03\x42\x43\x52\x53]\0[\x01-\x09]..(..)", _OBJECTS, Role.VALUE),
    Field("a security mechanism", rb"\x00\x06\x11\xa2(..)", MECHANISMS, Role.VALUE),
    Field(
        "a list of security mechanisms",
        rb"\x14\xac(?:\x00\x06\x11\xa2..)*(\x00\x06\x11\xa2..)",
        MECHANISMS,
        Role.OFFER,
        member=b"\x00\x06\x11\xa2\x00\x7f",
        lengths=(Length(rb"(..)\xd0.\x00.(?:..)\x14\xac"), Length(rb"\xd0.\x00.(..)\x14\xac")),
    ),
    Field("the code beside a list of mechanisms", rb"\x14\xac.*?\x00\x05\x11\xa4(.)", CHECK_CODES, Role.VALUE),
    Field("the security check code", rb"\x12\x19.*?\x00\x05\x11\xa4(.)", CHECK_CODES, Role.VALUE),
    Field("the severity of a reply", rb"\x00\x06\x11\x49(..)", (0, 4, 8, 16, 32, 64, 128), Role.VALUE),
    Field("a manager", rb"\x14\x04(..)", (0x1403, SQLAM, 0x1474, 0x240F, 0x1440, UNICODEMGR), Role.VALUE),
    Field("the character set of names", rb"\x1c\x08(..)", (0, 1208), Role.VALUE),
    Field("a parameter of ACCSECRD", rb"\x14\xac\0.(\x11\xa2)", (SECMEC, SECCHKCD, SECTKN), Role.VALUE),
    Field("the product class", rb"\x11\x47(\xd8\xc4\xc2\xf2)", (b"\xd8\xc4\xc2\xf2",), Role.VALUE),
    Field("the null indicator of an SQLCARD", rb"\x24\x08(.)", (0x00, 0xFF), Role.VALUE),
)
