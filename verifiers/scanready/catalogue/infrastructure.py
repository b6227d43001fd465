"""The scanner's own servers."""

from __future__ import annotations

from scanready.model import Step

from .row import Cost, Requirement, TargetType, When

_MASTER = "Master Server Network Requirements"

INFRASTRUCTURE: tuple[TargetType, ...] = (
    TargetType(
        "master",
        "Enterprise Recon Master Server",
        11117,
        (Requirement("11117", "tcp", f'{_MASTER}: "11117 Inbound From: Node or Proxy Agent hosts."'),),
        Cost(1, 1, log="a connection that said nothing, if it logs those"),
        speaks="er-master",
        proof=Step.HANDSHAKE,
        steps=tuple(step for step in tuple(Step)[:5] if step is not Step.TLS),
        named_only=True,
        by_connection=True,
        doubt="The protocol is not public: ready means that the connection stands, and nothing foreign is heard on it.",
        proven_by="nobody: its protocol is not public; a connection that stays open, beside peers that do not keep it",
    ),
    TargetType(
        "console",
        "Enterprise Recon Web Console",
        443,
        (Requirement("80,443", "tcp", f'{_MASTER}: "80/443 Inbound From: Hosts connecting to the Web Console."'),),
        # As a website, and one to port 80.
        Cost(9, 9, log="an access-log line with our User-Agent for each request: HEAD on 443, HEAD on 80"),
        speaks="http",
        tls=True,
        clear_port=80,
        verifies_certificate=True,
        proof=Step.HANDSHAKE,
        steps=tuple(Step)[:5],
        named_only=True,
        doubt="Asked of the hosts that open the console, so not of an agent as such.",
        proven_by="nginx in its place",
    ),
    TargetType(
        "update",
        "Ground Labs update server",
        8843,
        (
            Requirement(
                "8843",
                "tcp",
                f'{_MASTER}: "8843 Outbound To: Ground Labs update server."',
                When.MASTER_UPDATES,
            ),
        ),
        Cost(1, 1, log="nothing"),
        speaks="tls",
        tls=True,
        options=("on_master",),
        verifies_certificate=True,
        proof=Step.TLS,
        steps=tuple(Step)[:4],
        named_only=True,
        doubt="Asked of the Master Server, not of an agent: elsewhere never more than `undecided`.",
        proven_by="nginx in its place",
    ),
)
