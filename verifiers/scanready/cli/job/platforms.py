"""List the platforms that ``--assume-agent`` accepts."""

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
