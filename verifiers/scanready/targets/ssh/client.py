"""The agent's own ``ssh`` client: is it there, what does it know, and what would it offer to a host?

The scanner logs in with this client, so whether a key exchange can succeed is
decided by *its* algorithms, not by any library's. It is asked, never run against
a target: ``ssh -V``, ``ssh -Q`` and ``ssh -G`` open no connection.

The answers hold for all hosts and are asked for once, anew only if the program
or a configuration file changes (an included one aside). ``ssh -G HOST`` for one host costs a process
(some 5 ms); over ten thousand targets that is a minute of CPU for the same answer
each time. So it is run only where a ``Host`` pattern of the configuration fits
that host, or where a ``Match`` block stands, which only ssh itself can judge.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scanready.catalogue.agent_program import Words
from scanready.causes import common
from scanready.files import reading
from scanready.wire import ssh as wire

from . import fixes

#: Its name in messages.
NAME = "ssh client"
#: Seconds for one question. ssh answers in milliseconds; a home directory on a dead file server never would.
PATIENCE = 5.0
#: A name that no `Host` section is written for: what holds for any host (RFC 2606, 2).
ANY_HOST = "scanready.invalid"

_SYSTEM = Path(os.environ.get("PROGRAMDATA", "C:/ProgramData"), "ssh") if sys.platform == "win32" else Path("/etc/ssh")
_USER = Path(os.path.expanduser("~"), ".ssh")
#: What ssh reads, in its order (ssh_config(5)).
CONFIG_FILES = (_USER / "config", _SYSTEM / "ssh_config")
_MOST_CONFIG, _MOST_INCLUDES = 1 << 20, 16

# The slots of a key exchange as `ssh -Q` lists what the program knows for each.
# `key` misses the RSA signature algorithms, `key-sig` is newer than OpenSSH 8.2: both together are the truth.
_QUERIES = {"kex": ("kex",), "host_key": ("key", "key-sig"), "cipher": ("cipher",), "mac": ("mac",)}


@dataclass(frozen=True, slots=True)
class Effective:
    """What ssh would do for one host: the algorithms it offers, and the known_hosts files it looks into."""

    offer: wire.KexInit
    known_hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """The client program. ``supported`` is all it knows, by slot; ``general`` is None if it could not be asked."""

    program: str
    version: str
    supported: Mapping[str, frozenset[str]] = field(repr=False)
    general: Effective | None = field(repr=False)
    patterns: tuple[str, ...] = ()
    matches: bool = False

    def has_section_for(self, host: str) -> bool:
        """True if the configuration may treat this host unlike others. Asking needlessly costs only time."""
        name = host.lower()
        return self.matches or any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns)


_State = tuple[str, tuple[tuple[str, int], ...]]
_known: dict[_State, Client] = {}
_asking = threading.Lock()


def state() -> _State | None:
    """The program and the age of all it reads; None without a program. No process."""
    program = shutil.which("ssh")
    if program is None:
        return None
    files = (program, *map(str, CONFIG_FILES))
    return program, tuple((path, os.stat(path).st_mtime_ns) for path in files if os.path.exists(path))


def present() -> Client | None:
    """The client as it is now, None if there is none; blocks as :func:`client` does."""
    now = state()
    return None if now is None else client(now)


def client(now: _State) -> Client:
    """Ask the client; blocks up to `PATIENCE` seconds a question. Whoever asks meanwhile waits for the same answer."""
    with _asking:
        if now not in _known:
            _known.clear()
            _known[now] = _ask(now[0])
        return _known[now]


def _ask(program: str) -> Client:
    patterns, matches = _sections()
    supported = {
        slot: frozenset(name for query in queries for name in _run(program, "-Q", query).split())
        for slot, queries in _QUERIES.items()
    }
    general = effective(program, ANY_HOST, 22)
    return Client(program, _run(program, "-V").partition(",")[0].strip(), supported, general, patterns, matches)


def effective(program: str, host: str, port: int) -> Effective | None:
    """Ask ``ssh -G`` what it would do for a host; None if it does not say (before OpenSSH 6.8) or does not answer.

    A name that begins with a minus is never handed over: older programs take it for an option.
    """
    if host.startswith("-"):
        return None
    settings: dict[str, str] = {}
    for line in _run(program, "-G", "-p", str(port), "--", host).splitlines():
        keyword, _, value = line.partition(" ")
        settings.setdefault(keyword.lower(), value)
    lists = [tuple(filter(None, settings.get(option.lower(), "").split(","))) for option in fixes.OPTIONS.values()]
    if not all(lists):
        return None
    files = settings.get("userknownhostsfile", "").split() + settings.get("globalknownhostsfile", "").split()
    return Effective(wire.offer(*lists), tuple(files))


def _run(*argv: str) -> str:
    """What a question prints (``ssh -V`` prints on standard error); nothing if it fails or hangs."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout or done.stderr) if done.returncode == 0 else ""


def _sections() -> tuple[tuple[str, ...], bool]:
    """The ``Host`` patterns that are not for all hosts, and whether there is a ``Match`` block that is not."""
    patterns: list[str] = []
    matches = False
    for path in CONFIG_FILES:
        for keyword, words in _lines(path, path.parent, 0):
            if keyword == "host":
                # A negated pattern narrows its section; the section may fit where it does not.
                patterns += [word.lower().replace("[", "[[]") for word in words if word != "*" and word[:1] != "!"]
            elif keyword == "match":
                matches = matches or [word.lower() for word in words] != ["all"]
    return tuple(dict.fromkeys(patterns)), matches


def _lines(path: Path, base: Path, depth: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the keywords (lower case) and words of a configuration file, its includes in their place."""
    try:
        text = reading.read(path, _MOST_CONFIG).decode("utf-8", "replace")
    except reading.Unreadable:
        return
    for line in text.splitlines():
        keyword, *words = line.replace("=", " ", 1).replace('"', " ").split() or ["#"]
        if keyword.lower() == "include" and depth < _MOST_INCLUDES:
            for word in words:
                for found in sorted(glob.glob(os.path.join(base, os.path.expanduser(word)))):
                    yield from _lines(Path(found), base, depth + 1)
        elif not keyword.startswith("#"):
            yield keyword.lower(), words


# findings about it -----------------------------------------------------------------------------------------------

_MISSING = "there is no program `ssh` in this agent's PATH"
# Retired algorithms that old targets have nothing else for, by slot: without them no configuration helps.
_FOR_OLD_TARGETS = {
    "kex": ("diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1"),
    "host_key": ("ssh-rsa", "ssh-dss"),
    "cipher": ("aes128-cbc", "3des-cbc"),
    "mac": ("hmac-sha1", "hmac-md5"),
}
_SLOTS = {"kex": "key exchanges", "host_key": "host key algorithms", "cipher": "ciphers", "mac": "MACs"}


def describe(found: Client | None, words: Words) -> None:
    """State which client it is."""
    if found is None:
        words.fail(common.CLIENT_MISSING, _MISSING, fixes.INSTALL_CLIENT())
    else:
        words.ok(f"ssh client {found.version or found.program}", ssh_client=found.version)


def examine(found: Client | None, words: Words, needing: Sequence[str], named: Sequence[str]) -> None:
    """State which client it is and what it knows; a missing one fails where a type to be served needs it."""
    if found is None and needing:
        needed = f"{_MISSING}; {' and '.join(needing)} targets need it"
        words.fail(common.CLIENT_MISSING, needed, fixes.INSTALL_CLIENT())
    elif found is None:
        words.skip(f"{_MISSING}; none of these targets needs it")
    else:
        known = {slot: sorted(found.supported[slot]) for slot in _SLOTS}
        counts = ", ".join(f"{len(known[slot])} {names}" for slot, names in _SLOTS.items())
        words.ok(f"{found.version or found.program}: {counts}", ssh_client=found.version, **known)
        unknown = [name for slot, names in _FOR_OLD_TARGETS.items() for name in names if name not in known[slot]]
        if unknown and any(known.values()):
            words.ok(f"cannot do {', '.join(unknown)}, which some old targets want", cannot=unknown)
        if found.general is None:
            words.ok("its effective configuration cannot be asked (ssh -G)")
