"""Define the options of every type over HTTP: a path on the server, and a proxy."""

from __future__ import annotations

from typing import Any

from scanready.catalogue.option import Option, text
from scanready.catalogue.wrong import Wrong
from scanready.net.hosts import host_and_port


def _path(name: str, value: Any) -> str:
    plain = text(name, value)
    return plain if plain.startswith("/") else "/" + plain


def _proxy(name: str, value: Any) -> str:
    """Return ``host:port``; drop ``http://``, and refuse a user name or password."""
    plain = text(name, value)
    if "@" in plain:
        raise Wrong("`proxy` must be `host:port` without a user name or password (the value is not shown here)")
    try:
        host, port = host_and_port(plain.removeprefix("http://").removesuffix("/"))
    except Wrong as wrong:
        raise Wrong(*(f"`proxy`: {message}" for message in wrong.messages)) from None
    if port is None:
        raise Wrong("`proxy` needs a port, such as `proxy.corp:3128`")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


#: HTTP carries a path as it is written.
PATH = Option("path", _path, tree=True, rooted=True, verbatim=True)
PROXY = Option("proxy", _proxy, relay=True)
