"""Requirements of the scanner for CIFS and SMB file shares."""

from __future__ import annotations

from scanready.catalogue.requirement import Condition, Requirement, Requirements, Seen
from scanready.model import Target

_SECTION = "Proxy Agent Network Requirements, Network Storage"


def _windows_2000(target: Target, known: Seen) -> bool | None:
    dialect = str(known.facts.get("dialect") or "")
    return False if "2." in dialect or "3." in dialect else None


_WINDOWS_2000 = Condition("Windows 2000 and older", _windows_2000)

REQUIREMENTS = {
    "smb": Requirements(
        (
            Requirement("445", "tcp", f'{_SECTION}: "CIFS/SMB server" "To scan Windows remote file shares via CIFS."'),
            Requirement("139", "tcp", f'{_SECTION}: "139 (TCP)"', _WINDOWS_2000),
            Requirement("137,138", "udp", f'{_SECTION}: "137 (UDP)", "138 (UDP)"', _WINDOWS_2000),
        ),
        doubt="The document's row has no port number; CIFS has used 445 since Windows 2000. "
        "The document names no agent platform for shares; later documents require a Windows Proxy Agent.",
        suits="Windows",
    ),
}
