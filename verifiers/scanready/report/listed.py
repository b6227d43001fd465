"""List many targets on few lines: consecutively numbered hosts become one word (``ssh://web[01-40].corp:22``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Fewer than these in a row are easier to read one by one.
_LEAST = 3
#: Words on the list; further targets are counted.
MOST = 40
#: The last part of an IPv4 address, or the last number of a host's first label.
_NUMBERED = re.compile(
    r"(?P<before>[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(?:(?:\d{1,3}\.){3}|[^/?#.:\[\]]*(?<!\d)))(?P<number>\d{1,9})"
    r"(?P<after>[^\d/?#.:\[\]]*(?:\.[^/?#:]*[a-z][^/?#:]*)?(?::\d+)?(?:[/?#].*)?)",
    re.DOTALL,
)


def listed(names: Iterable[str], most: int = MOST) -> str:
    """Return the names of targets in their order, joined by commas, with each range as one word.

    Args:
        names: URLs of targets.
        most: words on the list; further targets are counted.
    """
    words = _ranges(list(dict.fromkeys(names)))
    text = ", ".join(word for word, _ in words[:most])
    left = sum(count for _, count in words[most:])
    return f"{text} and {left} more" if left else text


def _ranges(names: Sequence[str]) -> list[tuple[str, int]]:
    """Return the words, each with its number of targets, in the order of the first target of each."""
    families: dict[tuple[str, str], list[_Numbered]] = {}
    words: dict[int, tuple[str, int]] = {}
    for place, name in enumerate(names):
        if found := _NUMBERED.fullmatch(name):
            member = _Numbered(int(found["number"]), found["number"], place)
            families.setdefault((found["before"], found["after"]), []).append(member)
        else:
            words[place] = name, 1
    for (before, after), members in families.items():
        for run in _runs(sorted(members, key=lambda member: (member.value, member.text))):
            if len(run) >= _LEAST:
                span = f"[{run[0].text}-{run[-1].text}]"
                words[min(member.place for member in run)] = f"{before}{span}{after}", len(run)
            else:
                words |= {member.place: (names[member.place], 1) for member in run}
    return [words[place] for place in sorted(words)]


@dataclass(frozen=True, slots=True)
class _Numbered:
    value: int
    text: str
    place: int

    def comes_before(self, other: _Numbered) -> bool:
        """Return True if the other number is the next one in the same padding: 9 and 10, 09 and 10; not 09 and 010."""
        padded = self.text.startswith("0") or other.text.startswith("0")
        return other.value == self.value + 1 and (not padded or len(self.text) == len(other.text))


def _runs(members: Sequence[_Numbered]) -> list[list[_Numbered]]:
    """Group the members with consecutive numbers."""
    runs = [[members[0]]]
    for before, member in pairwise(members):
        if before.comes_before(member):
            runs[-1].append(member)
        else:
            runs.append([member])
    return runs
