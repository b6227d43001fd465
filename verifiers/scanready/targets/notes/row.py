"""Describe the target type for Notes and Domino."""

from __future__ import annotations

from scanready.catalogue.row import Called, Cost, Group, Nmap, TargetType
from scanready.model import Step

NOTES = TargetType(
    "notes",
    "IBM / Lotus Notes",
    1352,
    Cost(1, 1, log="nothing, unless Log_Sessions is set: session opened, session closed"),
    speaks="nrpc",
    home=__package__,
    group=Group.MAIL,
    place=4,
    proof=Step.HANDSHAKE,
    steps=tuple(step for step in Step if step is not Step.TLS),
    logs_in=False,
    guessed=True,
    public=False,
    nmap=Nmap(services=("lotusnotes",)),
    called=Called(names=("lotus", "domino")),
    proven_by="nothing: only recorded byte sequences, because no client is available",
    no_other_judge="the protocol is not public, and no package of Domino or its client exists",
)
