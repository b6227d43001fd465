"""The scanner's own servers."""

from __future__ import annotations

from ..model import Step
from .row import Cost, Requirement, TargetType

_MASTER = "Master Server Network Requirements"

INFRASTRUCTURE: tuple[TargetType, ...] = (
    TargetType(
        "master",
        "Enterprise Recon Master Server",
        11117,
        (Requirement("11117", "tcp", f'{_MASTER}: "11117 Inbound From: Node or Proxy Agent hosts."'),),
        Cost(1, 1),
        speaks="er-master",
        proof=Step.HANDSHAKE,
        steps=tuple(Step)[:5],
        proven_by="nobody: its protocol is not public; a connection that stays open, beside peers that do not keep it",
    ),
    TargetType(
        "console",
        "Enterprise Recon Web Console",
        443,
        (Requirement("80,443", "tcp", f'{_MASTER}: "80/443 Inbound From: Hosts connecting to the Web Console."'),),
        Cost(1, 1),
        speaks="http",
        tls=True,
        verifies_certificate=True,
        proof=Step.HANDSHAKE,
        steps=tuple(Step)[:5],
        proven_by="nginx in its place",
    ),
    TargetType(
        "update",
        "Ground Labs update server",
        8843,
        (Requirement("8843", "tcp", f'{_MASTER}: "8843 Outbound To: Ground Labs update server."', "optional"),),
        Cost(1, 1),
        speaks="tls",
        tls=True,
        verifies_certificate=True,
        proof=Step.TLS,
        steps=tuple(Step)[:4],
        doubt="Reached from the Master Server, not from an agent.",
        proven_by="nginx in its place",
    ),
)
