"""Undo the content codings of a body: gzip and deflate, in any order, and never more of it than the bound.

This package sends ``Accept-Encoding: identity``; some servers and filters encode all the same (RFC 9110, 8.4).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .answer import MAX_BODY, Response

#: Codings that one body may have; servers apply one, and two where a proxy encodes again.
_MOST_CODINGS = 4
#: Parts of one gzip body (RFC 1952, 2.2). Each costs a decompressor of 40 KiB.
_MOST_PARTS = 64
#: The most that a text may grow, as a factor. Pages become 3 to 20 times their size; deflate can do 1,032.
_MOST_GROWTH = 200
_GZIP = ("gzip", "x-gzip")
#: Codings that are registered and that the standard library of Python 3.11 does not undo.
_UNKNOWN = ("br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip", "aes128gcm")


@dataclass(frozen=True, slots=True)
class Plain:
    """Hold a decoded body. ``coded`` names the codings that are left, with the reason; empty for none."""

    body: bytes
    truncated: bool
    coded: str = ""


class _Damaged(Exception):
    """The body is not in the coding that it is declared in, or grows like no text does."""


def decoded(answer: Response, cap: int = MAX_BODY) -> Response:
    """Return the answer with its body in plain text, up to ``cap`` bytes; as it is where a coding is not known."""
    declared = [*answer.all("content-encoding"), *answer.all("transfer-encoding")]
    plain = undo(declared, answer.body, cap, truncated=answer.truncated)
    return replace(answer, body=plain.body, truncated=plain.truncated, coded=plain.coded)


def undo(declared: Iterable[str], body: bytes, cap: int = MAX_BODY, *, truncated: bool = False) -> Plain:
    """Undo the codings that fields declare, in the order of the fields; the last one first.

    A word that names no coding (``none``, ``utf-8``) is ignored, as browsers do. ``truncated`` says that ``body`` is
    not the whole body.
    """
    codings = [one.strip().lower() for value in declared for one in value.split(",")]
    codings = [one for one in codings if one in (*_GZIP, "deflate", *_UNKNOWN)]
    if not body or not codings:
        return Plain(body, truncated)
    if len(codings) > _MOST_CODINGS:
        return Plain(body, truncated, f"{len(codings)} codings, one in another")
    while codings:
        if codings[-1] in _UNKNOWN:
            return Plain(body, truncated, f"{codings[-1]}, which this check cannot undo")
        try:
            body, whole = _inflated(codings[-1], body, cap)
        except _Damaged as error:
            return Plain(body, truncated, f"{codings[-1]}, {error}")
        truncated = truncated or not whole
        codings.pop()
    return Plain(body, truncated)


def _inflated(coding: str, data: bytes, cap: int) -> tuple[bytes, bool]:
    """Return up to ``cap`` bytes of plain text, and whether that is all of it.

    Raises:
        _Damaged: see there.
    """
    if coding in _GZIP:
        return _parts(data, cap)
    try:
        return _one(zlib.decompressobj(), data, cap)[:2]
    except _Damaged:  # many servers leave the two bytes of zlib's header out
        return _one(zlib.decompressobj(-zlib.MAX_WBITS), data, cap)[:2]


def _parts(data: bytes, cap: int) -> tuple[bytes, bool]:
    """Undo gzip, whose parts follow one another; what follows the last one and is no part does not count."""
    plain, whole, rest = _one(zlib.decompressobj(16 + zlib.MAX_WBITS), data, cap)
    for _ in range(_MOST_PARTS):
        if not rest.startswith(b"\x1f\x8b") or len(plain) >= cap:
            return plain, whole and not rest.startswith(b"\x1f\x8b")
        more, whole, rest = _one(zlib.decompressobj(16 + zlib.MAX_WBITS), rest, cap - len(plain))
        plain += more
    raise _Damaged("in more parts than a page has")


def _one(machine: zlib._Decompress, data: bytes, cap: int) -> tuple[bytes, bool, bytes]:
    """Return the plain text, whether it is whole, and what follows it."""
    try:
        plain = machine.decompress(data, cap + 1)
    except zlib.error as error:
        raise _Damaged("which it is not, or it is damaged") from error
    used = len(data) - len(machine.unconsumed_tail) - len(machine.unused_data)
    if len(plain) > cap and used * _MOST_GROWTH < cap:
        raise _Damaged(f"and {used} bytes of it grow to more than {cap}")
    return plain[:cap], machine.eof and len(plain) <= cap, machine.unused_data
