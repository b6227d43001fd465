"""Find the agent's own Notes client and the ID file that it is set up with.

The scanner reads Domino through this client, as the user of its ID file. Nothing is run and nothing is sent: the check
looks at the folders that its installers use, and reads the line of ``notes.ini`` that names the ID file.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanready.catalogue.agent_program import Words
from scanready.causes import client_program
from scanready.files import reading
from scanready.remedies.fixes import Fix, on_agent

from . import causes

#: The client's name in messages.
NAME = "Notes client"
#: The vendor's names in folders of the product, newest first.
_MAKERS = ("HCL", "IBM", "IBM/Lotus", "Lotus")
_WINDOWS_PROGRAMS = ("notes.exe", "nlnotes.exe")
_UNIX_PROGRAMS = ("notes", "notes2", "linux/notes2")
_MAC_BUNDLES = ("HCL Notes.app", "IBM Notes.app", "Lotus Notes.app")  # "Notes.app" is Apple's own
#: A variable that names the folder if the client is in no usual place; the Notes API uses the same name.
FOLDER_VARIABLE = "Notes_ExecDirectory"
_MOST_INI = 1 << 20
_KEY_FILE = re.compile(rb"^[ \t]*KeyFileName[ \t]*=[ \t]*([^\r\n]{1,400})", re.IGNORECASE | re.MULTILINE)
_DATA_FOLDER = re.compile(rb"^[ \t]*Directory[ \t]*=[ \t]*([^\r\n]{1,400})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Client:
    """Describe the client: its program, its notes.ini (``settings``) and the ID file named there (``identity``).

    The texts are empty if not found. ``identity_there`` is false if the named ID file does not exist.
    """

    program: str
    settings: str = ""
    identity: str = ""
    identity_there: bool = False


def present() -> Client | None:
    """Look for the client in the folders of its installers, in PATH, and in the folder of `FOLDER_VARIABLE`."""
    for folder, names in _folders():
        for name in names:
            program = Path(folder, name)
            if program.is_file():
                return _with_settings(program)
    return None


def places() -> str:
    """Describe where :func:`present` looks, for a message that it found nothing."""
    registry = "the registry (SOFTWARE\\Lotus\\Notes), in " if sys.platform == "win32" else ""
    return f"{registry}the usual folders, in PATH or in {FOLDER_VARIABLE}"


def _folders() -> Iterator[tuple[str, tuple[str, ...]]]:
    windows = sys.platform == "win32"
    names = _WINDOWS_PROGRAMS if windows else _UNIX_PROGRAMS
    if folder := os.environ.get(FOLDER_VARIABLE):
        yield folder, names
    if windows:
        yield from ((folder, names) for folder in _registered("Path"))
        for root in (os.environ.get("PROGRAMFILES"), os.environ.get("PROGRAMFILES(X86)")):
            yield from ((f"{root}/{maker}/Notes", names) for maker in _MAKERS if root)
    elif sys.platform == "darwin":
        yield from ((f"/Applications/{bundle}/Contents/MacOS", ("Notes", *names)) for bundle in _MAC_BUNDLES)
    else:
        yield from ((f"/opt/{maker.lower()}/notes", names) for maker in _MAKERS)
    # Other products also have a program called "notes", so in PATH only the names that are unique to this one count.
    own = _WINDOWS_PROGRAMS[1:] if windows else _UNIX_PROGRAMS[1:2]
    yield from ((folder, own) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder)


def _registered(value: str) -> list[str]:
    """Return a value of the installer's registry key; 32-bit clients have their own view of the registry."""
    if sys.platform != "win32":
        return []
    import winreg

    found = []
    for root in (winreg.HKEY_LOCAL_MACHINE, winreg.HKEY_CURRENT_USER):
        for view in (winreg.KEY_WOW64_64KEY, winreg.KEY_WOW64_32KEY):
            try:
                with winreg.OpenKey(root, r"SOFTWARE\Lotus\Notes", 0, winreg.KEY_READ | view) as key:
                    found.append(str(winreg.QueryValueEx(key, value)[0]))
            except OSError:
                continue
    return found


def _with_settings(program: Path) -> Client:
    for path in _settings(program.parent):
        try:
            content = reading.read(path, _MOST_INI)
        except reading.Unreadable:
            continue
        named = _KEY_FILE.search(content)
        if named is None:
            return Client(str(program), str(path))
        identity = _identity(named[1].decode("latin-1").strip(), content, path.parent)
        return Client(str(program), str(path), str(identity), _is_file(identity))
    return Client(str(program))


def _settings(folder: Path) -> Iterator[Path]:
    """Yield the possible paths of notes.ini: beside the program, or in the data folder of the current user."""
    yield folder / "notes.ini"
    yield from (Path(data, "notes.ini") for data in _registered("DataPath"))
    if local := os.environ.get("LOCALAPPDATA"):
        yield from (Path(local, maker, "Notes", "Data", "notes.ini") for maker in _MAKERS)
    home = Path(os.path.expanduser("~"))
    yield from (home / maker.lower() / "notes" / "data" / "notes.ini" for maker in _MAKERS)
    yield home / "notes" / "data" / "notes.ini"
    yield home / "Library" / "Preferences" / "Notes Preferences"


def _identity(name: str, settings: bytes, folder: Path) -> Path:
    """Return the path of the ID file; a name without a folder is in the data folder."""
    data = _DATA_FOLDER.search(settings)
    return Path(data[1].decode("latin-1").strip() if data else folder) / name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


#: Installs the client on the agent.
_INSTALL = Fix(
    "Install the vendor's Notes client, and set it up with the scan account's ID file.",
    at=on_agent("as the user that the scanner runs as"),
)

# findings about it -----------------------------------------------------------------------------------------------


def describe(found: Client | None, words: Words) -> None:
    """Record whether the client is installed and set up with an ID file."""
    if found is None:  # only a warning: the document does not require it, and it may be in another folder
        words.warn(client_program.MISSING, f"no Notes client was found in {places()}", _INSTALL())
    elif found.settings and not found.identity_there:
        named = f"names the ID file {found.identity}, which does not exist" if found.identity else "names no ID file"
        words.warn(causes.NO_ID, f"Notes client {found.program}: {found.settings} {named}")
    else:
        setup = f", with the ID file {found.identity}" if found.identity else "; no settings of this user were found"
        words.ok(f"Notes client {found.program}{setup}", notes_client=found.program, notes_id=found.identity)


def examine(found: Client | None, words: Words, needing: Sequence[str], named: Sequence[str]) -> None:
    """Record the same as :func:`describe`; a missing client matters only if a target needs it."""
    if found is None and not named:
        words.skip("no Notes client was found; only notes targets need one")
    else:
        describe(found, words)
