"""Guess the target type of an open port from the service that nmap names, else from the port number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from scanready.catalogue import Catalogue, TargetType
from scanready.run.registry import catalogue

from .systems import Guess, type_of_system

#: Names that belong to no target type, with the reason.
_NO_TARGET = {"tcpwrapped": "it accepts and closes connections, so the service is unknown"}


@dataclass(frozen=True, slots=True)
class Observed:
    """Attributes of a service besides its name: the product, the system, the kind of device, the scanner."""

    product: str = ""
    system: str = ""
    device: str = ""
    scanner: str = "nmap"


#: Kinds of devices, as nmap names them, on which a service is no target.
_NO_HOSTS = frozenset(
    {
        *("router", "broadband router", "switch", "firewall", "printer", "print server", "phone", "webcam", "WAP"),
        *("VoIP phone", "VoIP adapter", "power-device", "bridge", "hub", "PBX", "media device", "PDA", "game console"),
        *("remote management", "security-misc", "terminal server", "load balancer", "proxy server"),
    }
)


@dataclass(frozen=True, slots=True)
class _Known:
    """The rows by nmap's names and by port. Where several claim one, the first in the catalogue has it."""

    by_service: Mapping[str, TargetType]
    by_port: Mapping[int, TargetType]
    on_own_port: Mapping[tuple[int, str], Guess]
    no_target: Mapping[str, str]
    no_target_ports: Mapping[int, str]


@lru_cache(maxsize=1)
def _known(types: Catalogue) -> _Known:
    rows = list(types)[::-1]
    return _Known(
        by_service={service: row for row in rows for service in row.nmap.services},
        by_port={row.port: row for row in rows if row.port and row.nmap.by_port},
        on_own_port={
            (row.port, service): Guess(row.name, f"{port}, and nmap found {service}")
            for row in rows
            for service, port in row.nmap.on_own_port.items()
        },
        no_target={name: why for row in rows for name, why in row.nmap.parts.items()} | _NO_TARGET,
        no_target_ports={port: why for row in rows for port, why in row.nmap.ports.items()},
    )


def guess(port: int, service: str, *, tls: bool, probed: bool, observed: Observed = Observed()) -> Guess:
    """Return the probable target type of an open TCP port.

    Args:
        service: the name from nmap; may be empty.
        tls: the service was found inside TLS.
        probed: nmap talked to it; otherwise the name is that of the port in a table.
        observed: the scanner's other findings about it.
    """
    found = _guess(port, service, tls=tls, probed=probed, observed=observed)
    return _no_such_host(found, observed) or found


def _no_such_host(found: Guess, observed: Observed) -> Guess | None:
    """Return a guess without a type if the host cannot be such a target: SSH of a router, or another system."""
    if not found.type:
        return None
    if observed.device in _NO_HOSTS:
        return Guess("", f"nmap recognised the host as a {observed.device}: add the target if it is one")
    row = catalogue().get(found.type)
    system = type_of_system(observed.system) if observed.system else None
    if row is None or not row.called.systems or system is None or system.type == found.type:
        return None
    if not system.type:
        return system
    return Guess("", f"nmap recognised {observed.system}, which is scanned as {system.type}")


def _guess(port: int, service: str, *, tls: bool, probed: bool, observed: Observed) -> Guess:
    product = observed.product
    known = _known(catalogue())
    if found := known.on_own_port.get((port, service)):
        return found
    if why := known.no_target.get(service) or known.no_target_ports.get(port):
        return Guess("", why)
    by_service, by_port = known.by_service.get(service), known.by_port.get(port)
    if probed and by_service:
        recognised = f"nmap recognised {service}{f', {product}' if product else ''}"
        if tls:
            return Guess(by_service.nmap.in_tls or by_service.name, f"{recognised} in TLS")
        return Guess(by_service.name, recognised)
    if probed and service and service != "unknown":
        return Guess("", f"nmap recognised {service}, which is no target type")
    if row := by_service or by_port:
        if by_service and observed.scanner != "nmap":
            return Guess(row.name, f"{observed.scanner} named it {service}")
        return Guess(row.name, f"only by the port number{f' ({service})' if service else ''}")
    return Guess("", f"no target type has this port{f' ({service})' if service else ''}")
