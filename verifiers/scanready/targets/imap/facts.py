"""Define the facts that a check of IMAP records."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import AUTH_METHODS, PRODUCT, VERSION, Fact, Kind

_FACTS = (
    PRODUCT,
    VERSION,
    Fact("alert", Kind.TEXT, "", "The message that the server sends for its users.", "response code `ALERT`"),
    AUTH_METHODS,
    Fact("capabilities", Kind.TEXTS, "", "The server's capabilities.", "response `CAPABILITY`"),
    Fact("encryption", Kind.TEXT, "", "How the connection is encrypted: `TLS`, `STARTTLS` or `none`."),
    Fact("folders", Kind.TEXTS, "", "The folders at the top of the mailbox.", "response `LIST`"),
)

FACTS: Mapping[str, tuple[Fact, ...]] = {"imap": _FACTS, "imaps": _FACTS}
