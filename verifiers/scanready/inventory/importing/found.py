"""Hold the result of an import: targets with their lines, skipped entries with reasons, and notes for the review."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from scanready.catalogue.wrong import Wrong, shown
from scanready.inventory.options import also_called, is_secretive
from scanready.inventory.problems import InventoryError, Problem
from scanready.inventory.targets import in_other_notation
from scanready.model import DeclaredAgent
from scanready.net.hosts import clean_host, host_and_port, port_in_range
from scanready.run.registry import catalogue

#: The kinds of files, by the words of ``--from``.
KINDS: Mapping[str, str] = {
    "nmap": "nmap XML (nmap -oX)",
    "ansible": "an Ansible inventory in JSON (ansible-inventory --list)",
    "csv": "a table (CSV), such as a CMDB export",
    "hosts": "a list with one host or target per line",
    "etc-hosts": "a hosts file such as /etc/hosts",
}
#: The most targets of an import; an inventory holds no more, and a larger file must be split.
MOST = 100_000
#: The most skipped entries that are listed one by one.
MOST_LEFT = 1000
# A part of a word this short may occur in a message by chance.
_SHORT = 2


@dataclass(slots=True)
class Entry:
    """One target of the new inventory. Without ``type`` every type is tried. ``guess`` says what is uncertain.

    ``also`` are other names and addresses of the host. ``agents`` and ``sites`` say who checks it; all agents if both
    are empty.
    """

    host: str
    line: int
    type: str = ""
    port: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    credential: str = ""
    tags: tuple[str, ...] = ()
    guess: str = ""
    about: str = ""
    network: bool = False
    also: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """The identity of the target in an inventory."""
        return self.name, self.type, self.used_port, tuple(sorted(self.options.items()))

    @property
    def name(self) -> str:
        """The host; a dot at its end names no other one."""
        return self.host.removesuffix(".")

    @property
    def used_port(self) -> int | None:
        """Its own port, else its type's."""
        row = catalogue().get(self.type)
        return self.port or (row.port if row else None)


@dataclass(frozen=True, slots=True)
class Left:
    """An entry that was not imported, with the reason; ``hosts`` is the number of such hosts, ``last`` the last."""

    line: int
    what: str
    why: str
    hosts: int = 1
    last: str = ""


@dataclass(slots=True)
class Imported:
    """The result of an import. ``credentials`` are user names by credential name, with the line of their first use.

    ``place`` is what a source counts: lines, or the results of a run. ``agents`` are those that the inventory declares.
    """

    kind: str
    file: str
    entries: list[Entry] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    credentials: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    left_more: int = 0
    place: str = "line"
    agents: list[DeclaredAgent] = field(default_factory=list)
    _alike: dict[str, int] = field(default_factory=dict)
    _known: dict[tuple[object, ...], Entry] = field(default_factory=dict)
    _noted: set[str] = field(default_factory=set)

    def add(self, entry: Entry) -> None:
        """Keep a target; one that is there already gets its further tags, and its account.

        Raises:
            InventoryError: there are too many.
        """
        if len(self.entries) >= MOST:
            raise InventoryError([Problem(f"more than {MOST:,} targets: split it", self.file, entry.line)])
        row = catalogue().get(entry.type)
        if row is not None and entry.port == row.port:
            entry.port = None  # the type's own port is left out
        known = self._known.setdefault(entry.key, entry)
        if known is entry:
            self.entries.append(entry)
        elif entry.credential and known.credential and entry.credential != known.credential:
            self.leave(entry.line, entry.host, f"the same target as in {self.place} {known.line}, with another account")
        else:
            known.credential = known.credential or entry.credential
            known.tags = tuple(dict.fromkeys((*known.tags, *entry.tags)))
            known.agents = tuple(dict.fromkeys((*known.agents, *entry.agents)))

    def leave(self, line: int, what: str, why: str) -> None:
        """Note a skipped entry; do not repeat parts that may be secret, before an ``@`` or after a ``?``."""
        if len(self.left) < MOST_LEFT:
            name, _, value = what.partition("=")
            parts = re.split(r"[:/@]", what.rpartition("@")[0]) + [value] * is_secretive(name)
            reveals = any(len(part) > _SHORT and part in why for part in parts) and why != in_other_notation(what)
            self.left.append(Left(line, unrevealing(what), "refused (and not repeated)" if reveals else why))
        else:
            self.left_more += 1

    def leave_alike(self, line: int, host: str, why: str) -> None:
        """Note a host skipped for a common reason; all hosts with one reason share a line."""
        place = self._alike.get(why)
        if place is None:
            self._alike[why] = len(self.left)
            self.left.append(Left(line, unrevealing(host), why))
        else:
            first = self.left[place]
            self.left[place] = replace(first, hosts=first.hosts + 1, last=unrevealing(host))

    @property
    def skipped(self) -> int:
        """The number of entries that were not imported."""
        return sum(one.hosts for one in self.left) + self.left_more

    def note(self, text: str) -> None:
        """Note something for the review, once."""
        if len(self._noted) < MOST_LEFT and text not in self._noted:
            self._noted.add(text)
            self.remarks.append(text)

    def account(self, name: str, user: str, line: int, hint: str = "") -> str:
        """Define a credential by its user name and return its name; the user adds a reference to its secret."""
        self.credentials.setdefault(name, (user, line, hint))
        return name

    @property
    def guesses(self) -> int:
        """The number of targets that rest on a guess."""
        return sum(bool(entry.guess) for entry in self.entries)


def unrevealing(word: str) -> str:
    """Return a word of a foreign file for a message, without a part that may be a secret."""
    if "@" in word:
        return "a word with a user name in it"
    name, equals, _ = word.partition("=")
    if equals and is_secretive(name):
        return f"{name}=..."
    settings = word.partition("?")[0].split("=")
    secret = next((place for place, name in enumerate(settings[:-1]) if is_secretive(name)), None)
    return "=".join(settings) if secret is None else "=".join((*settings[: secret + 1], "..."))


def host_of(text: str) -> str:
    """Return a host as the inventory writes it.

    Raises:
        Wrong: it is none.
    """
    return clean_host(text)


def host_and_its_port(text: str) -> tuple[str, int | None]:
    """Return ``HOST`` or ``HOST:PORT``; an IPv6 address may stand without brackets here.

    Raises:
        Wrong: it is neither.
    """
    try:
        if text.count(":") > 1 and not text.startswith("["):
            return clean_host(text), None
        return host_and_port(text)
    except Wrong:
        if written := in_other_notation(text):
            raise Wrong(written) from None
        raise


def port_of(text: str) -> int | None:
    """Return a port, or None for an empty field. Spreadsheets write 5432.0.

    Raises:
        Wrong: it is none.
    """
    plain = text.strip().removesuffix(".0").removesuffix("/tcp")
    if not plain:
        return None
    if not plain.isascii() or not plain.isdigit() or len(plain) > 5:
        raise Wrong(f"{shown(unrevealing(text))} is no port: one number is wanted, 1 to 65535")
    return port_in_range(int(plain))


def type_called(word: str) -> str:
    """Return the type that users call by this word, or an empty text."""
    plain = " ".join(word.lower().replace("_", " ").replace("/", " ").split())
    return plain if plain in catalogue() else also_called(plain)


def options_of(type_: str, named: Mapping[str, str]) -> dict[str, str]:
    """Return those of the values that are options of this type.

    Raises:
        Wrong: a value that the option cannot have.
    """
    row = catalogue().get(type_)
    options = {option.name: option for option in row.options} if row else {}
    return {name: str(options[name].read(name, value)) for name, value in named.items() if value and name in options}


def tags_of(words: Iterable[str]) -> tuple[str, ...]:
    """Return words as tags: printable, short, each once."""
    clean = (" ".join(word.split()) for word in words)
    return tuple(dict.fromkeys(word for word in clean if word and word.isprintable() and len(word) <= 100))
