"""nmap's XML to targets: each open TCP port that may be of a target type, as a guess with what it rests on.

Read as a stream: memory does not grow with the file. Entities and external parts are refused (defusedxml).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.sax import SAXException, handler
from xml.sax.xmlreader import InputSource

from scanready.catalogue.wrong import Wrong
from scanready.inventory.problems import InventoryError, Problem

from .found import Entry, Imported, host_of
from .services import Observed, guess
from .source import Source

_ADDRESSES, _NAMES = frozenset({"ipv4", "ipv6"}), frozenset({"user", "PTR"})
#: Open ports of one host that are kept until its end: TCP and UDP have so many.
_MOST_PORTS = 1 << 17
_LONGEST_TAG = 1 << 20
#: Attributes of a service that are kept. ``devicetype`` is the kind of host in nmap's opinion, ``ostype`` its system.
_SERVICE = ("name", "tunnel", "method", "product", "ostype", "devicetype")


@dataclass(slots=True)
class _Port:
    line: int
    number: str
    protocol: str
    state: str = ""
    service: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Host:
    line: int
    up: bool = True
    addresses: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    ports: list[_Port] = field(default_factory=list)


class _Scan(handler.ContentHandler):
    """Takes one host after another."""

    def __init__(self, found: Imported) -> None:
        super().__init__()
        self.is_scan, self._scanner = False, "nmap"
        self._found = found
        self._host: _Host | None = None
        self._locator: Any = None

    def setDocumentLocator(self, locator: Any) -> None:
        """Remember who knows the line."""
        self._locator = locator

    def startElement(self, name: str, attrs: Any) -> None:
        """Take an element; ``attrs`` is a mapping."""
        line = int(self._locator.getLineNumber() or 0) if self._locator else 0
        if name == "nmaprun":
            self.is_scan, self._scanner = True, attrs.get("scanner", "") or "nmap"
        if name == "host":
            self._host = _Host(line)
        elif (host := self._host) is None:
            return
        elif name == "status":
            host.up = attrs.get("state", "") != "down"
        elif name == "address" and attrs.get("addrtype") in _ADDRESSES:
            host.addresses.setdefault(attrs["addrtype"], attrs.get("addr", ""))
        elif name == "hostname" and attrs.get("type") in _NAMES:
            host.names.setdefault(attrs["type"], attrs.get("name", ""))
        elif name == "port":
            self._port(host, _Port(line, attrs.get("portid", ""), attrs.get("protocol", "")))
        elif name == "state" and host.ports:
            host.ports[-1].state = attrs.get("state", "")
        elif name == "service" and host.ports:
            host.ports[-1].service = {key: attrs.get(key, "") for key in _SERVICE}

    def _port(self, host: _Host, port: _Port) -> None:
        """Begin a port; of the one before, only what is open matters."""
        if host.ports and not host.ports[-1].state.startswith("open"):
            host.ports.pop()
        if len(host.ports) >= _MOST_PORTS:
            raise SAXException(f"more than {_MOST_PORTS:,} open ports on a host")
        host.ports.append(port)

    def endElement(self, name: str) -> None:
        """A host is complete."""
        if name == "host" and self._host is not None:
            _take(self._found, self._host, self._scanner)
            self._host = None


def _checked(source: Source) -> BinaryIO:
    """Return the document; the parser keeps an unfinished tag in memory, so none may be too long.

    Raises:
        SAXException: one is.
    """
    at, last = 0, len(source.data)
    while last - at > _LONGEST_TAG:
        at = source.data.rfind(b">", at, at + _LONGEST_TAG) + 1
        if not at:
            raise SAXException("a tag or a text longer than 1 MiB")
    return source.stream()


def read(source: Source) -> Imported:
    """Read the output of ``nmap -oX``.

    Raises:
        InventoryError: it is no XML, no scan of nmap's, or built to do harm.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.sax import make_parser

    found = Imported("nmap", source.file)
    scan = _Scan(found)
    parser = make_parser()
    parser.forbid_dtd = False  # nmap's files have a DOCTYPE; entities and external parts stay forbidden
    parser.setContentHandler(scan)
    wrong, line = "", None
    try:
        document = InputSource()
        document.setByteStream(_checked(source))
        if source.encoding.startswith("utf-16"):
            document.setEncoding("utf-8")  # it is recoded, and its first line says what it was, or never was
        parser.parse(document)
    except DefusedXmlException as error:
        wrong = f"XML with entities or external parts is refused ({type(error).__name__})"
    except SAXException as error:
        where = getattr(error, "getLineNumber", lambda: None)
        wrong, line = f"this is not XML, or it is incomplete: {error.getMessage()}", where()
    except (LookupError, ValueError):  # expat's, for the encoding that the first line declares
        if scan.is_scan:
            raise
        wrong, line = "its first line declares an encoding that cannot be read: convert it to UTF-8", 1
    if not wrong and not scan.is_scan:
        wrong = "this is not an nmap scan: write one with `nmap -oX FILE`"
    if wrong:
        raise InventoryError([Problem(wrong, source.file, line)])
    return found


def _take(found: Imported, host: _Host, scanner: str) -> None:
    """Add a target for each open port of a host; the host is the name that the user gave to nmap, or its address."""
    address = host.addresses.get("ipv4") or host.addresses.get("ipv6") or ""
    text = host.names.get("user") or address
    if not host.up:
        found.leave_alike(host.line, text, "nmap found the host down")
        return
    try:
        name = host_of(text)
    except Wrong as wrong:
        found.leave(host.line, text, "; ".join(wrong.messages))
        return
    reverse = host.names.get("PTR", "")
    about = f"{reverse} by reverse DNS" if reverse and reverse != name else address if address != name else ""
    also = tuple(one for one in (*host.addresses.values(), reverse) if one and one != name)
    taken = 0
    for port in host.ports:
        taken += _take_port(found, port, name, (about, also), scanner)
    if not taken:
        found.leave_alike(host.line, name, "it has no open port of a target type")


def _take_port(found: Imported, port: _Port, host: str, known: tuple[str, tuple[str, ...]], scanner: str) -> int:
    """Add a target if the port may be one; return the number. ``known`` describes the host."""
    what = f"{host} {port.number}/{port.protocol}"
    if not port.state.startswith("open"):
        return 0
    if port.protocol != "tcp" or not port.number.isascii() or not port.number.isdigit() or len(port.number) > 5:
        found.leave(port.line, what, "it is not a TCP port")
        return 0
    if port.state != "open":
        found.leave(port.line, what, f"nmap says {port.state}")
        return 0
    service, number = port.service, int(port.number)
    if not 0 < number < 65536:
        found.leave(port.line, what, "no port")
        return 0
    guessed = guess(
        number,
        service.get("name", ""),
        tls=service.get("tunnel") == "ssl",
        probed=service.get("method") == "probed",
        observed=Observed(
            service.get("product", ""), service.get("ostype", ""), service.get("devicetype", ""), scanner
        ),
    )
    if not guessed.type:
        found.leave(port.line, what, guessed.why)
        return 0
    about, also = known
    found.add(Entry(host, port.line, guessed.type, number, guess=guessed.why, about=about, also=also))
    return 1
