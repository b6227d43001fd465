"""Unknown values for the fields that the codecs declare, put into messages that servers sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import scanready.wire
from scanready.wire.fields import Field, Length, Role

WIRE = Path(scanready.wire.__file__).parent
#: Modules of the folder that are no codec, and the two codecs that read numbers without a list of values: the public
#: value of a key exchange (any), and sizes in the records of a TLS handshake (OpenSSL judges it).
_NO_CODECS = {"__init__", "buffer", "fields", "printable", "reading", "xdr", "drda_encryption", "tls_key_exchange"}
#: Codecs of several files, with one table.
_OF_FILES = {"http"}


def _codec(path: Path) -> str:
    name = path.relative_to(WIRE).with_suffix("").as_posix().replace("/", ".")
    package = name.partition(".")[0]
    return package if package in _OF_FILES else name


CODECS = sorted({_codec(path) for path in WIRE.rglob("*.py") if path.stem not in _NO_CODECS})


def fields_of(codec: str) -> tuple[Field, ...]:
    """The table of a codec."""
    table: tuple[Field, ...] = import_module(f"scanready.wire.{codec}").FIELDS
    return table


@dataclass(frozen=True)
class Change:
    """One change of the bytes of a server: a value replaced, or a member added to a list."""

    field: Field
    what: str
    place: int = 0
    value: bytes = b""

    def __str__(self) -> str:
        return f"{self.field.name} {self.what}"

    def apply(self, message: bytes) -> bytes:
        """Return the changed message; the same one if the field is not in it."""
        places = list(self.field.places(message))
        if self.place >= len(places):
            return message
        start, end = places[self.place]
        if self.field.role is Role.OFFER:
            return _added(message, self.field, start, end)
        return message[:start] + self.value + message[end:]


def changes(field: Field, message: bytes) -> Iterator[Change]:
    """Yield the changes of a field in a message: at each of its places three unknown values, or one member."""
    for place, (start, end) in enumerate(field.places(message)):
        if field.role is Role.OFFER:
            yield Change(field, f"with {field.member!r}", place)
            continue
        for value in unknown_values(field, message[start:end]):
            if value == message[start:end]:
                continue
            yield Change(field, f"is {value.hex()}", place, value)


def unknown_values(field: Field, present: bytes) -> list[bytes]:
    """Three values that a field of this size can have and that are not known: the next, a reserved and the highest."""
    if field.unknown:
        return list(field.unknown)
    if field.of_words:
        return _words(field, present)
    numbers = _flags(field, present) if field.flags else _numbers(field, len(present))
    return [number.to_bytes(len(present), field.order) for number in dict.fromkeys(numbers)]


def _words(field: Field, present: bytes) -> list[bytes]:
    if present.isdigit():
        made = [b"7" * len(present), b"8" * len(present), b"9" * len(present)]
    elif present.isalnum() or present.replace(b"_", b"").isalnum():
        made = [b"x" * len(present), b"reserved"[: len(present)].ljust(len(present), b"q"), b"z" * len(present)]
    else:
        made = [bytes(octet ^ 0x10 for octet in present), b"\x01" * len(present), b"\xff" * len(present)]
    known = {word.upper() for word in field.known if isinstance(word, bytes)}
    return [word for word in made if word.upper() not in known and word != present]


def _numbers(field: Field, size: int) -> list[int]:
    known = {number for number in field.known if isinstance(number, int)}
    most = (1 << 8 * size) - 1
    higher = next((number for number in range(max(known) + 1, max(known) + 300) if number <= most), None)
    gap = next((number for number in range(max(known)) if number not in known), None)
    top = next((most - less for less in range(300) if most - less not in known), None)
    second = next((most - less for less in range(1, 300) if most - less not in known and most - less != top), None)
    found = [number for number in (higher, gap, top, second) if number is not None]
    return found[:3] if len(set(found[:3])) == 3 else list(dict.fromkeys(found))[:3]


def _flags(field: Field, present: bytes) -> list[int]:
    number = int.from_bytes(present, field.order)
    known = 0
    for bit in field.known:
        assert isinstance(bit, int)
        known |= bit
    free = [1 << bit for bit in range(8 * len(present)) if not known >> bit & 1]
    return [number | free[0], number | free[len(free) // 2], number | sum(free)] if free else []


def _added(message: bytes, field: Field, start: int, end: int) -> bytes:
    """Add the member behind the last one, and let grow what counts it."""
    grown = bytearray(message)
    for length in field.lengths:
        _grow(grown, length, message, start, len(field.member))
    return bytes(grown[:end]) + field.member + bytes(grown[end:])


def _grow(grown: bytearray, length: Length, message: bytes, before: int, size: int) -> None:
    if length.of_carrier and not re.search(length.pattern, message, re.DOTALL):
        return
    found = [place for place in re.finditer(length.pattern, message, re.DOTALL) if place.end(1) <= before]
    assert found, f"no length {length.pattern!r} in {message.hex()}"
    start, end = found[-1].span(1)
    number = int.from_bytes(message[start:end], length.order) + (1 if length.counts else size)
    grown[start:end] = number.to_bytes(end - start, length.order)
