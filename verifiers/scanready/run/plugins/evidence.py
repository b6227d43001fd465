"""Bound the evidence that another package's verifier records, and hold its facts to their declarations.

A remark on the check tells its authors about each part that is left out or cut; a failed check tells everybody where
checks are left out. A check that failed is left out last, so that no verdict gets better by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from scanready.catalogue import TargetType
from scanready.catalogue import facts as vocabulary
from scanready.catalogue.facts import Fact
from scanready.model import Check, Finding, Outcome
from scanready.wire.printable import visible

from .attempt import attempted

#: Facts of a check, values of a list or an object, and characters of a text; each of these is cut there.
MOST_FACTS, MOST_VALUES, LONGEST_TEXT = 200, 1000, 4096
#: Characters of a literal fix. A longer one is left out: half a line is no fix.
LONGEST_FIX = 16_384
#: Characters of all facts of a climb. A fact that does not fit is left out.
MOST_OF_FACTS = 262_144
#: Bits of a whole number: those of a large public key. Python writes no number of more than 4,300 digits.
MOST_BITS = 4096
#: The cost of a value besides its characters, and how deep values may be nested.
_EACH, _DEEPEST = 16, 6
#: Remarks on one check.
_MOST_REMARKS = 10
#: The facts whose names all types share: no package gives one of them another type.
_SHARED = {
    **{fact.name: fact for fact in vars(vocabulary).values() if isinstance(fact, Fact)},
    **{fact.name: fact for fact in vocabulary.TLS},
}


def surplus(checks: list[Check], most: int) -> str:
    """Leave out the checks beyond ``most``, and say how many; empty if there are no more."""
    count = len(checks)
    if count <= most:
        return ""
    first = sorted(range(count), key=lambda place: _rank(checks[place]))[:most]
    checks[:] = [checks[place] for place in sorted(first)]
    return (
        f"the verifier recorded {count} checks, of which {count - most} are left out, those that failed last; "
        f"record at most {most}"
    )


def _rank(check: Check) -> int:
    """Return how much a verdict rests on a check, 0 the most."""
    match check:
        case Check(outcome=Outcome.FAILED, tentative=False, finding=Finding() as found) if found.cause.definite:
            return 0
        case Check(outcome=Outcome.FAILED):
            return 1
        case Check(outcome=Outcome.WARNED):
            return 2
        case Check(outcome=Outcome.PASSED):
            return 3
        case _:
            return 4


class Evidence:
    """Reads the checks of one climb, one after another, and cuts them to their bounds.

    Args:
        row: the target's type, which declares its facts.
    """

    def __init__(self, row: TargetType) -> None:
        self._left = MOST_OF_FACTS
        self._declared = {**_SHARED, **{fact.name: fact for fact in row.facts}}
        own = {fact.name for fact in row.facts}
        #: A bare coroutine has no module that could declare any: whatever its name, a fact of it is no mistake.
        self._may_state = own if row.home else None

    def bound(self, check: Check) -> list[str]:
        """Cut a check to its bounds, and leave out facts of a wrong type; return the remarks on it."""
        remarks = list(self._texts(check))
        kept: dict[str, Any] = {}
        for place, (name, value) in enumerate(check.facts.items()):
            if place >= MOST_FACTS:
                remarks.append(f"{len(check.facts) - place} facts are left out; state at most {MOST_FACTS} in a check")
                break
            remark, left_out = self._judge(name, value)
            if remark:
                remarks.append(remark)
            if not left_out:
                self._keep(kept, name, value, remarks)
        check.facts = kept
        more = len(remarks) - _MOST_REMARKS
        return [*remarks[:_MOST_REMARKS], *([f"and {more} more remarks"] if more > 0 else [])]

    def _judge(self, name: Any, value: Any) -> tuple[str, bool]:
        """Return what is wrong with a fact, empty if nothing is; and whether it is left out."""
        if (bits := max(_bits(name), _bits(value))) > MOST_BITS:
            wanted = f"state one of at most {MOST_BITS}, or its digest"
            return f"the fact {_named(name)} is left out: it has a whole number of {bits} bits; {wanted}", True
        if not isinstance(name, str):
            return "", False  # its name is made text as every other text is
        fact = self._declared.get(name)
        if fact is not None and not fact.accepts(value):
            null = " or None" if fact.nullable else ""
            wanted = f"write {'an' if fact.type.startswith(('i', 'o')) else 'a'} {fact.type}{null}"
            return f"the fact {_named(name)} is left out: it is a value of {type(value).__name__}; {wanted}", True
        if self._may_state is not None and name not in self._may_state:
            return f"the fact {_named(name)} is declared nowhere; declare it in FACTS of the module facts", False
        return "", False

    def _keep(self, kept: dict[str, Any], name: str, value: Any, remarks: list[str]) -> None:
        cut = _cut(value)
        size = _size(name) + _size(cut)
        if size > self._left:
            remarks.append(f"the fact {_named(name)} is left out: the facts have more than {MOST_OF_FACTS} characters")
            return
        self._left -= size
        kept[name[:LONGEST_TEXT] if isinstance(name, str) else name] = cut
        if _count(value) > MOST_VALUES:
            remarks.append(
                f"the fact {_named(name)} is cut: it has {_count(value)} values; state {MOST_VALUES} at most"
            )

    def _texts(self, check: Check) -> Iterator[str]:
        """Cut the texts of a check; yield a remark on each that is cut."""
        for name in ("summary", "endpoint", "trace", "remarks"):
            text: str = getattr(check, name)
            if len(text) > LONGEST_TEXT:
                setattr(check, name, _short(text))
                yield f"the {name} is cut: it has {len(text)} characters; write {LONGEST_TEXT} at most"
        if check.events is not None:
            check.events = [event[:LONGEST_TEXT] for event in check.events[:MOST_VALUES]]
        found = check.finding
        if found is None:
            return
        detail, fix = found.detail, found.fix
        if len(detail) > LONGEST_TEXT:
            yield f"the detail is cut: it has {len(detail)} characters; write {LONGEST_TEXT} at most"
            detail = _short(detail)
        if fix is not None and len(fix) > LONGEST_FIX:
            yield f"the fix is left out: it has {len(fix)} characters; write {LONGEST_FIX} at most"
            fix = None
        also = tuple((owner, one) for owner, one in found.also[:MOST_VALUES] if len(one) <= LONGEST_FIX)
        check.finding = replace(found, detail=detail, fix=fix, also=also)


def _named(name: Any) -> str:
    text, _ = attempted(str, name)
    return f"`{visible((text or 'of a number')[:LONGEST_TEXT], 60)}`"


def _short(text: str) -> str:
    return f"{text[:LONGEST_TEXT]}... ({len(text) - LONGEST_TEXT} more characters)"


def _count(value: Any) -> int:
    """Return how many values the largest list or object of a fact has."""
    if isinstance(value, Mapping):
        return max((len(value), *map(_count, list(value.values())[:MOST_VALUES])))
    if isinstance(value, list | tuple | set | frozenset):
        return max((len(value), *map(_count, list(value)[:MOST_VALUES])))
    return 0


def _bits(value: Any, depth: int = 0) -> int:
    """Return how many bits the largest whole number of a fact has, among those that are kept of it."""
    match value:
        case int():
            return value.bit_length()
        case Mapping() if depth < _DEEPEST:
            return _most_bits([one for item in islice(value.items(), MOST_VALUES) for one in item], depth)
        case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            return _most_bits(islice(value, MOST_VALUES), depth)
        case _:
            return 0


def _most_bits(values: Iterable[Any], depth: int) -> int:
    return max((_bits(one, depth + 1) for one in values), default=0)


def _cut(value: Any, depth: int = 0) -> Any:
    """Return a fact with its texts, lists and objects cut to their bounds; itself if it keeps to them."""
    match value:
        case str():
            return _short(value) if len(value) > LONGEST_TEXT else value
        case bytes() | bytearray():
            return value[:LONGEST_TEXT]
        case bool() | int() | float() | None:
            return value
        case Mapping() if depth < _DEEPEST:
            items = list(value.items())[:MOST_VALUES]
            return {_cut(name, depth + 1): _cut(one, depth + 1) for name, one in items}
        case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
            cut = [_cut(one, depth + 1) for one in list(value)[:MOST_VALUES]]
            return value if cut == list(value) else cut
        case _:
            text, error = attempted(str, value)
            return value if error or len(text) <= LONGEST_TEXT else _short(text)


def _size(value: Any) -> int:
    """Return the characters of a value that is cut, with `_EACH` for itself and for every value within it."""
    match value:
        case str() | bytes() | bytearray():
            return _EACH + len(value)
        case Mapping():
            return _EACH + sum(_size(name) + _size(one) for name, one in value.items())
        case list() | tuple() | set() | frozenset():
            return _EACH + sum(map(_size, value))
        case _:
            return 4 * _EACH
