"""The facts that a check of the scanner's own servers states."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import PRODUCT, PROOF, VERSION, Fact
from scanready.clients.http_facts import HTTP

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "master": (PROOF,),
    "console": (*HTTP, PRODUCT, VERSION),
    "update": (PROOF,),
}
