"""HTTP/1.1 as a client: one request without a body, one bounded answer, and what the answer asks for (RFC 9110, 9112).

h11 knows the framing; this module bounds it, turns its errors into WireError and reads the challenges.

    reader = http.ResponseReader("HEAD")
    await stream.send(http.request("HEAD", "/", host="intranet", user_agent="scanready/0.1"))
    response = await stream.receive(reader)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import h11

from . import Buffer, Cursor, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Role

#: A head of this many bytes is more than any server sends: Apache's and nginx's own limits are 8 KiB a line.
MAX_HEAD = 65536
#: What a verifier looks at of a body; the rest is left unread.
MAX_BODY = 65536
#: Lines before the body. Servers send some dozens; h11 takes four microseconds for each of them.
MAX_LINES = 1000
#: 1xx answers before the real one; servers send one at most.
MAX_INFORMATIONAL = 8


@dataclass(frozen=True, slots=True)
class Response:
    """A final response. Header names are in lower case; ``truncated`` means that ``body`` is not the whole body."""

    status: int
    reason: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    truncated: bool = False

    def header(self, name: str) -> str | None:
        """Return the first value of ``name`` (in lower case), None if it is not there."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of ``name`` (in lower case)."""
        return tuple(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in that a server (or, with ``proxy``, a proxy) offers (RFC 9110, 11.6.1).

    ``params`` have lower-case names; ``token`` is the bare base64 that NTLM and Negotiate carry instead.
    """

    scheme: str
    params: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    proxy: bool = False


# --- what we send ------------------------------------------------------------------------------------------------


def authority(host: str, port: int, default_port: int | None = None) -> str:
    """Return ``host:port`` for a Host field or a CONNECT target: IPv6 in brackets, no port if it is the default."""
    name = f"[{host}]" if ":" in host else host
    return name if port == default_port else f"{name}:{port}"


def request(
    method: str,
    target: str,
    *,
    host: str,
    user_agent: str,
    keep_alive: bool = False,
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """Return a request without a body: ``target`` is a path, or ``host:port`` for CONNECT.

    Raises:
        ValueError: something is in it that HTTP cannot carry (a space in the path, a line end in a value).
    """
    fields = [
        ("Host", host),
        ("User-Agent", user_agent),
        ("Connection", "keep-alive" if keep_alive else "close"),
        *headers,
    ]
    try:
        checked = h11.Request(method=method, target=target, headers=fields)
    except (h11.LocalProtocolError, UnicodeEncodeError) as error:
        raise ValueError(f"not a request that HTTP can carry: {error}") from error
    lines = [b"%b %b HTTP/1.1" % (checked.method, checked.target)]
    lines += [b"%b: %b" % field for field in checked.headers.raw_items()]
    return b"\r\n".join([*lines, b"", b""])


# --- what we read ------------------------------------------------------------------------------------------------


@cache
def _question(method: str) -> h11.Request:
    """The request that h11 frames an answer by; what else was in the real one does not matter to it."""
    return h11.Request(method=method, target="host:1" if method == "CONNECT" else "/", headers=[("Host", "host")])


class ResponseReader:
    """Reads final responses to ``method``, one after the other, from one buffer; see :func:`read_response`."""

    def __init__(self, method: str, body_cap: int = MAX_BODY) -> None:
        self._method = method
        self._body_cap = body_cap

    def __call__(self, buffer: Buffer) -> Response | None:
        """Return the response if it is whole, ended by the end of the connection, or has reached the cap."""
        return read_response(buffer, self._method, self._body_cap)


@stepwise
def read_response(cursor: Cursor, method: str, body_cap: int = MAX_BODY) -> Steps[Response]:
    """Read a response until it is whole, ended by the end of the connection, or has reached the cap.

    A response to CONNECT with status 2xx ends with its head: what follows is the tunnel's.

    Raises:
        WireError: the bytes are not HTTP/1, a head of more than `MAX_HEAD` bytes, or broken framing.
    """
    yield from cursor.lead(5, _demand_http)
    # Chunks of one byte make six bytes on the wire; a peer that needs more than twice the caps is hostile.
    allowed = 2 * (MAX_HEAD + body_cap)
    incoming = _Incoming(method, body_cap)
    while cursor.at < allowed:
        fresh = yield from cursor.part(allowed - cursor.at)
        if not fresh and incoming.head is None:
            yield from cursor.cut_short()
        if incoming.feed(fresh):
            cursor.at -= incoming.following
            return incoming.response()
    incoming.truncated = True
    return incoming.response()


def _demand_http(start: bytes) -> None:
    if not b"HTTP/".startswith(start):
        raise WireError("not HTTP/1: it does not start with HTTP/")


class _Incoming:
    """A response on its way, as h11 sees it. It raises WireError for other bytes than HTTP/1."""

    def __init__(self, method: str, body_cap: int) -> None:
        self._asked = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._asked.send(_question(method))
        self._asked.send(h11.EndOfMessage())
        self._body_cap = body_cap
        self._received = self._informational = self._lines = 0
        self._body = bytearray()
        self._begun = bytearray()
        self.head: h11.Response | None = None
        self.truncated = False

    def feed(self, data: bytes) -> bool:
        """Add what was received, nothing at the end of the connection; True if no more is wanted.

        At the end of the connection the body is whole only if no length or chunk promised more.
        """
        self._received += len(data)
        if self.head is None:
            self._begun += data
        try:
            self._asked.receive_data(data)
            return self._advance(data) or not data
        except h11.ProtocolError as error:
            if not data:
                self.truncated = True
                return True
            if self.head is None and (coding := _unknown_coding(bytes(self._begun))):
                raise UnknownValue("the transfer coding", coding) from error
            raise WireError(f"not valid HTTP/1: {error}") from error

    def _advance(self, data: bytes) -> bool:
        """Let h11 go on until it needs more bytes, or nothing more is wanted of it."""
        if self.head is None:
            self._lines += data.count(b"\n")
        while True:
            event = self._asked.next_event()
            match event:
                case h11.Response():
                    self.head = event
                case h11.InformationalResponse():
                    self._informational += 1
                    if self._informational > MAX_INFORMATIONAL:
                        raise WireError(f"more than {MAX_INFORMATIONAL} provisional responses")
                case h11.Data():
                    self._body += event.data
                    if len(self._body) > self._body_cap:
                        self.truncated = True
                        return True
                case h11.EndOfMessage() | h11.PAUSED:
                    return True
                case _:  # NEED_DATA
                    if self.head is None and self._lines > MAX_LINES:
                        raise WireError(f"a head of more than {MAX_LINES} lines")
                    return False

    @property
    def following(self) -> int:
        """The number of received bytes after the response."""
        return 0 if self.truncated else len(self._asked.trailing_data[0])

    def response(self) -> Response:
        """Return what was received of the response.

        Raises:
            WireError: not even its head.
        """
        if self.head is None:
            raise WireError(f"{self._received} bytes and no final response")
        return Response(
            status=self.head.status_code,
            reason=self.head.reason.decode("latin-1"),
            version=self.head.http_version.decode("ascii"),
            headers=tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in self.head.headers),
            body=bytes(self._body[: self._body_cap]),
            truncated=self.truncated,
        )


# --- what the answer asks for -----------------------------------------------------------------------------------

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
#: List elements: commas inside quoted strings do not part them; a quote that is never closed runs to the end.
_ELEMENT = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*+"?)++', re.DOTALL)
_PARAM = re.compile(rf'({_TOKEN})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*+"?|[^\s"=]+)[ \t]*', re.DOTALL)
_SCHEME = re.compile(rf"({_TOKEN})(?:[ \t]+(.*))?", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def challenges(response: Response) -> list[Challenge]:
    """Return what WWW-Authenticate and Proxy-Authenticate offer, in order; what cannot be understood is left out."""
    found: list[Challenge] = []
    for name, proxy in (("www-authenticate", False), ("proxy-authenticate", True)):
        for value in response.all(name):
            found.extend(_challenges(value, proxy=proxy))
    return found


def _challenges(value: str, *, proxy: bool) -> Iterator[Challenge]:
    """Parse one field: a comma parts challenges and parameters alike, so what an element is shows in the element."""
    scheme, token, params = "", "", dict[str, str]()
    for element in (match[0].strip() for match in _ELEMENT.finditer(value)):
        if scheme and (param := _PARAM.fullmatch(element)):
            params.setdefault(param[1].lower(), _unquoted(param[2]))
        elif opening := _SCHEME.fullmatch(element):
            if scheme:
                yield Challenge(scheme, params, token, proxy)
            scheme, token, params = opening[1], "", {}
            first = (opening[2] or "").strip()
            if param := _PARAM.fullmatch(first):
                params[param[1].lower()] = _unquoted(param[2])
            else:
                token = first
    if scheme:
        yield Challenge(scheme, params, token, proxy)


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    closed = len(value) > 1 and value.endswith('"')
    return _ESCAPED.sub(r"\1", value[1:-1] if closed else value[1:])


# No ">" and no "<" in between: the search stays within one tag, and its time in proportion to the body.
_PASSWORD_FIELD = re.compile(rb"<input\b[^<>]*?\btype\s*=\s*[\"']?password\b", re.IGNORECASE)


def is_login_form(body: bytes) -> bool:
    """Say whether a page has a password field. A form that a script builds in the browser is not seen."""
    return _PASSWORD_FIELD.search(body) is not None


_REFRESH = re.compile(rb"<meta\b[^<>]*?\bhttp-equiv\s*=\s*[\"']?refresh\b[^<>]*", re.IGNORECASE)
_REFRESH_TO = re.compile(rb"\burl\s*=\s*[\"']?([^\"'\s>]{1,2000})", re.IGNORECASE)


def refresh_of(body: bytes) -> str | None:
    """Return where a page sends its visitors by itself (``<meta http-equiv=refresh>``), None if it does not."""
    tag = _REFRESH.search(body)
    leads = _REFRESH_TO.search(tag[0]) if tag else None
    return leads[1].decode("latin-1") if leads else None


def is_http2(data: bytes) -> bool:
    """Say whether a server began with an HTTP/2 frame: SETTINGS, or GOAWAY to who did not begin so (RFC 9113, 3.4)."""
    length, rest = int.from_bytes(data[:3]), data[3:9]
    settings = rest == b"\x04\0\0\0\0\0" and length % 6 == 0  # type, flags, stream 0; 6.5
    return (settings or (rest == b"\x07\0\0\0\0\0" and length >= 8)) and length <= 16384  # 6.8; 4.2


def is_empty(body: bytes) -> bool:
    """Say whether there is nothing but white space in a body."""
    return not body.strip()


_CODING = re.compile(rb"\nTransfer-Encoding:[ \t]*([^\r\n]*?)[ \t]*\r?\n", re.IGNORECASE)
_CODINGS = (b"CHUNKED",)
#: Statuses that have a meaning: IANA's ("HTTP Status Codes"), and those of widespread products: IIS (440, 449), nginx
#: (444, 494 to 499), load balancers of AWS (460, 463, 464, 561), Cloudflare (520 to 527, 530), cPanel (508, 509), 529.
STATUSES = frozenset(
    (*range(100, 105), *range(200, 209), 226, *range(300, 309), *range(400, 419), *range(421, 427), 428, 429, 431, 451)
) | frozenset((440, 444, 449, 460, 463, 464, *range(494, 500), *range(500, 512), *range(520, 528), 529, 530, 561))


def _unknown_coding(head: bytes) -> bytes:
    """Return the transfer coding of a head that h11 refuses, if it is none that h11 knows; empty if there is none."""
    found = _CODING.search(head)
    return b"" if found is None or found[1].upper() in _CODINGS else found[1]


FIELDS = (
    Field(
        "the protocol",
        rb"^(HTTP)/1",
        (b"HTTP",),
        Role.DISCRIMINATOR,
        why="every answer begins with it, and nothing else tells HTTP from other protocols of lines",
    ),
    Field(
        "the status",
        rb"^HTTP/1\.\d (\d{3})",
        tuple(str(status).encode() for status in STATUSES),
        Role.VALUE,
        unknown=(b"299", b"600", b"999"),
    ),
    Field("a way to log in", rb"WWW-Authenticate: (Basic|Negotiate)", (b"BASIC", b"NEGOTIATE"), Role.VALUE),
)
