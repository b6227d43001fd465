"""Read the cells of a table that name a machine: its addresses, its types and its status."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from scanready.catalogue.wrong import Wrong, shown
from scanready.inventory.options import port_of_target, type_row
from scanready.inventory.targets import in_other_notation
from scanready.net.hosts import refuse_range
from scanready.run.registry import catalogue

from .columns import is_blank, plain_word
from .found import host_and_its_port, type_called, unrevealing
from .lines import LOCAL_NAMES
from .systems import type_of_system

_WRITE_ANOTHER = "write a type that `scanready types` lists, or add --map type= to ignore the column"
#: Cells with more names than this are prose.
_MOST_NAMES = 32
#: Words for a machine of any kind: they say no target type.
_ANY_MACHINE = frozenset(
    {
        *("server", "servers", "computer", "virtual", "machine", "vm", "host", "hosts", "physical", "device"),
        *("instance", "node", "system", "rack", "blade", "cmdb", "ci", "db", "database", "app", "hardware"),
        *("virtueller", "virtuelle", "maschine", "rechner", "serveur", "serveurs", "ordinateur", "virtuelle"),
        *("servidor", "equipo", "maquina", "virtual", "fisico", "physique", "dbms", "datenbank", "workstation"),
        *("laptop", "notebook", "desktop", "pc", "client", "portable", "tower", "appliance", "asset"),
    }
)
#: Words for things that are no target, each with the kind of thing.
_NO_HOST = {
    **dict.fromkeys(("printer", "drucker", "imprimante", "impresora", "multifunction", "plotter"), "a printer"),
    **dict.fromkeys(("switch", "router", "netgear", "firewall", "gateway", "routeur", "balancer"), "a network device"),
    **dict.fromkeys(("wlan", "wap", "pare", "cortafuegos", "network"), "a network device"),
    **dict.fromkeys(("phone", "telephone", "telefon", "smartphone", "tablet", "mobile"), "a telephone"),
    **dict.fromkeys(("monitor", "display", "ups", "usv", "pdu", "camera", "webcam", "scanner"), "a device"),
    **dict.fromkeys(("license", "lizenz", "software", "contract", "vertrag", "person", "raum", "room"), "no machine"),
}
#: Words of a status by which a machine is gone, or not there yet.
_NOT_IN_USE = re.compile(
    r"\b(retired|decommission\w*|disposed|absent|stolen|archived|archiviert|ausgemustert|verschrottet|hors service"
    r"|ausser betrieb|au(?:ss|s)er betrieb|retire|fuera de servicio|retirado|baja|in stock|planned|geplant|inventory"
    r"|failed|end of life|eol|non operational|dismess[oa]"
    r"|out of service|not in service|not in use|inactive|offline|off line|scrapped|deactivated"
    r"|(?:powered|switched|turned) ?off|shut ?down"
    r"|stillgelegt|inaktiv|deaktiviert|ausgeschaltet|abgeschaltet|ausgesondert|entsorgt"
    r"|(?:mise?|mettre) au rebut|inacti(?:f|ve)|desactivee?|hors ligne|hors tension|hors d usage|eteinte?|retiree"
    r"|inactiv[oa]|desactivad[oa]|apagad[oa]|fuera de linea|retirada|desechad[oa]"
    r"|inattiv[oa]|disattivat[oa]|spent[oa]|fuori servizio|fuori linea|non in linea|rottamat[oa])\b"
)
#: Words of a status by which a machine still runs, although it will be retired or has a plan for it.
_STILL_IN_USE = re.compile(
    r"\b(?:(?:to be|to|will be|pending|awaiting|(?:scheduled|planned|marked|due) for|not yet|wird|sera|sara)"
    r" (?:retired?|decommission\w*|deactivated|(?:switched|powered|turned) off|shut ?down|ausgemustert|stillgelegt"
    r"|abgeschaltet|deaktiviert|ausser betrieb|mise? au rebut|mise? hors service|retiree|desactivee?"
    r"|retirad[oa]|desactivad[oa]|dad[oa] de baja|dismess[oa]|disattivat[oa])"
    r"|a mettre (?:au rebut|hors service)"
    r"|(?:decommission\w*|stilllegung|ausserbetriebnahme) (?:is |ist )?(?:pending|planned|scheduled|geplant))\b"
)


#: Words beside the name of a product that say which one of it: 2019, 19c, 12cR2, v15, SP3, LUW.
_VERSION = re.compile(
    r"(?:v|r|sp|cu|fp|ru)?[0-9]+[a-z]{0,2}[0-9]*|version|release|edition|enterprise|standard|express|developer"
    r"|community|luw|x64|64bit"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row's machine is: a host, a port that stood beside it, its other names, and a guess about it."""

    host: str
    port: int | None = None
    also: tuple[str, ...] = ()
    guess: str = ""


def not_in_use(status: str) -> str:
    """Return why a machine of this status is not imported; empty if it is."""
    gone = _NOT_IN_USE.search(_STILL_IN_USE.sub("", plain_word(status)))
    return f"its status is {shown(status)}" if gone else ""


def places_of(names: Sequence[str], addresses: Sequence[str], titles: Sequence[str]) -> list[Place]:
    """Return the machines of one row: several names in a cell are several, several addresses are one's.

    Args:
        names: cells that name hosts, the best first.
        addresses: cells of addresses; a name counts there only with a domain, since a street is an address, too.
        titles: cells of the names of things, which may be those of hosts.

    Raises:
        Wrong: no cell has a host that can be used.
    """
    wrong: list[str] = []
    every = [found for cell in addresses if (found := _read(cell, wrong, _is_address_or_fqdn))]
    addressed = _of_addresses([one for found in every for one in found], wrong)
    for cell in names:
        if found := _read(cell, wrong, _anything):
            return _of_names(found, addressed)
    if addressed:
        return [Place(addressed.host, addressed.port, (*addressed.also, *_spare((*names, *titles))), addressed.guess)]
    for cell in titles:
        if found := _read(cell, wrong, _anything):
            guess = "the name of the asset was taken as the host name"
            return [Place(one.host, one.port, guess=guess) for one in _of_names(found, None)]
    raise Wrong(*(wrong[:1] or ["its columns have no host and no address"]))


def _read(cell: str, wrong: list[str], fits: object) -> list[Place]:
    """The hosts of a cell; none if it is not a list of hosts, with the reason."""
    found = []
    try:
        words = _words(cell)
        for word in words if len(words) <= _MOST_NAMES else []:
            host, port = host_and_its_port(_without_mask(word))
            if callable(fits) and not fits(host):
                wrong.append(f"{shown(unrevealing(cell))} is not an address")
                return []
            found.append(Place(host, port))
    except Wrong as error:
        wrong.append(in_other_notation(cell.strip()) or "; ".join(error.messages))
        return []
    if not found:
        wrong.append(f"{shown(unrevealing(cell))} is not a host")
    return found


def _words(cell: str) -> list[str]:
    """Split a cell into its names and addresses; a name with spaces stays one name.

    Raises:
        Wrong: a part is a range of addresses.
    """
    parts = [part.strip() for part in re.split(r"[,;|\n\r]|\s/\s", cell) if not is_blank(part)]
    words = []
    for part in parts:
        refuse_range(part)
        inner = part.split()
        if len(inner) > 1 and any(_address(_without_mask(word.strip("()"))) for word in inner):
            words += [word.strip("()") for word in inner]
        else:
            words.append(part)
    return list(dict.fromkeys(words))


def _without_mask(word: str) -> str:
    """An interface's address with the length of its network's prefix, without that.

    Raises:
        Wrong: it is a network.
    """
    host, slash, _ = word.partition("/")
    if not slash or _address(host) is None:
        return word
    try:
        interface = ipaddress.ip_interface(word)
    except ValueError:
        return word
    network = interface.network
    if network.num_addresses > 2 and interface.ip == network.network_address:
        raise Wrong(f"{shown(word)} is a network: import it from a list with one network per line")
    return host


def _address(word: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(word.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _anything(_: str) -> bool:
    return True


def _is_address_or_fqdn(host: str) -> bool:
    return _address(host) is not None or "." in host


def _of_addresses(found: Sequence[Place], wrong: list[str]) -> Place | None:
    """One machine at several addresses: the first that others can reach."""
    used = []
    for one in found:
        address = _address(one.host)
        if address is not None and (address.is_loopback or address.is_link_local):
            wrong.append(f"{shown(one.host)} is a loopback or link-local address, which other hosts cannot reach")
        else:
            used.append(one)
    if not used:
        return None
    rest = tuple(dict.fromkeys(one.host for one in used[1:]))
    return Place(used[0].host, used[0].port, rest, f"the first of {len(rest) + 1} addresses" if rest else "")


def _of_names(found: Sequence[Place], addressed: Place | None) -> list[Place]:
    """Machines by name; a short name beside its full one is the same machine, and so are several addresses."""
    named = [one for one in found if _address(one.host) is None]
    if local := next((one.host for one in named if one.host in LOCAL_NAMES), ""):
        raise Wrong(f"{shown(local)} names no particular machine: write its name or address")
    full = {one.host.partition(".")[0] for one in named if "." in one.host}
    named = [one for one in named if "." in one.host or one.host not in full]
    beside = [one for one in found if _address(one.host) is not None]
    own = [] if addressed is None else [addressed.host, *addressed.also]
    if not named:
        wrong: list[str] = []
        only = _of_addresses(beside, wrong)
        if only is None:
            raise Wrong(*wrong)
        return [Place(only.host, only.port, tuple(dict.fromkeys((*only.also, *own))), only.guess)]
    if len(named) > 1:
        return named
    also = tuple(dict.fromkeys((*(one.host for one in beside), *own)))
    return [Place(named[0].host, named[0].port, tuple(name for name in also if name != named[0].host))]


def _spare(titles: Sequence[str]) -> tuple[str, ...]:
    return tuple(" ".join(title.split())[:80] for title in titles[:1] if title.isprintable() and "@" not in title)


# types of a machine --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kinds:
    """The types that a row names, each with its guess. An empty type stands for a host of any type."""

    types: tuple[str, ...]
    guesses: tuple[str, ...] = ()
    about: str = ""
    by_system: bool = False

    @property
    def each(self) -> list[tuple[str, str]]:
        """Return each type with the guess about it."""
        return list(zip_longest(self.types, self.guesses, fillvalue=""))


def kinds_of(cells: Iterable[str], system: str) -> Kinds:
    """Return the types of a row.

    Args:
        cells: what its columns of types say; the first that names a type counts.
        system: its operating system.

    Raises:
        Wrong: it names no type that there is, or a system that is none.
    """
    for cell in cells:
        if named := _named(cell):
            return named
    if not system:
        return Kinds(("",))
    found = type_of_system(system)
    if found is None:
        return Kinds(("",), about=f"the system {shown(system)} suggests no type")
    if not found.type:
        raise Wrong(found.why)
    return Kinds((found.type,), (found.why,), by_system=True)


def _named(cell: str) -> Kinds | None:
    """The types that a cell names; None if it says no more than that this is a machine."""
    found: dict[str, str] = {}
    unknown = []
    words = [word.strip() for word in re.split(r"[,;|+\n]", cell) if not is_blank(word)]
    for word in words:
        type_ = type_of_word(word)
        if type_:
            found.setdefault(type_, word)
        elif type_ is None:
            unknown.append(word)
    if unknown:
        names = ", ".join(shown(unrevealing(word)) for word in unknown)
        raise Wrong(f"there is no target type {names}: {_WRITE_ANOTHER}")
    guesses = (f"read {word} as {type_}" if word.lower() != type_ else "" for type_, word in found.items())
    return Kinds(tuple(found), tuple(guesses)) if found else None


def type_of_word(word: str) -> str | None:
    """Return the type that a word names, an empty text for a word that means any machine, None if it is unknown.

    Raises:
        Wrong: the word means something that is no target.
    """
    if found := type_called(word):
        return found
    parts = plain_word(word).split()
    for part in parts:
        if part in _NO_HOST:
            raise Wrong(f"{shown(unrevealing(word))} is {_NO_HOST[part]}, not a target type")
    rest = [part for part in parts if part not in _ANY_MACHINE]
    if not rest:
        return "" if parts else None
    if found := type_called(" ".join(rest)):
        return found
    system = type_of_system(word)
    if system is not None and not system.type:
        raise Wrong(system.why)
    return system.type if system else _type_with_version(parts)


def _type_with_version(parts: Sequence[str]) -> str | None:
    """Return the type that words name beside a version or an edition, as in ``sql server 2019``; else None."""
    names = [part for part in parts if not _VERSION.fullmatch(part)]
    for end in range(len(names), 0, -1):
        if found := type_called(" ".join(names[:end])):
            return found if all(type_called(name) == found for name in names[end:]) else None
    return None


def port_for(type_: str, types: Sequence[str], port: int | None) -> int | None:
    """Return the port of one of a row's types, where the row has one port.

    Raises:
        Wrong: the port is of none of the types, or the type has none.
    """
    usual = {name: row.port for name in types if (row := catalogue().get(name))}
    if port is None or len(types) == 1:
        own = port
    elif port not in usual.values():
        raise Wrong(f"the row has one port, {port}, for {len(types)} types: write one row for each type")
    else:
        own = port if usual.get(type_) == port else None
    if type_:
        port_of_target(type_row(type_), own)
    return own
