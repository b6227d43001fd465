"""Build one request without a body (RFC 9112); h11 checks that HTTP can carry it."""

from __future__ import annotations

from collections.abc import Iterable

import h11


def authority(host: str, port: int, default_port: int | None = None) -> str:
    """Return ``host:port`` for a Host field or a CONNECT target: IPv6 in brackets, no port if it is the default."""
    name = f"[{host}]" if ":" in host else host
    return name if port == default_port else f"{name}:{port}"


def request(
    method: str,
    target: str,
    *,
    host: str,
    user_agent: str,
    keep_alive: bool = False,
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """Return a request without a body: ``target`` is a path, or ``host:port`` for CONNECT.

    Raises:
        ValueError: something is in it that HTTP cannot carry (a space in the path, a line end in a value).
    """
    fields = [
        ("Host", host),
        ("User-Agent", user_agent),
        ("Connection", "keep-alive" if keep_alive else "close"),
        *headers,
    ]
    try:
        checked = h11.Request(method=method, target=target, headers=fields)
    except (h11.LocalProtocolError, UnicodeEncodeError) as error:
        raise ValueError(f"not a request that HTTP can carry: {error}") from error
    lines = [b"%b %b HTTP/1.1" % (checked.method, checked.target)]
    lines += [b"%b: %b" % field for field in checked.headers.raw_items()]
    return b"\r\n".join([*lines, b"", b""])
