"""List the facts that a check of Tibero reports."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import PRODUCT, Fact

FACTS: Mapping[str, tuple[Fact, ...]] = {"tibero": (PRODUCT,)}
