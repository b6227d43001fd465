"""The facts that a check of a website states."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, PRODUCT, VERSION, Fact, Kind
from scanready.clients.http_facts import HTTP

_FACTS = (
    *HTTP,
    PRODUCT,
    VERSION,
    AUTH_METHODS,
    Fact("login_form", Kind.FLAG, "", "True if the page is a login form and nothing else."),
)

FACTS: Mapping[str, tuple[Fact, ...]] = {"http": _FACTS, "https": _FACTS}
