"""Describe a check of Tibero, which sends nothing, with the tbsql line that asks the same."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange
from scanready.model import Step

STORY: dict[str, dict[Step, Exchange]] = {
    "tibero": {
        Step.HANDSHAKE: Exchange(
            "nothing: the server speaks first", "tbsql {user}@{path}   # with the vendor's client"
        ),
    },
}
