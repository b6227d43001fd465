"""Compare what an import found with an inventory that is there: new, missing, different. Nothing is written.

Only what the foreign list says is compared: a list without accounts has no other account than the inventory. A name and
an address are one host if the list says so; no name is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from scanready.model import Target, bracketed
from scanready.net.hosts import hosts_of
from scanready.run.target_name import ANY, visible_name
from scanready.wire.printable import visible

from .found import Entry, Imported


@dataclass(frozen=True, slots=True)
class Pair:
    """A target that both have, with what differs in words; nothing if they agree."""

    entry: Entry
    target: Target
    differs: tuple[str, ...] = ()


@dataclass(slots=True)
class Difference:
    """Targets that only the import has, that only the inventory has, and that both have."""

    new: list[Entry] = field(default_factory=list)
    missing: list[Target] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)

    @property
    def changed(self) -> list[Pair]:
        """Return the targets of both that differ."""
        return sorted((pair for pair in self.pairs if pair.differs), key=lambda pair: pair.entry.line)


def compare(found: Imported, targets: Sequence[Target]) -> Difference:
    """Return the difference between an import and the targets of an inventory, read without secrets."""
    known = _Known(targets)
    result = Difference()
    waiting = []
    for entry in found.entries:
        if (target := known.take_equal(entry)) is not None:
            result.pairs.append(Pair(entry, target, tuple(_differences(found, entry, target))))
        else:
            waiting.append(entry)
    for entry in waiting:
        if (target := known.take_alike(entry)) is not None:
            result.pairs.append(Pair(entry, target, tuple(_differences(found, entry, target))))
        else:
            result.new.append(entry)
    result.missing = known.rest()
    return result


class _Known:
    """The targets of an inventory; each is taken once by a target of the import."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = targets
        self._taken: set[int] = set()
        self._by_host: dict[str, list[Target]] = {}
        self._by_type: dict[tuple[str, str], list[Target]] = {}
        for target in targets:
            self._by_host.setdefault(_name(target.host), []).append(target)
            self._by_type.setdefault((_name(target.host), target.type), []).append(target)

    def take_equal(self, entry: Entry) -> Target | None:
        """Take what is the same target; a host without a type is each of its types, in either list."""
        if entry.network:
            return self._take_network(entry)
        if not entry.type:
            there = [one for one in self._by_host.get(_name(entry.host), []) if entry.port in (None, one.port)]
            self._taken.update(id(one) for one in there)
            return there[0] if there else None
        there = self._by_type.get((_name(entry.host), entry.type), [])
        return self._take(one for one in there if one.port == entry.used_port and _has_options(one, entry))

    def take_alike(self, entry: Entry) -> Target | None:
        """Take the target of the same type on the same host, whatever its port, or on another name of the host."""
        if entry.network or not entry.type:
            there = [one for name in entry.also for one in self._by_host.get(_name(name), [])]
            return None if entry.type or entry.network else self._take(there)
        hosts = (entry.host, *entry.also)
        return self._take(one for host in hosts for one in self._by_type.get((_name(host), entry.type), []))

    def _take(self, candidates: Iterable[Target]) -> Target | None:
        for one in candidates:
            if id(one) not in self._taken:
                self._taken.add(id(one))
                return one
        return None

    def _take_network(self, entry: Entry) -> Target | None:
        there = [self._by_host.get(_name(host), []) for host in hosts_of(ip_network(entry.host))]
        if not there or not all(there):
            return None
        self._taken.update(id(target) for targets in there for target in targets)
        return there[0][0]

    def rest(self) -> list[Target]:
        """Return those that nothing took; of a host without a type, one stands for all."""
        shown: set[str] = {_name(one.host) for one in self._targets if one.guessed and id(one) in self._taken}
        rest = []
        for target in self._targets:
            if id(target) in self._taken or (target.guessed and _name(target.host) in shown):
                continue
            rest.append(target)
            if target.guessed:
                shown.add(_name(target.host))
        return rest


def _name(host: str) -> str:
    return host.removesuffix(".").lower()


def _has_options(target: Target, entry: Entry) -> bool:
    return all(_same(target.options.get(name), value) for name, value in entry.options.items())


def _same(one: object, other: str) -> bool:
    return one is not None and str(one).lower() == other.lower()


def _differences(found: Imported, entry: Entry, target: Target) -> Iterator[str]:
    """Yield each field in which they differ, as ``field: inventory -> import``."""
    if _name(entry.host) != _name(target.host) and not entry.network:
        yield _change("host", target.host, entry.host)
    if entry.type and entry.used_port != target.port:
        yield _change("port", str(target.port), str(entry.used_port))
    for name, value in entry.options.items():
        if not _same(target.options.get(name), value):
            yield _change(name, _text(target.options, name), value)
    if entry.credential and (target.credential is None or target.credential.username):  # else only agents know it
        user = found.credentials[entry.credential][0]
        known = target.credential.username if target.credential else None
        if (known or "").lower() != user.lower():
            yield _change("user", known or "none", user)
    if entry.tags and set(entry.tags) != set(target.tags):
        yield _change("tags", ", ".join(target.tags) or "none", ", ".join(entry.tags))


def _text(options: Mapping[str, object], name: str) -> str:
    return str(options[name]) if name in options else "none"


def _change(what: str, there: str, here: str) -> str:
    return f"{what}: {visible(there, 80)} -> {visible(here, 80)}"


# as text -------------------------------------------------------------------------------------------------------------


def as_text(difference: Difference, imported: str, inventory: str) -> str:
    """Return the difference for people: ``+`` is new, ``-`` is missing, ``~`` differs."""
    return "".join(f"{line}\n" for line in _lines(difference, visible(imported, 200), visible(inventory, 200)))


def _lines(difference: Difference, imported: str, inventory: str) -> Iterator[str]:
    changed = difference.changed
    if difference.new:
        yield f"In {imported}, not in {inventory} ({len(difference.new)}):"
        for entry in difference.new:
            guess = f"; guess: {visible(entry.guess, 160)}" if entry.guess else ""
            yield f"  + {_entry_name(entry)}  line {entry.line}{guess}"
    if difference.missing:
        yield f"In {inventory}, not in {imported} ({len(difference.missing)}):"
        for target in difference.missing:
            yield f"  - {_target_name(target)}{_place(target)}"
    if changed:
        yield f"Different, as {inventory} -> {imported} ({len(changed)}):"
        for pair in changed:
            yield f"  ~ {_target_name(pair.target)}{_place(pair.target)}; line {pair.entry.line}"
            yield from (f"      {one}" for one in pair.differs)
    same = len(difference.pairs) - len(changed)
    yield f"The same in both: {same}"


def _place(target: Target) -> str:
    return f"  {visible(target.source, 200)}" if target.source else ""


def _target_name(target: Target) -> str:
    return f"{ANY}://{bracketed(target.host)}" if target.guessed else visible_name(target)


def _entry_name(entry: Entry) -> str:
    if entry.network:
        return visible(entry.host)
    if not entry.type:
        return f"{ANY}://{bracketed(entry.host)}{f':{entry.port}' if entry.port else ''}"
    return visible_name(Target(entry.host, entry.type, entry.used_port or 0, dict(entry.options)))
