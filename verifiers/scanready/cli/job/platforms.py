"""The platforms that ``--assume-agent`` takes."""

from __future__ import annotations

#: ``platform.system()`` of each agent one can assume.
PLATFORMS = {
    "windows": "Windows",
    "linux": "Linux",
    "macos": "Darwin",
    "freebsd": "FreeBSD",
    "solaris": "SunOS",
    "aix": "AIX",
    "hpux": "HP-UX",
}
