"""Define the scanner's requirements for Unix hosts and SSH file shares."""

from __future__ import annotations

from scanready.catalogue.requirement import Requirements, one_port

_HOST = '"Target host must have an SSH server running. Proxy Agent host must have an SSH client installed."'
_SHARE = '"To scan Unix or Unix-like remote file shares via SSH."'

REQUIREMENTS = {
    "unix": Requirements(
        one_port(22, "Unix or Unix-like host", "Proxy Agent Network Requirements, Agentless Scan", _HOST),
        doubt="The document recommends an agent on the target's platform. This is a note, not a requirement.",
        alike=True,
        client="ssh",
    ),
    "ssh": Requirements(
        one_port(22, "SSH server", "Proxy Agent Network Requirements, Network Storage", _SHARE), client="ssh"
    ),
}
