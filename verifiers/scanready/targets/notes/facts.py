"""Define the facts that a check of Domino records."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.catalogue.facts import PRODUCT, PROOF, Fact, Kind

#: Recorded about the Notes client on the agent, by a check and by `scanready agent`.
AGENT_FACTS = (
    Fact("notes_client", Kind.TEXT, "path", "The Notes client on this agent."),
    Fact("notes_id", Kind.TEXT, "path", "The Notes ID file on this agent.", nullable=True),
)

FACTS: Mapping[str, tuple[Fact, ...]] = {
    "notes": (
        PRODUCT,
        Fact("server_name", Kind.TEXT, "", "The name of the Domino server.", "NRPC session answer"),
        PROOF,
        *AGENT_FACTS,
    )
}
