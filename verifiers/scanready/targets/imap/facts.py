"""The facts that a check of IMAP states."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, PRODUCT, VERSION, Fact, Kind

_FACTS = (
    PRODUCT,
    VERSION,
    Fact("alert", Kind.TEXT, "", "What the server wants users to read.", "response code `ALERT`"),
    AUTH_METHODS,
    Fact("capabilities", Kind.TEXTS, "", "What the server can do.", "response `CAPABILITY`"),
    Fact("encryption", Kind.TEXT, "", "How the connection is encrypted: `TLS`, `STARTTLS` or `none`."),
    Fact("folders", Kind.TEXTS, "", "The folders at the top of the mailbox.", "response `LIST`"),
)

FACTS: Mapping[str, tuple[Fact, ...]] = {"imap": _FACTS, "imaps": _FACTS}
