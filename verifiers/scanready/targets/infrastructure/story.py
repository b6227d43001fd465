"""Describe what a check of the scanner's own servers sends on each step, with commands that do the same."""

from __future__ import annotations

from scanready.catalogue.exchange import TLS_JUDGED, Exchange, Sent
from scanready.model import Step

_AGENT = Exchange("nothing: this step names the host that the requirement is for")
_PAGES = Sent(head="HEAD with our User-Agent", get="GET with our User-Agent", redirect="requests to follow redirects")
_S_CLIENT = "openssl s_client -connect {host}:{port}"

STORY: dict[str, dict[Step, Exchange]] = {
    "master": {
        Step.AGENT: _AGENT,
        Step.HANDSHAKE: Exchange(
            "nothing: the check holds the connection for two seconds and waits for data",
            "timeout 2 nc {host} {port} | xxd",
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
