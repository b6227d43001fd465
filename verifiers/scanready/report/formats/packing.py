"""Pack the results of an HTML report: each distinct ladder once, as a template, and one row for each target.

A result and its story are one ASCII text. Placeholders replace its host, addresses, times, seconds and the line of the
inventory. The remaining text is cut into parts, since many targets share most parts (a check, a remedy, the bytes of a
rung). A ladder is a list of parts. A row is ``[ladder, host, "address time ...", seconds, ...]``; seconds are in
millionths. The first occurrence of a ladder is the list of its parts, a later one is its number; the same holds for a
part. The data is not compressed, and the joined parts are the original text, byte for byte: the choice of placeholders
affects the size only.

The agent is a part like any other, so a page may have rows of several agents.

Placeholders are characters of the private use area, which an ASCII text does not contain. A text that contains one as
an escape (``\\ue000``) is not packed: its row is ``[ladder, null]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from scanready.redaction.workflow import harmless_json

#: Placeholders: the host; the next seconds of the row; its addresses and times, by number.
HOST, NEXT, KEPT = "\ue000", "\ue001", "\ue010"
MOST_KEPT = 0xE0
#: Parts of one ladder. A ladder has seven checks, or several dozen if many ports were checked.
_MOST_IN_A_LADDER = 100_000
_PLACEHOLDER = re.compile("[\ue000-\ue0ff]")
#: The most numbered parts and ladders. Writer, reader and script count in the same way.
MOST_PARTS, MOST_LADDERS = 60_000, 20_000

_SECONDS = re.compile(r'(seconds":)([0-9]{1,9}\.[0-9]{1,9}(?:e-[0-9]{2})?)(?=[,}])')
_IPV4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9])"
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z"
#: The line of the inventory, at the end of a target.
_LINE = r'(?<=:)[0-9]{1,9}(?="\},"verdict":)'
#: All alternatives begin with a digit, so the search skips other positions quickly.
_USUAL = re.compile(rf"{_IPV4}|{_MOMENT}|{_LINE}")
_WITH_IPV6 = re.compile(
    rf"{_USUAL.pattern}|(?<![0-9A-Za-z:.])[0-9a-f]{{0,4}}(?::[0-9a-f]{{0,4}}){{2,7}}(?![0-9A-Za-z:.])"
)
#: Parts begin before one of these texts. A cut may be anywhere; here, shared text meets text of one target.
_BEGINNINGS = (
    *('"target":', '"options":', '"verdict":', '"cause":', '"besides":', '"facts":', '"checks":', '"footprint":'),
    *('"started":', '"meaning":', '"fix":', '"also":', '{"step":'),
)
#: Separates two parts; JSON contains it only as an escape.
_CUT = "\0"
#: If a host were a part of one of these words, the placeholder would hide keys of the template from the script.
_STRUCTURE = (
    "schema agent name platform distribution addresses networks assumed profile target host type port options "
    "credential user tags guessed explicit_port verdict reached cause code owner step detail meaning remedy confirm "
    "fix also besides facts checks endpoint outcome summary tentative seconds events footprint connections "
    "login_attempts probe_logins started rungs asked true false null"
)
_NUMBER = re.compile(r"[-+.0-9eE]*")
_ADDRESS = re.compile(_IPV4)


class Packer:
    """Pack the rows of a page.

    Args:
        common: texts that all rows share, such as the agent's addresses; they get no placeholder.
    """

    def __init__(self, common: Iterable[str]) -> None:
        self._common = frozenset(common)
        self._parts, self._ladders = _Numbers(MOST_PARTS), _Numbers(MOST_LADDERS)

    def row(self, line: str, story: str, host: str) -> str:
        """Return the row of a result, as JSON.

        Args:
            line: the result, as :func:`scanready.report.serialize.as_line` writes it.
            story: more about it, as ASCII JSON on one line.
            host: of its target.
        """
        text = f"{line}\n{story}"
        if "\\ue0" in text:
            return _encode([self._ladder(text), None])
        seconds: list[int] = []
        text = _SECONDS.sub(lambda found: found[1] + _millionths(found[2], seconds), text)
        name = json.dumps(host)[1:-1]
        if _is_replaced(name):
            text = text.replace(name, HOST)
        kept: dict[str, str] = {}
        tokens = _WITH_IPV6 if "::" in text else _USUAL
        text = tokens.sub(lambda found: self._kept(found[0], kept), text)
        return _encode([self._ladder(text), host, " ".join(kept), *seconds])

    def _kept(self, token: str, kept: dict[str, str]) -> str:
        if token in self._common or (token not in kept and len(kept) >= MOST_KEPT):
            return token
        return kept.setdefault(token, chr(ord(KEPT) + len(kept)))

    def _ladder(self, text: str) -> int | list[int | str]:
        """Return the number of the ladder, or its parts if it is new."""
        number, is_new = self._ladders.number(text)
        if number is not None and not is_new:
            return number
        shown: list[int | str] = []
        for part in _cut(text):
            number, is_new = self._parts.number(part)
            shown.append(part if number is None or is_new else number)
        return shown


def _cut(text: str) -> list[str]:
    """Cut a text into parts: a result by its members and checks, the story by its rungs, a ticket by its lines."""
    line, _, story = text.partition("\n")
    for beginning in _BEGINNINGS:
        line = line.replace(beginning, _CUT + beginning)
    rungs, asked, lines = story.partition('"asked":')
    rungs, lines = rungs.replace("],[", f"],{_CUT}["), lines.replace('","', f'",{_CUT}"')
    return f"{line}\n{_CUT}{rungs}{asked}{lines}".split(_CUT)


class _Numbers:
    """Number texts in their order; keep a digest of each, which is shorter than most texts."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[bytes, int] = {}

    def number(self, text: str) -> tuple[int | None, bool]:
        """Return the number of a text, and whether the text is new; the number is None if there are too many."""
        key = blake2b(text.encode(), digest_size=12).digest()
        if (known := self._known.get(key)) is not None:
            return known, False
        if len(self._known) >= self._most:
            return None, True
        self._known[key] = len(self._known)
        return len(self._known) - 1, True


class Unpacker:
    """Restore the texts of rows, in their order. The rows are untrusted input.

    Args:
        most: the most characters of all texts together.
        longest: the most characters of one result or story.
    """

    def __init__(self, most: int, longest: int) -> None:
        self._left, self._longest = most, longest
        self._parts: list[str] = []
        self._ladders: list[list[str]] = []

    def texts(self, row: Any) -> tuple[str, str]:
        """Return the line of a result, and its story.

        Raises:
            ValueError: the row is damaged or too long.
        """
        if not isinstance(row, list) or len(row) < 2:
            raise ValueError("a row of the page is damaged")
        parts = self._ladder(row[0])
        if row[1] is None:
            text = self._joined(parts)
        else:
            text = self._filled(parts, row[1], row[2] if len(row) > 2 else None, row[3:])
        line, _, story = text.partition("\n")
        return line, story

    def _filled(self, parts: list[str], host: Any, kept: Any, seconds: list[Any]) -> str:
        if not isinstance(host, str) or not isinstance(kept, str):
            raise ValueError("a row of the page is damaged")
        values = {HOST: json.dumps(host)[1:-1]}
        values |= {chr(ord(KEPT) + number): token for number, token in enumerate(kept.split(" ")[:MOST_KEPT])}
        coming = iter(seconds)

        def value(found: re.Match[str]) -> str:
            if found[0] == NEXT:
                return _as_seconds(next(coming, None))
            return values.get(found[0], found[0])

        longest = max(map(len, values.values()))
        pieces, length = list[str](), 0
        for part in parts:
            # A short part may contain a long host many times.
            length += len(part) + longest * len(_PLACEHOLDER.findall(part))
            if length > self._longest + self._longest:
                raise ValueError("a row of the page is too long")
            pieces.append(_PLACEHOLDER.sub(value, part))
        return self._joined(pieces)

    def _joined(self, pieces: list[str]) -> str:
        length = sum(map(len, pieces))
        self._left -= length
        if length > 2 * self._longest or self._left < 0:
            raise ValueError("a row of the page is too long, or all rows together are")
        return "".join(pieces)

    def _ladder(self, shown: Any) -> list[str]:
        if isinstance(shown, int) and 0 <= shown < len(self._ladders):
            return self._ladders[shown]
        if not isinstance(shown, list) or len(shown) > _MOST_IN_A_LADDER:
            raise ValueError("a row of the page is damaged")
        parts = [self._part(part) for part in shown]
        if len(self._ladders) < MOST_LADDERS:
            self._ladders.append(parts)
        return parts

    def _part(self, shown: Any) -> str:
        if isinstance(shown, int) and 0 <= shown < len(self._parts):
            return self._parts[shown]
        if not isinstance(shown, str):
            raise ValueError("a row of the page is damaged")
        if len(self._parts) < MOST_PARTS:
            self._parts.append(shown)
        return shown


def _is_replaced(name: str) -> bool:
    """Return True if the script can read a template without this host: the host is no key and no number."""
    is_number = _NUMBER.fullmatch(name) and not _ADDRESS.fullmatch(name)
    return len(name) > 2 and not is_number and name not in _STRUCTURE


def _millionths(text: str, seconds: list[int]) -> str:
    number = round(float(text) * 1e6)
    if _as_seconds(number) != text:
        return text
    seconds.append(number)
    return NEXT


def _as_seconds(number: Any) -> str:
    if not isinstance(number, int) or not 0 <= number < 10**15:
        raise ValueError("a row of the page is damaged")
    return repr(number / 1e6)


def _encode(row: list[Any]) -> str:
    return harmless_json(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
