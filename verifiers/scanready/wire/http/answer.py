"""Read one answer of HTTP/1: the head as curl reads it, and a bounded body (RFC 9112).

The reader is as tolerant as curl 7.88 (measured) where RFC 9112 is not: names with a blank or a slash, folded lines,
lines that end with a bare LF, a transfer coding named twice, a Content-Length with more than its digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scanready.wire import Buffer, Cursor, ForeignBytes, OurLimit, Steps, UnknownValue, stepwise

from .values import TRANSFER_CODINGS

#: A head of this many bytes is more than any server sends: Apache's and nginx's own limits are 8 KiB a line.
MAX_HEAD = 65536
#: The bytes of a body that are read; the rest is left unread.
MAX_BODY = 65536
#: Lines of a head. Servers send some dozens.
MAX_LINES = 4000
#: 1xx answers before the real one; servers send one at most.
MAX_INFORMATIONAL = 8

_STATUS = re.compile(r"HTTP/(1\.[01]|2(?:\.0)?) +(\d{3})(?: +(.*)|)", re.IGNORECASE | re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
#: curl stops at the first byte that is no digit: ``5, 5`` and ``5 bytes`` are 5.
_LENGTH = re.compile(r"[ \t]*\+?([0-9]{1,30})")
_BEFORE_THE_LAST = "before the last chunk"
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?![0-9A-Fa-f])")
#: The white space around a value (RFC 9110, 5.6.3). In Latin-1, str.strip() also takes the octets 85 and A0.
_BLANKS = " \t"
#: The first bytes of HTTP, and of a page without HTTP round it.
_BEGINNINGS = (b"http", b"icy 2", b"<html", b"<!doc")


class _CutOff(Exception):
    """Report a connection that ended inside a line, with the part that arrived (``line``)."""

    def __init__(self, line: bytes) -> None:
        super().__init__("the connection ended within a line")
        self.line = line


@dataclass(frozen=True, slots=True)
class Response:
    """A final response. Header names are in lower case; ``truncated`` means that ``body`` is not the whole body.

    ``coded`` names the content codings that the body still has, empty if it is in plain text. ``cut_off`` says where
    the connection ended if that was before the announced end of the body; empty otherwise, also if this reader stopped.
    """

    status: int
    reason: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    truncated: bool = False
    coded: str = ""
    cut_off: str = ""

    def header(self, name: str) -> str | None:
        """Return the first value of ``name`` (in lower case), None if it is not there."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of ``name`` (in lower case)."""
        return tuple(value for key, value in self.headers if key == name)


class ResponseReader:
    """Read final responses to ``method``, one after the other, from one buffer; see :func:`read_response`."""

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
        WireError: the bytes are not HTTP/1; OurLimit where they are, or look like it, and this reader does not read
            them: a head of more than `MAX_HEAD` bytes, an upgrade that was not asked for, broken framing.
        UnknownValue: the body is in a transfer coding that is not registered.
    """
    yield from cursor.lead(5, _demand_http)
    for _ in range(MAX_INFORMATIONAL + 1):
        try:
            head = yield from _read_head(cursor)
        except _CutOff as cut:
            if b"\r" in cut.line[:-1]:
                raise OurLimit("a head whose lines end with only CR") from cut
            yield from cursor.cut_short()
        if head.status >= 200:
            break
        if head.status == 101:
            raise OurLimit("the server changes to another protocol (101), which was not asked for")
    else:
        raise OurLimit(f"more than {MAX_INFORMATIONAL} provisional responses")
    _demand_known_coding(head)
    without = method == "HEAD" or head.status in (204, 304) or (method == "CONNECT" and 200 <= head.status < 300)
    if without:
        return head
    if _chunked(head):
        body, truncated, cut_off = yield from _read_chunks(cursor, body_cap)
    else:
        body, truncated, cut_off = yield from _read_plain(cursor, _length(head), body_cap)
    return Response(head.status, head.reason, head.version, head.headers, body, truncated, cut_off=cut_off)


def is_http2(data: bytes) -> bool:
    """Return whether a server began with an HTTP/2 frame: SETTINGS, or GOAWAY to another protocol (RFC 9113, 3.4)."""
    length, rest = int.from_bytes(data[:3]), data[3:9]
    settings = rest == b"\x04\0\0\0\0\0" and length % 6 == 0  # type, flags, stream 0; 6.5
    return (settings or (rest == b"\x07\0\0\0\0\0" and length >= 8)) and length <= 16384  # 6.8; 4.2


def _demand_http(start: bytes) -> None:
    """Judge the first bytes as they come.

    Raises:
        WireError: not HTTP/1; OurLimit where they look like a page or a status line all the same.
    """
    begun = start.lstrip().lower()
    if not any(begun.startswith(known[: len(begun)]) for known in _BEGINNINGS) or (len(start) == 5 and not begun):
        raise ForeignBytes("not HTTP/1: it does not start with HTTP/")
    if len(start) == 5 and start.lower() != b"http/":
        raise OurLimit("not HTTP/1: it does not start with HTTP/")


# --- the head ----------------------------------------------------------------------------------------------------


def _read_head(cursor: Cursor) -> Steps[Response]:
    """Read a status line and its fields up to the empty line."""
    end = cursor.at + MAX_HEAD
    version, status, reason = _status(_text((yield from _line(cursor, end))))
    lines: list[str] = []
    count = 0
    while line := _text((yield from _line(cursor, end))):
        count += 1
        if count > MAX_LINES:
            raise OurLimit(f"a head of more than {MAX_LINES} lines")
        if not line.startswith((" ", "\t")):
            lines.append(line)
        elif lines:
            lines[-1] += f" {line.strip(_BLANKS)}"
        else:
            raise OurLimit("the head begins with a continued line")
    return Response(status, reason, version, tuple(_field(line) for line in lines))


def _status(line: str) -> tuple[str, int, str]:
    found = _STATUS.fullmatch(line)
    if found is None or (status := int(found[2])) < 100:
        raise OurLimit("a status line that this check does not read")
    return found[1], status, _CONTROLS.sub(" ", found[3] or "").strip(_BLANKS)


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise OurLimit("a line of the head has no colon")
    if "\0" in line:
        raise OurLimit("a line of the head has a NUL")
    return _CONTROLS.sub(" ", name).strip(_BLANKS).lower(), _CONTROLS.sub(" ", value).strip(_BLANKS)


def _text(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("latin-1")


def _line(cursor: Cursor, end: int) -> Steps[bytes]:
    """Pass one line with its LF, which ends before ``end``.

    Raises:
        OurLimit: it does not.
        _CutOff: the connection ends within it.
    """
    line = bytearray()
    while not line.endswith(b"\n"):
        if cursor.at >= end:
            raise OurLimit("a head, or a line between two chunks, that is too long")
        piece = yield from cursor.part(end - cursor.at, b"\n")
        if not piece:
            raise _CutOff(bytes(line))
        line += piece
    return bytes(line)


# --- the body ----------------------------------------------------------------------------------------------------


def _codings(head: Response) -> list[str]:
    return [one.strip(_BLANKS).lower() for value in head.all("transfer-encoding") for one in value.split(",")]


def _demand_known_coding(head: Response) -> None:
    for coding in _codings(head):
        if coding not in TRANSFER_CODINGS:
            raise UnknownValue("the transfer coding", coding.encode("latin-1"))


def _chunked(head: Response) -> bool:
    return "chunked" in _codings(head)


def _length(head: Response) -> int | None:
    """Return the length that the head promises, None for a body that lasts until the end.

    Raises:
        OurLimit: it is no number, or two that differ.
    """
    found = {_LENGTH.match(one) for value in head.all("content-length") for one in value.split(",")}
    lengths = {int(one[1]) for one in found if one}
    if None in found or len(lengths) > 1:
        raise OurLimit("a Content-Length that is no single number")
    return next(iter(lengths), None)


def _read_plain(cursor: Cursor, length: int | None, cap: int) -> Steps[tuple[bytes, bool, str]]:
    """Read a body of ``length`` bytes, or until the end; say whether it was cut, and where the connection ended."""
    wanted = cap + 1 if length is None else min(length, cap)
    body = bytearray()
    while len(body) < wanted:
        piece = yield from cursor.part(wanted - len(body))
        if not piece:
            cut_off = "" if length is None else f"after {len(body)} of {length} bytes"
            return bytes(body[:cap]), length is not None, cut_off
        body += piece
    return bytes(body[:cap]), length is None or length > cap, ""


def _read_chunks(cursor: Cursor, cap: int) -> Steps[tuple[bytes, bool, str]]:
    """Read a body in chunks; say whether it was cut, and where the connection ended.

    Chunks of one byte make six bytes on the wire; a peer that needs more than twice the caps is hostile.
    """
    body = bytearray()
    end = cursor.at + 2 * (MAX_HEAD + cap)
    while True:
        try:
            line = yield from _line(cursor, end)
        except _CutOff as cut:
            if cut.line:
                _chunk_size(cut.line)
            return bytes(body), True, _BEFORE_THE_LAST
        except OurLimit:  # longer than all that is read
            break
        if not (left := _chunk_size(line)):
            yield from _skip_trailers(cursor, end)
            return bytes(body), False, ""
        while left and len(body) <= cap:
            piece = yield from cursor.part(min(left, cap + 1 - len(body)))
            if not piece:
                return bytes(body[:cap]), True, _BEFORE_THE_LAST
            body += piece
            left -= len(piece)
        if left or len(body) > cap:
            break
        try:
            ended = yield from _line(cursor, cursor.at + 2)
        except _CutOff:
            return bytes(body), True, _BEFORE_THE_LAST
        except OurLimit:
            ended = b"more"
        if ended.strip():
            raise OurLimit("a chunk that is longer than its size")
    return bytes(body[:cap]), True, ""


def _skip_trailers(cursor: Cursor, end: int) -> Steps[None]:
    """Pass the fields after the last chunk; a connection that ends within them has sent the whole body."""
    try:
        while (yield from _line(cursor, end)).strip():
            pass
    except (_CutOff, OurLimit):
        return


def _chunk_size(line: bytes) -> int:
    """Return the size that begins a chunk.

    Raises:
        OurLimit: there is none; ``0x5`` is none either, for 0 would end the body before it began.
    """
    size = _CHUNK_SIZE.match(line)
    if size is None or (not int(size[1], 16) and line[size.end() :].lstrip(b" \t\r\n")[:1] not in (b"", b";")):
        raise OurLimit("a chunk without its size")
    return int(size[1], 16)
