"""Look up an address of a name in the hosts file of this host, which the system's resolver asks before the DNS.

Source: hosts(5); "HOSTS file" of Windows' TCP/IP documentation has the same form.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from functools import lru_cache
from pathlib import Path

from scanready.files import reading

#: Files with blocked advertisers have 5 MB.
_LARGEST = 16 << 20


def line_of(name: str, address: str) -> str:
    """Return the place of the line with this name and address, as ``/etc/hosts:12``; empty if there is none.

    Nothing is raised: a file that cannot be read has no line.
    """
    path = _path()
    try:
        status = path.stat()
        places = _places(path, status.st_mtime_ns, status.st_size, status.st_ino)
    except (OSError, ValueError, reading.Unreadable):
        return ""
    number = places.get((name.rstrip(".").lower(), address))
    return f"{path}:{number}" if number else ""


def _path() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "drivers", "etc", "hosts")
    return Path("/etc/hosts")


@lru_cache(maxsize=1)
def _places(path: Path, *_: int) -> dict[tuple[str, str], int]:
    """Return the first line of each name and address; the other arguments change with the content of the file."""
    found: dict[tuple[str, str], int] = {}
    for number, line in enumerate(reading.read(path, _LARGEST).decode("latin-1").splitlines(), 1):
        address, *names = line.partition("#")[0].split() or [""]
        if names and (written := _canonical(address)):
            for name in names:
                found.setdefault((name.rstrip(".").lower(), written), number)
    return found


def _canonical(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""
