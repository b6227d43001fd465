"""Secrets by reference: ``env:NAME``, ``file:PATH``, ``keyring:SERVICE/USER``, ``prompt:``. Never a secret itself.

What is not a reference may be a password somebody wrote down: it is refused and
not repeated, not even its beginning.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
import warnings
from pathlib import Path

from scanready.catalogue.wrong import Wrong, shown
from scanready.model import Credential

from .problems import InventoryError, InventoryWarning, Problem

KINDS = "env:NAME, file:PATH, keyring:SERVICE/USER or prompt:"
#: What a JSON Schema can say about a reference.
PATTERN = r"^(env:.+|file:.+|keyring:.+/.+|prompt:)$"
# A password, a passphrase: far less. A reference to a disk image by mistake must not fill the memory.
_LARGEST_SECRET = 64 * 1024


def resolve_secret(reference: str) -> str:
    """Return the secret behind a reference. A carelessly protected file is told as an :class:`InventoryWarning`.

    Raises:
        InventoryError: it is no reference (an inline password is not repeated), or leads nowhere.
    """
    careless: list[str] = []
    messages: tuple[str, ...] = ()
    try:
        secret = look_up(reference, careless)
    except Wrong as wrong:
        messages = wrong.messages
    if messages:
        raise InventoryError(Problem(message) for message in messages)
    for message in careless:
        warnings.warn(message, InventoryWarning, stacklevel=2)
    return secret


def credential_from(user: str | None, password_from: str | None, key_file: str | None = None) -> Credential:
    """The credential of ``--user``, ``--password-from`` and a private key file.

    Without ``user`` its name stays empty, for the target URL to fill in.

    Raises:
        InventoryError: the reference is wrong or leads nowhere; the key file cannot be read.
    """
    password = None if password_from is None else resolve_secret(password_from)
    if key_file is not None:
        careless: list[str] = []
        messages: tuple[str, ...] = ()
        try:
            key_file = readable_file(key_file, Path(), careless)
        except Wrong as wrong:
            messages = wrong.messages
        if messages:
            raise InventoryError(Problem(f"key file {message}") for message in messages)
        for message in careless:
            warnings.warn(f"key file {message}", InventoryWarning, stacklevel=2)
    return Credential(user or "command line", user or "", password, key_file)


def check_reference(reference: str) -> tuple[str, str]:
    """Split a reference into its kind and the rest, without looking anything up.

    Raises:
        Wrong: it is none; nothing of it is repeated.
    """
    kind, colon, rest = reference.partition(":")
    if not colon or kind not in ("env", "file", "keyring", "prompt"):
        raise Wrong(f"an inline password is refused (and not repeated here): write a reference, {KINDS}")
    if kind == "prompt":
        if rest:
            raise Wrong("`prompt:` takes nothing after the colon")
    elif not rest:
        raise Wrong(f"`{kind}:` names nothing: write {KINDS}")
    elif kind == "keyring" and not all(rest.rpartition("/")[::2]):
        raise Wrong("`keyring:` needs a service and a user: keyring:SERVICE/USER")
    return kind, rest


def look_up(reference: str, careless: list[str], *, base: Path = Path(), whose: str = "") -> str:
    """Resolve a reference; relative files are looked for in ``base``; ``whose`` goes into the prompt.

    Raises:
        Wrong: it is no reference, leads nowhere, or to nothing.
    """
    kind, rest = check_reference(reference)
    match kind:
        case "env":
            secret = _environment(rest)
        case "file":
            secret = _file(rest, base, careless)
        case "keyring":
            secret = _keyring(rest)
        case _:
            secret = _prompt(whose)
    if not secret:
        raise Wrong(f"{shown(reference)} is empty")
    return secret


def _environment(name: str) -> str:
    try:
        return os.environ[name]
    except (KeyError, ValueError):
        raise Wrong(f"the environment variable {shown(name)} is not set") from None


def _file(name: str, base: Path, careless: list[str]) -> str:
    """The file's text less one line end, which editors and ``echo`` add."""
    path = readable_file(name, base, careless)
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST_SECRET + 1)
    except OSError as error:
        raise Wrong(f"{shown(name)} cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST_SECRET:
        raise Wrong(f"{shown(name)} is larger than {_LARGEST_SECRET // 1024} KiB: not a secret")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise Wrong(f"{shown(name)} is not UTF-8 text") from None
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def readable_file(name: str, base: Path, careless: list[str]) -> str:
    """Return the path of a private file that is there and can be read; note it in ``careless`` if others can, too.

    Raises:
        Wrong: it is not there, no file, or not ours to read.
    """
    try:
        path = base / Path(name).expanduser()
        mode = path.stat().st_mode
    except OSError as error:
        raise Wrong(f"{shown(name)} cannot be read: {error.strerror}") from None
    except (ValueError, RuntimeError):  # a NUL in the name; no home directory for "~"
        raise Wrong(f"{shown(name)} is not a file name") from None
    if stat.S_ISDIR(mode):
        raise Wrong(f"{shown(name)} is a directory")
    if not os.access(path, os.R_OK):
        raise Wrong(f"{shown(name)} cannot be read: Permission denied")
    # Windows keeps its permissions elsewhere: the mode bits there say nothing. A pipe has one reader anyway.
    if os.name != "nt" and stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        careless.append(f"{shown(name)} can be read by others (mode {stat.S_IMODE(mode):04o}): chmod 600")
    return str(path)


def _keyring(rest: str) -> str:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise Wrong("`keyring:` needs the keyring package: pip install 'scanready[keyring]'") from None
    service, _, user = rest.rpartition("/")
    try:
        secret = keyring.get_password(service, user)
    except keyring.errors.NoKeyringError:
        raise Wrong("`keyring:` finds no key ring on this host (no backend is available)") from None
    except keyring.errors.KeyringError as error:
        raise Wrong(f"the key ring did not answer: {type(error).__name__}") from None
    if secret is None:
        raise Wrong(f"the key ring has nothing for service {shown(service)}, user {shown(user)}")
    return str(secret)


def _prompt(whose: str) -> str:
    """Ask on the terminal, without echo; where echo cannot be switched off, do not ask."""
    if not any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        raise Wrong("`prompt:` needs a terminal, and there is none")
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"Password for {whose}: " if whose else "Password: ")
        except (getpass.GetPassWarning, EOFError):
            raise Wrong("`prompt:` could not ask on this terminal") from None
