"""Describe what a check of a cloud service sends on each step; no common program sends the same."""

from __future__ import annotations

from scanready.catalogue.exchange import TLS_JUDGED, Exchange, Sent
from scanready.model import Step

STORY: dict[str, dict[Step, Exchange]] = {
    "cloud": {
        Step.TLS: Exchange(TLS_JUDGED),
        Step.HANDSHAKE: Exchange(Sent(head="HEAD /", get="GET /")),
    },
}
