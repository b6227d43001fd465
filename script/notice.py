"""Write and read NOTICE: the packages that an install of scanready brings along, each with its licence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pins

FILE = pins.ROOT / "NOTICE"
_HEAD = """\
scanready
Copyright the scanready authors
Licensed under the Apache License, Version 2.0: see LICENSE.

An install has the packages below, in the versions that are pinned. They are not part of scanready, and each has its own
licence: the expression is SPDX's, or else the package's own words. The text of a licence is in the package, in the
folder NAME-VERSION.dist-info. Written by script/update-notice.
"""
_TITLES = {
    "constraints.txt": "What an agent has by default",
    "constraints-windows.txt": "What logins to Windows need besides",
    "constraints-fleet.txt": "What `scanready fleet` needs besides",
}
_LINE = re.compile(r"^  (\S+) (\S+)  +(\S.*)$", re.MULTILINE)


def installed() -> Iterator[tuple[str, list[pins.Pin]]]:
    """Yield the packages of each file of pins, but those of the tests, which no install has."""
    known: set[str] = set()
    files = [file for file in pins.FILES if file != "constraints-test.txt"]
    for file in sorted(files, key=lambda file: (file not in _TITLES, files.index(file))):
        new = [pin for pin in pins.read(file) if pin.name not in known]
        known |= {pin.name for pin in new}
        if new:
            yield file, new


def text(licence: Callable[[str, str], str]) -> str:
    """Return NOTICE.

    Args:
        licence: returns the licence of a version of a package.
    """
    made = _HEAD
    for file, found in installed():
        extra = file.removeprefix("constraints/").removesuffix(".txt")
        made += f"\n{_TITLES.get(file, f'What the extra {extra} needs besides')} ({file})\n\n"
        wide = max(len(f"{pin.name} {pin.version}") for pin in found)
        made += "".join(f"  {f'{pin.name} {pin.version}':{wide}}  {licence(pin.name, pin.version)}\n" for pin in found)
    return made


def licences() -> dict[tuple[str, str], str]:
    """Return the licence of each package and version in NOTICE."""
    return {(name, version): licence for name, version, licence in _LINE.findall(FILE.read_text(encoding="utf-8"))}
