"""List the facts that a check of Oracle Database reports."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import PRODUCT, REDIRECTED_TO, Fact, Kind

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "oracle": (
        PRODUCT,
        Fact(
            "version", Kind.TEXT, "", "The version of the database, or else of the listener.", "VSNNUM", nullable=True
        ),
        Fact("listener", Kind.TEXT, "", "The alias of the listener.", "TNS refuse packet, ALIAS", nullable=True),
        REDIRECTED_TO,
        Fact("protocol_version", Kind.INTEGER, "", "The version of TNS.", "TNS accept packet"),
        Fact("native_encryption", Kind.TEXT, "", "`required` if the server requires Oracle's own encryption."),
        Fact("error_code", Kind.INTEGER, "ORA number", "The number of the error.", "TNS refuse packet, ERR", True),
    )
}
