"""Hosts that are scanned without an agent of their own."""

from __future__ import annotations

from .row import Cost, Requirement, TargetType, When, one_port

_AGENTLESS = "Proxy Agent Network Requirements, Agentless Scan"
_SSH_LOG = "sshd: one or two lines with our own disconnect text"

HOSTS: tuple[TargetType, ...] = (
    TargetType(
        "windows",
        "Windows host, agentless",
        135,
        (
            Requirement("135", "tcp", f'{_AGENTLESS}: "Windows host", "Port 135."'),
            Requirement("49152-65535", "tcp", f'{_AGENTLESS}: "Dynamic ports 9152 - 65535"', When.WINDOWS_2008),
            Requirement("139,445", "tcp", f'{_AGENTLESS}: "Port 139 and 445"', When.WINDOWS_2003),
            Requirement("1024-65535", "tcp", f'{_AGENTLESS}: "Dynamic ports 1024 - 65535"', When.WINDOWS_2003),
        ),
        Cost(4, 7, login_attempts=3, log="a logon event for each login; one if it is refused"),
        speaks="dcerpc",
        needs_agent="Windows",
        doubt="The document prints 9152-65535; Windows uses 49152-65535 for dynamic ports since Server 2008.",
        proven_by="Samba's endpoint mapper; impacket logs in to an emulated Windows",
    ),
    TargetType(
        "unix",
        "Unix or Unix-like host, agentless",
        22,
        one_port(
            22,
            "Unix or Unix-like host",
            _AGENTLESS,
            '"Target host must have an SSH server running. Proxy Agent host must have an SSH client installed."',
        ),
        Cost(1, 2, login_attempts=1, log=_SSH_LOG),
        speaks="ssh",
        takes_keys=True,
        server_first=True,
        needs_client="ssh",
        alike=True,
        options=("user", "directory", "known_hosts"),
        doubt="The document recommends an agent of the target's own platform; that is a note, not a requirement.",
        proven_by="OpenSSH, dropbear",
    ),
)
