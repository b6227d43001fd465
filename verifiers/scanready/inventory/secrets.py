"""Look up secrets by reference: ``env:NAME``, ``file:PATH``, ``keyring:SERVICE/USER`` and the like, ``prompt:``.

``exec:COMMAND`` runs a command. Only a file that this user or the system wrote may do that: see ``commands``.

Any other text may be a password. It is refused and not repeated, not even its beginning.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from scanready.catalogue.wrong import Wrong, shown
from scanready.files import reading
from scanready.files.byte_order import encoding_of, is_marked
from scanready.files.trust import others_can_read_secret
from scanready.model import Credential

from .problems import InventoryError, InventoryWarning, Problem
from .sources import path_of, source_of

KINDS = "env:NAME, file:PATH, keyring:SERVICE/USER, credstore:NAME, aws-sm:ID#FIELD or prompt:"
#: The form of a reference, for the JSON Schema; in this host's own file, and elsewhere.
PATTERN = r"^(env:.+|file:.+|keyring:.+/.+|credstore:[^/]+|aws-sm:.+|prompt:)$"
OWN_PATTERN = PATTERN.replace("|prompt:", "|exec:.+|prompt:")
_NO_COMMANDS = (
    "`exec:` is refused here: it is read only from credentials.yaml and scanready.toml in the configuration folder of "
    "this user or of the system"
)
_KNOWN = ("env", "file", "keyring", "credstore", "aws-sm", "exec", "prompt")
# Passwords are far shorter; a mistaken reference to a disk image must not fill the memory.
_LARGEST_SECRET = 64 << 10
# A private key of 16,384 bits in PEM is 13 KB; the list of all public authorities 230 KB.
_PLAIN_NAME = re.compile(r"[^/\\\0]+")
_LARGEST_KEY, _LARGEST_CA_FILE = 1 << 20, 4 << 20
#: The beginning of a certificate in DER: a sequence of 256 bytes at least.
_DER = b"\x30\x82"


def resolve_secret(reference: str, *, commands: bool = False) -> str:
    """Return the secret of a reference; warn of a file that others can read (:class:`InventoryWarning`).

    Args:
        reference: such as ``env:NAME``.
        commands: ``exec:`` may run a command: the reference is from a file that only this user or root can write.

    Raises:
        InventoryError: it is not a reference (an inline password is not repeated), or it cannot be resolved.
    """
    careless: list[str] = []
    messages: tuple[str, ...] = ()
    try:
        secret = look_up(reference, careless, commands=commands)
    except Wrong as wrong:
        messages = wrong.messages
    if messages:
        raise InventoryError(Problem(message) for message in messages)
    for message in careless:
        warnings.warn(message, InventoryWarning, stacklevel=2)
    return secret


def credential_from(
    user: str | None, password_from: str | None, key_file: str | None = None, *, commands: bool = False
) -> Credential:
    """Return the credential of ``--user``, ``--password-from`` and a private key file.

    Without ``user`` its name is empty; the target URL provides it. ``commands`` is that of :func:`resolve_secret`.

    Raises:
        InventoryError: the reference is wrong or cannot be resolved; the key file cannot be read.
    """
    given = {"password": password_from, "key_file": key_file}
    source = source_of({key: value for key, value in given.items() if value is not None}, Path())
    password = None if password_from is None else resolve_secret(password_from, commands=commands)
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
    return Credential(user or "command line", user or "", password, key_file, source=source)


def check_reference(reference: str, *, commands: bool = False) -> tuple[str, str]:
    """Split a reference into its kind and the rest, without looking anything up; ``exec:`` needs ``commands``.

    Raises:
        Wrong: it is not a reference; nothing of it is repeated.
    """
    kind, colon, rest = reference.partition(":")
    if not colon or kind not in _KNOWN:
        raise Wrong(f"an inline password is refused (and not repeated here): write a reference, {KINDS}")
    if kind == "exec" and not commands:
        raise Wrong(_NO_COMMANDS)
    if kind == "prompt":
        if rest:
            raise Wrong("`prompt:` must end with the colon: remove the text after it")
    elif not rest:
        raise Wrong(f"`{kind}:` is incomplete: write {KINDS}")
    elif kind == "keyring" and not all(rest.rpartition("/")[::2]):
        raise Wrong("`keyring:` needs a service and a user: write keyring:SERVICE/USER")
    elif kind == "credstore" and (rest in (".", "..") or not _PLAIN_NAME.fullmatch(rest)):
        raise Wrong("`credstore:` needs the name of a credential, without a folder: write credstore:NAME")
    elif kind == "aws-sm" and not all(rest.split("#", 1)):
        raise Wrong("`aws-sm:` needs the name or ARN of a secret, and a field after `#`: write aws-sm:ID#FIELD")
    elif kind == "exec":
        from .secret_command import words_of

        words_of(rest)
    return kind, rest


def look_up(
    reference: str, careless: list[str], *, base: Path = Path(), whose: str = "", commands: bool = False
) -> str:
    """Resolve a reference; relative files start at ``base``; ``whose`` appears in the prompt.

    Raises:
        Wrong: it is not a reference, cannot be resolved, or its secret is empty.
    """
    kind, rest = check_reference(reference, commands=commands)
    named = "`exec:`" if kind == "exec" else shown(reference)  # its arguments are not shown
    match kind:
        case "env":
            secret = _environment(rest)
        case "file":
            secret = _file(rest, base, careless)
        case "keyring":
            from . import key_ring

            secret = key_ring.look_up(rest)
        case "credstore":
            secret = _credential_of_unit(rest)
        case "aws-sm":
            from . import aws_secrets

            secret = aws_secrets.look_up(rest)
        case "exec":
            from . import secret_command

            secret = _text(secret_command.run(rest, _LARGEST_SECRET), "the output of `exec:`")
        case _:
            secret = _prompt(whose)
    if not secret:
        raise Wrong(f"{named} is empty")
    try:
        secret.encode()
    except UnicodeEncodeError:  # Python's escapes for bytes from the environment that are not UTF-8
        raise Wrong(f"the secret of {named} is not UTF-8 text") from None
    return secret


def _environment(name: str) -> str:
    try:
        return os.environ[name]
    except (KeyError, ValueError):
        raise Wrong(f"the environment variable {shown(name)} is not set") from None


def _file(name: str, base: Path, careless: list[str]) -> str:
    """Return the text of a file without its byte order mark and one line end, which editors and ``echo`` add."""
    path = path_of(name, base)
    with _complaints(name):
        content = reading.read(path, _LARGEST_SECRET)
    _note_if_open(name, path, careless)
    return _text(content, shown(name))


def _credential_of_unit(name: str) -> str:
    """Return a credential that systemd loaded for this unit (``LoadCredential=``)."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise Wrong(
            "`credstore:` finds no $CREDENTIALS_DIRECTORY: systemd sets it for a unit with "
            f"LoadCredential={shown(name).strip('`')}:PATH"
        )
    with _complaints(f"credstore:{name}"):
        content = reading.read(Path(folder) / name, _LARGEST_SECRET)
    return _text(content, shown(f"credstore:{name}"))


def _text(content: bytes, named: str) -> str:
    """Return a secret as text, without a byte order mark and one line end."""
    encoding = encoding_of(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise Wrong(f"{named} is not {'UTF-16' if encoding == 'utf-16' else 'UTF-8'} text") from None
    if "\0" in text:  # UTF-16 without its mark, or not text: a wrong password would be sent
        raise Wrong(f"{named} holds a NUL character: save it as UTF-8 text")
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def readable_file(name: str, base: Path, careless: list[str]) -> str:
    """Return the path of a readable private file; note it in ``careless`` if others can read it.

    Raises:
        Wrong: it is missing, not a file, too large for a key, unreadable, or begins with a byte order mark.
    """
    path = path_of(name, base)
    with _complaints(name):
        reading.check_regular(path, _LARGEST_KEY)
        content = reading.read(path, _LARGEST_KEY)
    _refuse_mark(name, content)
    _note_if_open(name, path, careless)
    return str(path)


def certificates_file(name: str, base: Path) -> str:
    """Return the path of a file of certificates (PEM) that can be read.

    Raises:
        Wrong: it is missing, not a file, too large, or holds no certificate.
    """
    path = path_of(name, base)
    check_certificates(name, path)
    return str(path)


def check_certificates(name: str, path: Path) -> None:
    """Check that a file can be read and holds certificates (PEM); messages call it ``name``.

    Raises:
        Wrong: it is missing, not a file, too large, or holds no certificate.
    """
    import ssl

    with _complaints(name):
        reading.check_regular(path, _LARGEST_CA_FILE)
        content = reading.read(path, _LARGEST_CA_FILE)
    _refuse_mark(name, content)
    if content[:2] == _DER:
        raise Wrong(f"{shown(name)} is in DER format, not PEM: convert it with `openssl x509 -inform DER`")
    text = content.decode("ascii", "replace").replace("\ufffd", "?")  # comments may have names of authorities
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise Wrong(f"{shown(name)} holds no certificates in PEM format, or a damaged one") from None


def _refuse_mark(name: str, content: bytes) -> None:
    """Refuse a file with a byte order mark, because the libraries that read it ignore its first line."""
    if is_marked(content):
        raise Wrong(f"{shown(name)} begins with a byte order mark, which hides its first line: save it as ASCII")


@contextlib.contextmanager
def _complaints(name: str) -> Iterator[None]:
    try:
        yield
    except reading.Unreadable as error:
        raise Wrong(f"{shown(name)} {error}") from None


def _note_if_open(name: str, path: Path, careless: list[str]) -> None:
    """Note a file that others can read; not on Windows, whose permissions are different, and not a pipe."""
    try:
        found = path.stat()
    except OSError:
        return
    if os.name != "nt" and stat.S_ISREG(found.st_mode) and others_can_read_secret(found):
        careless.append(f"{shown(name)} can be read by other users (mode {stat.S_IMODE(found.st_mode):04o}): chmod 600")


def _prompt(whose: str) -> str:
    """Ask on the terminal without echo; do not ask if echo cannot be switched off."""
    if not any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        raise Wrong("`prompt:` needs a terminal, and there is none: use env:NAME or file:PATH")
    import getpass  # loaded late, with the terminal's modules

    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"Password for {whose}: " if whose else "Password: ")
        except (getpass.GetPassWarning, EOFError, OSError):
            raise Wrong("`prompt:` could not ask on this terminal") from None
        except UnicodeError:
            raise Wrong("the typed text does not fit the encoding of this terminal") from None
