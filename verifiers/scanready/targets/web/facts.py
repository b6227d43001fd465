"""Define the facts that a check of a website records."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, PRODUCT, VERSION, Fact, Kind
from scanready.clients.http_facts import HTTP

_FACTS = (
    *HTTP,
    PRODUCT,
    VERSION,
    AUTH_METHODS,
    Fact("login_form", Kind.FLAG, "", "True if the page contains only a login form."),
)

FACTS: Mapping[str, tuple[Fact, ...]] = {"http": _FACTS, "https": _FACTS}
