"""SPNEGO: the list of a server's mechanisms, and the wrapper around the tokens of the chosen one.

    server  NegTokenInit: mechanisms, best first      (in its answer to an SMB negotiate)
    agent   NegTokenInit: NTLM with its first token
    server  NegTokenResp: incomplete, with a token | accepted | rejected

The module reads only the DER that these need: definite lengths, also in more octets than DER permits (a NAS does this,
and clients read it). Fields that are not needed are skipped.
Source: RFC 4178, 4.2; [MS-SPNG] 2.2.1 (NegTokenInit2, which is what Windows and Samba send first).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from . import OurLimit, UnknownValue, WireError
from .fields import Field, Length, Role

#: Object identifiers of mechanisms (content octets) as administrators call them. Two of them are Kerberos.
NTLM, KERBEROS = "NTLM", "Kerberos"
_NTLMSSP = bytes.fromhex("2b06010401823702020a")
_NAMES: Mapping[bytes, str] = {
    _NTLMSSP: NTLM,
    bytes.fromhex("2a864886f712010202"): KERBEROS,  # 1.2.840.113554.1.2.2
    bytes.fromhex("2a864882f712010202"): KERBEROS,  # 1.2.840.48018.1.2.2: Windows 2000's slip of a bit, still sent
    bytes.fromhex("2a864886f71201020203"): "Kerberos user-to-user",
    bytes.fromhex("2b06010401823702021e"): "NEGOEX",
    bytes.fromhex("2b0601050205"): "IAKERB",
}
#: The names of the known mechanisms; a server may offer and choose others.
MECHANISMS = frozenset(_NAMES.values())
_SPNEGO = bytes.fromhex("2b0601050502")

_SEQUENCE, _OID, _OCTETS, _ENUMERATED = 0x30, 0x06, 0x04, 0x0A
_FIRST_TOKEN = 0x60  # [APPLICATION 0]: an initial token, with the mechanism it is for
_TAG_0, _TAG_1, _TAG_2 = 0xA0, 0xA1, 0xA2
_INIT, _RESPONSE = _TAG_0, _TAG_1
_STATES = ("accept-completed", "accept-incomplete", "reject", "request-mic")

#: Bytes. Every carrier's length field ends at 64 KiB.
TOKEN_LIMIT = 0xFFFF
_MOST_MECHANISMS = 64


@dataclass(frozen=True, slots=True)
class Offer:
    """Hold a server's mechanisms, best first, each name once; unknown ones as dotted numbers."""

    mechanisms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold a server's answer to a token; ``state`` and ``mechanism`` are empty if it sends none."""

    state: str
    mechanism: str
    token: bytes


def offer_ntlm(token: bytes) -> bytes:
    """Build a token that proposes only NTLM, with NTLM's first token.

    Raises:
        ValueError: a token of more than 64 KiB.
    """
    if len(token) > TOKEN_LIMIT:
        raise ValueError("a token of more than 64 KiB")
    mechanisms = _field(_TAG_0, _field(_SEQUENCE, _field(_OID, _NTLMSSP)))
    content = _field(_SEQUENCE, mechanisms + _field(_TAG_2, _field(_OCTETS, token)))
    return _field(_FIRST_TOKEN, _field(_OID, _SPNEGO) + _field(_INIT, content))


def read_offer(token: bytes) -> Offer:
    """Read a server's whole NegTokenInit.

    Raises:
        WireError: the token is another one, or broken.
    """
    content = _only(_bounded(token), _FIRST_TOKEN, "an initial token")
    fields = list(_fields(content))
    if len(fields) != 2 or fields[0] != (_OID, _SPNEGO):
        raise WireError("the server's first security token is not SPNEGO's")
    tag, body = fields[1]
    if tag != _INIT:
        raise WireError("a security token without NegTokenInit")
    inner = dict(_fields(_only(body, _SEQUENCE, "NegTokenInit")))
    if _TAG_0 not in inner:
        return Offer(())
    listed = list(_fields(_only(inner[_TAG_0], _SEQUENCE, "the list of mechanisms")))
    if any(tag != _OID for tag, _ in listed):
        raise WireError("the list of mechanisms holds something else")
    if len(listed) > _MOST_MECHANISMS:
        raise OurLimit(f"{len(listed)} mechanisms, of which {_MOST_MECHANISMS} are read")
    return Offer(tuple(dict.fromkeys(_name(value) for _, value in listed)))


def read_answer(token: bytes) -> Answer:
    """Read a server's whole NegTokenResp.

    Raises:
        WireError: the token is another one, or broken.
        UnknownValue: its state is none of RFC 4178.
    """
    content = _only(_only(_bounded(token), _RESPONSE, "NegTokenResp"), _SEQUENCE, "NegTokenResp")
    fields = dict(_fields(content))
    state = _only(fields[_TAG_0], _ENUMERATED, "the state") if _TAG_0 in fields else b""
    if state and (len(state) != 1 or state[0] >= len(_STATES)):
        raise UnknownValue("the state of SPNEGO", int.from_bytes(state[:4], "big"))
    mechanism = _only(fields[_TAG_1], _OID, "the chosen mechanism") if _TAG_1 in fields else b""
    return Answer(
        state=_STATES[state[0]] if state else "",
        mechanism=_name(mechanism) if mechanism else "",
        token=_only(fields[_TAG_2], _OCTETS, "the token") if _TAG_2 in fields else b"",
    )


# DER ------------------------------------------------------------------------------------------------------------------


def _field(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content


def _bounded(token: bytes) -> bytes:
    if len(token) > TOKEN_LIMIT:
        raise OurLimit(f"a security token of {len(token)} bytes, of which {TOKEN_LIMIT} are read")
    return token


def _fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each field.

    Raises:
        WireError: a length is indefinite, too large, or goes beyond the end.
    """
    at = 0
    while at < len(content):
        tag, length, at = content[at], content[at + 1 : at + 2], at + 2
        size = length[0] if length else 0x80
        if size >= 0x80:
            octets = size & 0x7F
            if not 1 <= octets <= 4 or len(content) < at + octets:
                raise WireError("a security token with a length that DER does not have")
            size, at = int.from_bytes(content[at : at + octets], "big"), at + octets
        if len(content) < at + size:
            raise WireError("a security token ends within one of its fields")
        yield tag, content[at : at + size]
        at += size


def _only(content: bytes, tag: int, what: str) -> bytes:
    """Return the content of the first field, which must have this tag; Windows adds padding after some tokens."""
    found = next(_fields(content), None)
    if found is None or found[0] != tag:
        raise WireError(f"a security token without {what}")
    return found[1]


def _name(identifier: bytes) -> str:
    """Return the mechanism's name, or dotted numbers (X.690, 8.19) for an unknown one."""
    if known := _NAMES.get(identifier):
        return known
    numbers, value = [], 0
    for octet in identifier[:64]:
        value = value << 7 | octet & 0x7F
        if octet < 0x80:
            numbers.append(value)
            value = 0
    if not numbers:
        return "?"
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


FIELDS = (
    Field(
        "the mechanism of the first token",
        rb"\x60.\x06\x06(\x2b\x06\x01\x05\x05\x02)",
        (_SPNEGO,),
        Role.DISCRIMINATOR,
        why="it distinguishes a SPNEGO token from a bare token of one mechanism",
    ),
    Field(
        "a mechanism",
        rb"\x30.(?:\x06[\x09\x0a].{9,10})*?(\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a)\xa3",
        tuple(_NAMES),
        Role.OFFER,
        member=b"\x06\x03\x2a\x03\x04",
        lengths=tuple(
            Length(pattern)
            for pattern in (
                rb"\x60(.)\x06\x06",
                rb"\x06\x06.{6}\xa0(.)",
                rb"\x06\x06.{6}\xa0.\x30(.)",
                rb"\x06\x06.{6}\xa0.\x30.\xa0(.)",
                rb"\x06\x06.{6}\xa0.\x30.\xa0.\x30(.)",
            )
        ),
    ),
    Field(
        "the tag of a token",
        rb"^([\x60\xa1])",
        (_FIRST_TOKEN, _RESPONSE, _INIT, _TAG_2, _SEQUENCE, _OID, _OCTETS, _ENUMERATED),
        Role.DISCRIMINATOR,
        why="the tags are the form of the message (RFC 4178, 4.2), and are stepped over where nothing reads them",
    ),
    Field("the state", rb"\xa0\x03\x0a\x01(.)", range(len(_STATES)), Role.VALUE),
    Field("the chosen mechanism", rb"\xa1\x0c\x06\x0a(.{10})", tuple(_NAMES), Role.VALUE),
)
