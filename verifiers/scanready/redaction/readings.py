r"""Read a text in every way that could hold a secret: as it is, unescaped, as hexadecimal, as decimal, as Base64.

Each reading leads back to the characters of the original that it was made of. All of it is linear in the text.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import NamedTuple

Span = tuple[int, int]

#: Escapes within escapes: a URL in a JSON text in a log line has three.
_DEEPEST = 3
#: Stands for the place of a digit that only keeps two runs apart.
_NOWHERE = -1
_ESCAPE = r"""(?ix)
    %u[0-9a-f]{4} | %[0-9a-f]{2}
    | \\u\{[0-9a-f]{1,6}\} | (?-i:\\u)[0-9a-f]{4} | (?-i:\\U)[0-9a-f]{8} | \\x\{[0-9a-f]{1,6}\} | \\x[0-9a-f]{2}
    | \\[0-3][0-7]{2} | \\["'`/\\0abfnrtv\ $!&|;<>()*?\[\]{}~\#]
    | &\#[0-9]{1,7}; | &\#x[0-9a-f]{1,6}; | &[a-z][a-z0-9]{1,7};
    | '\\'' | '"'"' | '' | "" | `` | \]\] | \}\} | \{\{ | \$\$ | =[0-9a-f]{2} | =\r?\n
"""
_LDAP_ESCAPE = r"(?i)\\[0-9a-f]{2}"
_LETTERS = {"0": "\0", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SEPARATOR = r"[^0-9A-Za-z]{0,3}(?:0[xX]|[xX]|u00)?"
_HEX_RUN = rf"[0-9A-Fa-f](?:{_SEPARATOR}[0-9A-Fa-f]){{%d,}}"
_HEX_DIGIT = r"(?:0[xX](?=[0-9A-Fa-f]))|(?:u00(?=[0-9A-Fa-f]{2}))|([0-9A-Fa-f])"
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[0-9]{1,2})"
_DECIMAL_RUN = rf"(?<![0-9]){_BYTE}(?:[\s,;.:]{{1,3}}{_BYTE})+(?![0-9])"
_NUMBER = "[0-9]+"
_BASE64_RUN = r"(?a)[A-Za-z0-9+/_\-\s]{2,}"
_BASE64_CHAR = r"(?a)\S"
_TO_STANDARD = str.maketrans("-_", "+/", " \t\r\n\f\v")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile when a text is read, not at import: most commands read none, and it would cost each 8 ms (measured)."""
    return re.compile(pattern)


class Reading(NamedTuple):
    """One way to read a text; ``origin`` returns the span of the original that a span of ``text`` was made of.

    ``decoded`` is true for bytes that were written as digits or Base64.

    ``starts`` and ``ends`` are true where the reading begins and ends with the original, so that a secret which was cut
    off there would be cut off here.
    """

    text: str
    origin: Callable[[int, int], Span]
    starts: bool = True
    ends: bool = True
    decoded: bool = False


def readings(text: str, least: int) -> Iterator[Reading]:
    """Yield every reading of ``text`` in which something of ``least`` bytes may be encoded."""
    for reading in _unescaped_levels(text):
        yield reading
        for decoded in (_hexadecimal, _decimal, _base64):
            for inner in decoded(reading.text, least):
                yield _within(reading, inner)


def plain(text: str) -> str:
    """Return ``text`` with all of its escapes undone, as the last of its unescaped readings has it."""
    *_, last = _unescaped_levels(text)
    return last.text


def _within(outer: Reading, inner: Reading) -> Reading:
    def origin(start: int, end: int) -> Span:
        return outer.origin(*inner.origin(start, end))

    return Reading(inner.text, origin, inner.starts, inner.ends, inner.decoded)


def _unescaped_levels(text: str) -> Iterator[Reading]:
    reading: Reading | None = Reading(text, lambda start, end: (start, end))
    assert reading is not None
    yield reading
    if ldap := _unescaped(text, _compiled(_LDAP_ESCAPE)):
        yield ldap
    for _ in range(_DEEPEST):
        inner = _unescaped(reading.text, _compiled(_ESCAPE))
        if inner is None:
            return
        reading = _within(reading, inner)
        yield reading


def _unescaped(text: str, escape: re.Pattern[str]) -> Reading | None:
    """``text`` with one level of escapes undone; None if it has none."""
    parts: list[str] = []
    made: list[int] = []  # the beginnings of the parts in the reading
    read: list[tuple[int, int, bool]] = []  # the span of the original that it was made of, and whether it is the same
    length = last = 0

    def add(part: str, start: int, end: int, *, same: bool) -> int:
        parts.append(part)
        made.append(length)
        read.append((start, end, same))
        return length + len(part)

    for found in escape.finditer(text):
        length = add(text[last : found.start()], last, found.start(), same=True)
        length = add(_character(found[0]), *found.span(), same=False)
        last = found.end()
    add(text[last:], last, len(text), same=True)
    unescaped = "".join(parts)
    if unescaped == text:
        return None

    def origin(start: int, end: int) -> Span:
        first, final = bisect_right(made, start) - 1, bisect_right(made, end - 1) - 1
        begin, _, begins_in = read[first]
        final_begin, stop, ends_in = read[final]
        return begin + (start - made[first]) * begins_in, final_begin + end - made[final] if ends_in else stop

    return Reading(unescaped, origin)


def _character(escape: str) -> str:
    """Return the character that an escape stands for; a byte is the character of the same code."""
    first, rest = escape[0], escape[1:]
    if escape in ("'\\''", "'\"'\"'"):
        return "'"
    if first == "&":
        import html  # its table of entities is large

        return html.unescape(escape)
    if first == "=":
        return chr(int(rest, 16)) if rest.strip() else ""
    if first == "%":
        return chr(int(rest.lstrip("uU"), 16))
    if first != "\\":
        return first  # a doubled quote or bracket
    if rest[0] in "xuU" and len(rest) > 1:
        code = int(rest[1:].strip("{}"), 16)
        return chr(code) if code <= 0x10FFFF else "\N{REPLACEMENT CHARACTER}"
    if len(rest) == 3:
        return chr(int(rest, 8))
    if len(rest) == 2:  # LDAP's
        return chr(int(rest, 16))
    return _LETTERS.get(rest, rest)


def _hexadecimal(text: str, least: int) -> Iterator[Reading]:
    """All runs of hexadecimal digits, from each of the two digits that may begin a pair."""
    runs = [
        [digit.start(1) for digit in _compiled(_HEX_DIGIT).finditer(text, *run.span()) if digit[1]]
        for run in _compiled(_HEX_RUN % (2 * least - 1)).finditer(text)
    ]
    for shift in (0, 1) if runs else ():
        places = [place for run in runs for place in (*_even(run[shift:]), _NOWHERE, _NOWHERE)][:-2]
        digits = "".join("0" if place == _NOWHERE else text[place] for place in places)

        def origin(start: int, end: int, places: list[int] = places) -> Span:
            return places[2 * start], places[2 * end - 1] + 1

        yield Reading(
            bytes.fromhex(digits).decode("latin-1"),
            origin,
            *_at_edges(text, runs[0][0], runs[-1][-1] + 1),
            decoded=True,
        )


def _even(places: list[int]) -> list[int]:
    return places[: len(places) // 2 * 2]


def _decimal(text: str, least: int) -> Iterator[Reading]:
    """All lists of byte values, as Python and C# print them."""
    runs = [list(_compiled(_NUMBER).finditer(text, *run.span())) for run in _compiled(_DECIMAL_RUN).finditer(text)]
    runs = [run for run in runs if len(run) >= least]
    if not runs:
        return
    values = "\n".join("".join(chr(int(number[0])) for number in run) for run in runs)
    places = [number.span() for run in runs for number in (*run, run[-1])]

    def origin(start: int, end: int) -> Span:
        return places[start][0], places[end - 1][1]

    yield Reading(values, origin, *_at_edges(text, runs[0][0].start(), runs[-1][-1].end()), decoded=True)


def _base64(text: str, least: int) -> Iterator[Reading]:
    """All runs of Base64 of both alphabets without their line breaks, from each character that may begin a group."""
    found = [(run, run[0].translate(_TO_STANDARD)) for run in _compiled(_BASE64_RUN).finditer(text)]
    runs = [(run, packed) for run, packed in found if 3 * len(packed) >= 4 * least]
    for shift in range(4) if runs else ():
        parts = [packed[shift:] for _, packed in runs]
        whole = "AAAA".join((*(part + "A" * (-len(part) % 4) for part in parts[:-1]), _whole(parts[-1])))

        places = cache(partial(_base64_places, text, [run for run, _ in runs], shift))  # made once, and if at all

        def origin(start: int, end: int, places: Callable[[], list[int]] = places) -> Span:
            return places()[start * 8 // 6], places()[(end * 8 - 1) // 6] + 1

        raw = binascii.a2b_base64(whole).decode("latin-1")
        yield Reading(raw, origin, *_at_edges(text, runs[0][0].start(), runs[-1][0].end()), decoded=True)


def _base64_places(text: str, runs: list[re.Match[str]], shift: int) -> list[int]:
    """Return the place in the text of each character of the joined runs; filling is at the character before it."""
    places: list[int] = []
    for run in runs:
        at = [char.start() for char in _compiled(_BASE64_CHAR).finditer(text, *run.span())][shift:]
        places += at + (at[-1:] or [run.start()]) * (-len(at) % 4 + 4)
    return places


def _whole(part: str) -> str:
    """The last run, ended as the decoder wants it."""
    part = part[:-1] if len(part) % 4 == 1 else part
    return part + "=" * (-len(part) % 4)


def _at_edges(text: str, start: int, end: int) -> tuple[bool, bool]:
    """Whether a run begins and ends with the text, but for marks around it."""
    return start <= 2, end >= len(text) - 2
