"""Requirements of the scanner for Windows hosts."""

from __future__ import annotations

import re

from scanready.catalogue.requirement import Condition, Requirement, Requirements, Seen
from scanready.model import Target

from .options import WMI_PORT

_SECTION = "Proxy Agent Network Requirements, Agentless Scan"


def _major(known: Seen) -> int | None:
    found = re.match(r"(\d+)\.\d", str(known.facts.get("version") or ""))
    return int(found[1]) if found else None


def _new(target: Target, known: Seen) -> bool | None:
    """Return True unless the host reports an older version; those have been out of support since 2015."""
    major = _major(known)
    return major is None or major >= 6


def _old(target: Target, known: Seen) -> bool | None:
    major = _major(known)
    return None if major is None else major < 6


_WINDOWS_2008 = Condition("Windows Server 2008 and newer", _new)
_WINDOWS_2003 = Condition("Windows Server 2003R2 and older", _old)

REQUIREMENTS = {
    "windows": Requirements(
        (
            Requirement("135", "tcp", f'{_SECTION}: "Windows host", "Port 135."'),
            Requirement(
                "49152-65535", "tcp", f'{_SECTION}: "Dynamic ports 9152 - 65535"', _WINDOWS_2008, (WMI_PORT.name,)
            ),
            Requirement("139,445", "tcp", f'{_SECTION}: "Port 139 and 445"', _WINDOWS_2003),
            Requirement("1024-65535", "tcp", f'{_SECTION}: "Dynamic ports 1024 - 65535"', _WINDOWS_2003),
        ),
        doubt="The document prints 9152-65535. Windows has used 49152-65535 for dynamic ports since Server 2008.",
        agent="Windows",
    ),
}
