"""List the platforms of agents by the names that ``--assume-agent`` and an inventory use."""

from __future__ import annotations

#: The ``platform.system()`` of each platform.
PLATFORMS = {
    "windows": "Windows",
    "linux": "Linux",
    "macos": "Darwin",
    "freebsd": "FreeBSD",
    "solaris": "SunOS",
    "aix": "AIX",
    "hpux": "HP-UX",
}


def platform_name(system: str) -> str:
    """Return the name of a platform as an inventory writes it; ``system`` is as ``platform.system()`` names it."""
    return next((name for name, known in PLATFORMS.items() if known == system), system)
