"""Hold the URL of a request; resolve the address of a redirect against it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit

from scanready.model import bracketed
from scanready.wire import http as wire

DEFAULT_PORTS = {"http": 80, "https": 443}
_OCTETS = re.compile("[\x80-\xff]")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")


@dataclass(frozen=True, slots=True)
class Url:
    """Hold the URL of a request; ``path`` includes the query and is percent-encoded."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Return scheme, host and port, which one connection serves."""
        return self.scheme, self.host.lower(), self.port

    @property
    def endpoint(self) -> str:
        """Return ``host:port``."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def authority(self) -> str:
        """Return the Host field, without the scheme's default port."""
        return wire.authority(self.host, self.port, DEFAULT_PORTS[self.scheme])

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    def joined(self, location: str) -> Url | None:
        """Resolve ``location`` of a redirect against this URL; None if the result is no web address.

        Its characters up to U+00FF are the received octets. They are requested unchanged, as curl does.
        """
        try:
            parts = urlsplit(
                urljoin(
                    str(self), _OCTETS.sub(lambda octet: f"%{ord(octet[0]):02X}", location.strip(wire.ASCII_BLANKS))
                )
            )
            scheme, host, port = parts.scheme, _in_ascii(parts.hostname or ""), parts.port
        except ValueError:
            return None
        if scheme not in DEFAULT_PORTS or not _HOST.fullmatch(host):
            return None
        return Url(scheme, host, port or DEFAULT_PORTS[scheme], carried(parts.path, parts.query))


def _in_ascii(host: str) -> str:
    """Return a host name as DNS requires it.

    Raises:
        ValueError: its percent-encoded octets are not valid UTF-8 or not a valid name.
    """
    return unquote(host, errors="strict").encode("idna").decode() if "%" in host else host


def carried(path: str, query: str = "") -> str:
    """Percent-encode the characters that a path must not contain; keep those that are already encoded."""
    return quote((path or "/") + (f"?{query}" if query else ""), safe="%/:?[]@!$&'()*+,;=~")
