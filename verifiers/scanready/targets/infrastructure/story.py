"""Describe what a check of the scanner's own servers sends on each step, with the lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import TLS_JUDGED, Exchange, Sent
from scanready.model import Step

_AGENT = Exchange("nothing: whose connection the document asks for")
_PAGES = Sent(head="HEAD with our User-Agent", get="GET with our User-Agent", redirect="the redirects were followed")
_S_CLIENT = "openssl s_client -connect {host}:{port}"

STORY: dict[str, dict[Step, Exchange]] = {
    "master": {
        Step.AGENT: _AGENT,
        Step.HANDSHAKE: Exchange(
            "nothing: the connection was held for two seconds, and listened to", "timeout 2 nc {host} {port} | xxd"
        ),
    },
    "console": {
        Step.AGENT: _AGENT,
        Step.TLS: Exchange(TLS_JUDGED, _S_CLIENT),
        Step.HANDSHAKE: Exchange(_PAGES, "curl -vkIL {url}"),
    },
    "update": {
        Step.AGENT: _AGENT,
        Step.TLS: Exchange(TLS_JUDGED, _S_CLIENT),
    },
}
