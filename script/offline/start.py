"""Start scanready from scanready.pyz: unpack its packages into a private folder once, and run them.

The folder is below SCANREADY_UNPACK, else below the user's cache. Code is run from there, so it must belong to this
user, and other users must not be able to write there: otherwise it is refused. Exit code 2: not started, with one line.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

OWN = "SCANREADY_UNPACK"


class Refused(Exception):
    """Say why scanready does not start, in one line."""


def main() -> None:
    """Unpack if this file was not unpacked before, then run the command."""
    try:
        site = unpacked(Path(sys.argv[0]))
    except Refused as error:
        sys.stderr.write(f"scanready: {error}\n")
        raise SystemExit(2) from None
    # This archive gives way to the folder: child processes get the same path, and could not load a module in C from it.
    sys.path[:] = [str(site), *sys.path[1:]]
    from scanready.__main__ import start

    start()


def unpacked(archive: Path) -> Path:
    """Return the folder with the packages.

    Raises:
        Refused: the archive is for another Python or platform, or there is no private folder.
    """
    with zipfile.ZipFile(archive) as packed:
        about: dict[str, str] = json.loads(packed.read("bundle.json"))
        check_python(about)
        root = root_folder()
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_private(root)
            folder = root / str(about["content"])[:32]
            if not os.path.lexists(folder):
                unpack(packed, root, folder)
            check_private(folder)
        except OSError as error:
            reason = f"cannot unpack into {root}: {error.strerror or error}"
            raise Refused(f"{reason}; set {OWN} to a folder that only you can write to") from error
        except (zipfile.BadZipFile, zlib.error) as error:
            raise Refused(f"{archive} is damaged ({error}); copy it again") from error
    return folder / "site"


def check_python(about: dict[str, str]) -> None:
    """Compare this Python with the one that the packages are for.

    Raises:
        Refused: it is another version or platform.
    """
    here = f"Python {sys.version_info[0]}.{sys.version_info[1]} on {sys.platform} {platform.machine()}"
    wanted = f"Python {about['python']} on {about['system']} {about['machine']}"
    if here.lower() != wanted.lower():
        raise Refused(f"this file is for {wanted}; this is {here}")


def root_folder() -> Path:
    """Return the folder below which everything is unpacked.

    Raises:
        Refused: there is no home folder, and none is named.
    """
    if named := os.environ.get(OWN):
        return Path(named).absolute()
    cache = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    try:
        return Path(cache).absolute() / "scanready-pyz" if cache else Path.home() / ".cache" / "scanready-pyz"
    except RuntimeError:
        raise Refused(f"no home folder to unpack into; set {OWN} to a folder that only you can write to") from None


def check_private(folder: Path) -> None:
    """Check that no other user can have put code there.

    Raises:
        Refused: another user owns it, can write to it, or can replace it.
        OSError: it cannot be looked at.
    """
    found = folder.lstat()
    fault = ""
    if stat.S_ISLNK(found.st_mode) or getattr(os.path, "isjunction", os.path.islink)(folder):
        fault = "it is a link"
    elif not stat.S_ISDIR(found.st_mode):
        fault = "it is no folder"
    elif hasattr(os, "geteuid"):  # on Windows, the user's folder has the permissions that matter
        above = folder.parent.stat()
        if found.st_uid != os.geteuid():
            fault = "another user owns it"
        elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            fault = "other users can write to it"
        elif above.st_uid not in (0, os.geteuid()):
            fault = "another user owns the folder above it"
        elif above.st_mode & stat.S_IWOTH and not above.st_mode & stat.S_ISVTX:
            fault = "other users can write to the folder above it"
    if fault:
        raise Refused(f"will not run code from {folder}: {fault}; remove it, or set {OWN} to another folder")


def unpack(packed: zipfile.ZipFile, root: Path, folder: Path) -> None:
    """Unpack beside the folder, and rename: a start that was broken off leaves nothing that another one would run.

    Raises:
        OSError: it cannot be written.
    """
    beside = Path(tempfile.mkdtemp(prefix="unpacking-", dir=root))
    try:
        for member in packed.infolist():
            if member.filename.startswith("site/"):
                packed.extract(member, beside)
        try:
            beside.rename(folder)
        except OSError:
            if not os.path.lexists(folder):  # else another start was faster
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


if __name__ == "__main__":
    main()
