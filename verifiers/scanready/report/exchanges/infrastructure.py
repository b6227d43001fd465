"""The scanner's own servers."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange
from scanready.model import Step

_NOTHING = Exchange("nothing: whose connection the document asks for")
_TLS = "a TLS hello with the server's name (SNI); its certificate was judged after the handshake"
_S_CLIENT = "openssl s_client -connect {host}:{port}"

INFRASTRUCTURE: dict[tuple[str, str], Exchange] = {
    ("master", Step.AGENT): _NOTHING,
    ("master", Step.HANDSHAKE): Exchange(
        "nothing: the connection was held for two seconds, and listened to", "timeout 2 nc {host} {port} | xxd"
    ),
    ("console", Step.AGENT): _NOTHING,
    ("console", Step.TLS): Exchange(_TLS, _S_CLIENT),
    ("console", Step.HANDSHAKE): Exchange("HEAD with our User-Agent; redirects were followed", "curl -vkIL {url}"),
    ("update", Step.AGENT): _NOTHING,
    ("update", Step.TLS): Exchange(f"{_TLS}; nothing inside", _S_CLIENT),
}
