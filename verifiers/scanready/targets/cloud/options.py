"""Validate targets of the type cloud: the service's name, and the options that its endpoints need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scanready.catalogue.option import Option, text
from scanready.catalogue.wrong import Complaints, Wrong, did_you_mean, shown
from scanready.net.hosts import host_and_port

from .services import BY_SERVICE, OTHER_NAMES, PLACEHOLDERS

_WORD = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
#: More than any service has; each opens a connection at the same time.
_MOST_ENDPOINTS = 20


def check_service(host: str, options: Mapping[str, Any]) -> None:
    """Check that ``host`` is a service of the catalogue, or has endpoints in its options.

    Raises:
        Wrong: the service is unknown, lacks an option, or has an option that none of its endpoints uses.
    """
    service = BY_SERVICE.get(host)
    if service is None and "endpoints" not in options and "." not in host and ":" not in host:
        other = OTHER_NAMES.get(host)
        hint = f"; did you mean `{other}`?" if other else did_you_mean(host, BY_SERVICE)
        raise Wrong(
            f"unknown cloud service {shown(host)}{hint} (`scanready types cloud` lists them; another service needs "
            "`endpoints`, such as `endpoints: [storage.example.com, login.example.com:8443]`)"
        )
    complaints = Complaints()
    known = service.endpoints if service else ()
    used = {name for endpoint in known for name in endpoint.placeholders}
    for name in (name for name in (service.needs if service else ()) if name not in options):
        hosts = [endpoint.host for endpoint in known if name in endpoint.placeholders]
        complaints.messages.append(f"the service `{host}` needs the option `{name}` for {' and '.join(hosts)}")
    for name in PLACEHOLDERS:
        if name in options and name not in used:
            has = f" (it uses: {', '.join(sorted(used))})" if used else " (it uses none)"
            complaints.messages.append(f"the service `{host}` does not use the option `{name}`{has}")
    complaints.settle()


def placeholder(name: str, value: Any) -> str:
    """Return the value of a placeholder in lower case.

    Raises:
        Wrong: it is not a valid part of a host name.
    """
    word = text(name, value).lower()
    if _WORD.fullmatch(word):
        return word
    if name == "bucket" and "." in word:
        raise Wrong("a `bucket` with dots in its name has no host name that works over TLS: leave it out")
    first = re.split(r"[./]", word.removeprefix("https://"))[0].removesuffix("-my")
    hint = f"; use only the first part, `{first}`" if _WORD.fullmatch(first) and first != word else ""
    raise Wrong(f"`{name}` is one part of a host name (letters, digits and `-`), not {shown(str(value))}{hint}")


def _endpoints(name: str, value: Any) -> str:
    """Return endpoints (a list, or text with commas) as text with commas, each ``host`` or ``host:port``.

    Raises:
        Wrong: at least one of them is invalid.
    """
    listed = value if isinstance(value, list) and value else text(name, value).split(",")
    if not listed or len(listed) > _MOST_ENDPOINTS:
        raise Wrong(f"`endpoints` must name 1 to {_MOST_ENDPOINTS} hosts")
    complaints = Complaints()
    found: dict[str, None] = {}
    for one in listed:
        try:
            host, port = host_and_port(str(one).strip())
        except Wrong as wrong:
            complaints.messages += [f"`endpoints`: {message}" for message in wrong.messages]
            continue
        place = f"[{host}]" if ":" in host else host
        found[f"{place}:{port}" if port else place] = None
    complaints.settle()
    return ",".join(found)


#: Endpoints named in the inventory, for a service that is not in the catalogue or has further endpoints.
ENDPOINTS = Option(
    "endpoints",
    _endpoints,
    {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}}]},
)
