"""Find out what each column of a table is: by its heading in several languages, or as ``--map`` says.

Headings are compared without case, accents, punctuation and the ``u_`` of a ServiceNow field that a site added.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scanready.catalogue.wrong import Wrong, did_you_mean, nearest, shown
from scanready.inventory.options import accepted, is_secretive
from scanready.run.registry import catalogue

#: Kinds of columns, each with its headings. The first heading here wins where several columns are of one kind.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "host": (
        *("fqdn", "fully qualified domain name", "fully qualified name", "dns name", "dnsname", "dns hostname"),
        *("dnshostname", "vollqualifizierter domanenname", "nom de domaine complet", "nom dns", "nombre dns"),
        *("host", "hostname", "host name", "hosts", "dns", "server", "server name", "servername", "computer"),
        *("computer name", "computername", "machine", "machine name", "node", "node name", "system name"),
        *("rechner", "rechnername", "servername", "hote", "nom d hote", "serveur", "nom du serveur"),
        *("nom de machine", "ordinateur", "nom de l ordinateur", "nombre de host", "nombre del host", "equipo"),
        *("nombre de equipo", "nombre del equipo", "servidor", "nombre del servidor", "maquina", "nome host"),
        *("nome do servidor", "nome del server", "servernaam", "hostnaam"),
    ),
    "address": (
        *("ip", "ip address", "ip addresses", "ipv4", "ipv4 address", "ipaddress", "ipaddresses", "ip addr"),
        *("primary ip", "primary ip address", "primary ipv4", "address", "addresses", "ipv6", "ipv6 address"),
        *("ip adresse", "ip adressen", "primare ip adresse", "primaere ip adresse", "ipv4 adresse", "adresse"),
        *("adresse ip", "adresses ip", "reseau adresse ip", "reseau ip", "reseaux ip", "network ip"),
        *("direccion ip", "direcciones ip", "indirizzo ip", "endereco ip", "ip adres"),
    ),
    "name": (
        *("name", "ci name", "asset name", "assetname", "asset", "device name", "device", "display name"),
        *("configuration item", "object name", "title", "titel", "bezeichnung", "objektname", "nom", "titre"),
        *("nombre", "nome", "naam"),
    ),
    "type": (
        *("target type", "scan type", "types", "service", "protocol", "db type", "database type", "dbms"),
        *("database engine", "db engine", "engine", "datenbanktyp", "datenbanksystem", "dienst", "protokoll"),
        *("type de base de donnees", "sgbd", "protocole", "tipo de base de datos", "protocolo", "servicio"),
        *("type", "typ", "tipo", "ci type", "ci class", "class", "sys class name", "classe", "clase", "klasse"),
        *("object type", "objekttyp", "asset type", "device type"),
    ),
    "os": (
        *("os", "operating system", "operating system name", "os name", "osname", "guest os", "platform"),
        *("betriebssystem", "betriebssystem name", "plattform", "systeme d exploitation"),
        *("systeme d exploitation nom", "operating system name", "sistema operativo", "sistema operacional"),
        *("besturingssysteem",),
    ),
    "port": ("port", "tcp port", "port number", "db port", "portnummer", "puerto", "porta", "poort"),
    "credential": ("credential", "credentials", "credential name"),
    "user": (
        *("user", "username", "user name", "login", "login name", "account", "service account", "scan account"),
        *("db user", "benutzername", "nom d utilisateur", "nombre de usuario", "nome utente"),
    ),
    "status": (
        *("install status", "operational status", "lifecycle status", "cmdb status", "status", "state", "zustand"),
        *("statut", "etat", "estado", "stato"),
    ),
    "tags": (
        *("tags", "tag", "labels", "group", "groups", "environment", "env", "department", "business unit"),
        *("location", "service level", "umgebung", "abteilung", "standort", "gruppe", "environnement", "lieu"),
        *("groupe", "entorno", "ubicacion", "grupo", "ambiente"),
    ),
}
#: Kinds of which every column counts, not just the first that is filled in.
ALL_OF = frozenset({"tags"})
#: Kinds that say where a machine is.
_PLACES = ("host", "address", "name")
_OPTION = "option "
#: Kinds of columns that a caller can name, besides the options of the types.
COLUMN_KINDS = tuple(kind for kind in HEADINGS if kind not in _PLACES[1:])


@dataclass(frozen=True, slots=True)
class Columns:
    """The places of the columns by what they are; an option's kind is ``option NAME``.

    ``mapped`` are the kinds that the caller named, which rest on no guess. ``headings`` are as the file has them.
    """

    places: Mapping[str, Sequence[int]]
    headings: Sequence[str]
    mapped: frozenset[str] = field(default_factory=frozenset)

    @property
    def known(self) -> int:
        """Count the columns that are known."""
        return len({place for places in self.places.values() for place in places})

    @property
    def has_hosts(self) -> bool:
        """True if some column says where a machine is."""
        return any(kind in self.places for kind in _PLACES)

    @property
    def options(self) -> Iterable[tuple[str, str]]:
        """Each kind that is an option of a type, and the option's name."""
        return ((kind, kind.removeprefix(_OPTION)) for kind in self.places if kind.startswith(_OPTION))

    def cells(self, kind: str, row: Sequence[str]) -> list[str]:
        """Return what is filled in of this kind, the best column first."""
        cells = (row[place].strip() for place in self.places.get(kind, ()) if place < len(row))
        return [cell for cell in cells if not is_blank(cell)]

    def cell(self, kind: str, row: Sequence[str]) -> str:
        """Return the first that is filled in of this kind: a machine without a name has an address."""
        return next(iter(self.cells(kind, row)), "")

    def heading(self, kind: str) -> str:
        """Return the heading of the first column of a kind."""
        return self.headings[self.places[kind][0]].strip()


#: Words that people write into an empty cell.
_BLANK = frozenset(
    {
        *("", "-", "--", "n/a", "na", "#n/a", "none", "null", "nil", "unknown", "tbd", "?", "undefined", "not set"),
        *("k.a.", "keine", "unbekannt", "inconnu", "aucun", "aucune", "desconocido", "ninguno", "(empty)", "(none)"),
        *("dhcp", "empty", "leer", "n. a.", "not available", "nan"),
    }
)


def is_blank(cell: str) -> bool:
    """True if a cell says that there is no value."""
    return cell.strip().casefold() in _BLANK


def plain_word(cell: str) -> str:
    """Return a heading or a word for comparison: lower case, no accents, single spaces for punctuation."""
    bare = "".join(char for char in unicodedata.normalize("NFKD", cell.casefold()) if not unicodedata.combining(char))
    return " ".join("".join(char if char.isalnum() else " " for char in bare).split())


def _heading(cell: str) -> str:
    word = plain_word(cell)
    return word.removeprefix("u ")


def is_heading_of_hosts(cell: str) -> bool:
    """True for a heading of a column that says where a machine is."""
    return any(_heading(cell) in HEADINGS[kind] for kind in _PLACES)


def columns_of(row: Sequence[str], mapping: Mapping[str, str] | None = None) -> Columns:
    """Return what the columns of a header are.

    Args:
        row: the headings.
        mapping: headings by kind, for those that the caller names; an empty heading means that there is none.

    Raises:
        Wrong: the mapping names a heading that is not there, or that two columns have.
    """
    words = [_heading(cell) for cell in row]
    found: dict[str, list[int]] = {}
    for kind, names in HEADINGS.items():
        if places := list(dict.fromkeys(place for name in names for place, word in enumerate(words) if word == name)):
            found[kind] = places
    taken = {place for kind, places in found.items() for place in (places if _counts_all(kind) else places[:1])}
    options = _option_names()
    for place, word in enumerate(words):
        name = word.replace(" ", "_")
        if name in options and place not in taken:
            found[f"{_OPTION}{name}"] = [place]
    _map(found, row, mapping or {})
    return Columns(found, list(row), frozenset(mapping or ()))


def _counts_all(kind: str) -> bool:
    return kind in ALL_OF or kind in _PLACES


def _option_names() -> set[str]:
    return {name for row in catalogue() for name in accepted(row) if not is_secretive(name)}


def _map(found: dict[str, list[int]], row: Sequence[str], mapping: Mapping[str, str]) -> None:
    """Put the columns in place that the caller named; such a column is nothing else.

    Raises:
        Wrong: a heading is not there, or two columns have it.
    """
    for asked, heading in mapping.items():
        kind = asked if asked in HEADINGS else f"{_OPTION}{asked}"
        if kind == "host":
            for place_kind in _PLACES:
                found.pop(place_kind, None)
        if not heading:
            found.pop(kind, None)
            continue
        place = _place(asked, heading, row)
        for other in list(found):
            found[other] = [one for one in found[other] if one != place]
            if not found[other]:
                del found[other]
        found[kind] = [place]


def _place(kind: str, heading: str, row: Sequence[str]) -> int:
    exact = [place for place, cell in enumerate(row) if cell.strip() == heading.strip()]
    same = exact or [place for place, cell in enumerate(row) if plain_word(cell) == plain_word(heading)]
    if len(same) == 1:
        return same[0]
    option = f"--map {kind}={shown(heading)}"
    if same:
        raise Wrong(f"{option}: {len(same)} columns have this heading; rename one of them")
    names = {cell.strip().lower(): cell.strip() for cell in row if cell.strip() and not is_secretive(cell)}
    near_by = nearest(heading, names)
    hint = f"; did you mean {shown(names[near_by])}?" if near_by else ""
    raise Wrong(f"{option}: no column has this heading{hint} (the headings are {listed(row)})")


#: Parts of a heading that may be digits: the version of IP, and a digit by itself.
_NUMBERED = re.compile(r"ipv?[46]|\b\d\b", re.IGNORECASE)
_WORDS = re.compile(r"(?:[^\W\d]|[\s./()#:'\u2019-])*")


def looks_like_a_header(row: Sequence[str]) -> bool:
    """True if each cell may be a heading; other rows are data, which may hold a secret."""
    return all(_WORDS.fullmatch(_NUMBERED.sub("", cell[:200])) for cell in row)


def listed(row: Sequence[str]) -> str:
    """Return the headings of a table for a message; a row of data is not repeated."""
    if not looks_like_a_header(row):
        return "a row that looks like data (not repeated here)"
    names = [shown(cell.strip()[:40]) for cell in row if cell.strip()]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def read_mapping(words: Iterable[str]) -> dict[str, str]:
    """Return headings by kind from words such as ``host=Asset Name``.

    Raises:
        Wrong: a word has no ``=``, or its kind is unknown.
    """
    found: dict[str, str] = {}
    kinds = list(COLUMN_KINDS)
    for word in words:
        kind, equals, heading = word.partition("=")
        kind = kind.strip().lower()
        if not equals:
            raise Wrong(f'--map {shown(word)}: write KIND=COLUMN, as in --map host="Asset Name"')
        if is_secretive(kind):
            raise Wrong(f"--map {shown(kind)}: secrets are not imported; write a reference in the inventory")
        if kind not in kinds and kind not in _option_names():
            known = f"the kinds are {', '.join(kinds)} and the options of the types"
            near = did_you_mean(kind, [*kinds, *_option_names()])
            raise Wrong(f"--map {shown(kind)}: there is no such kind of column{near}; {known}")
        if kind in found:
            raise Wrong(f"--map {kind}= is given twice")
        found[kind] = heading.strip()
    return found
