"""Inspect the agent's own ``ssh`` client: its version, its algorithms, and what it would offer to a host.

The scanner logs in with this client, so its algorithms decide whether a key exchange can succeed, not those of a
library. The client is never run against a target: ``ssh -V``, ``ssh -Q`` and ``ssh -G`` open no connection.

The answers are the same for all hosts. They are read once, and again only if the program or a configuration file
changes (included files are not watched). ``ssh -G HOST`` for one host costs a process (some 5 ms); for ten thousand
targets that is a minute of CPU for identical answers. So it runs only if a ``Host`` pattern of the configuration
matches that host, or if there is a ``Match`` block, which only ssh itself can evaluate.
"""

from __future__ import annotations

import errno
import fnmatch
import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scanready.catalogue.agent_program import Words
from scanready.causes import client_program
from scanready.clients.child_process import own_group
from scanready.files import reading
from scanready.model import Cause
from scanready.wire import ssh as wire
from scanready.wire.printable import printable, visible

from . import fixes

#: The client's name in messages.
NAME = "ssh client"
#: Seconds for all calls together. ssh answers in milliseconds, unless the home directory is on a dead file server.
PATIENCE = 5.0
#: A name that no `Host` section names, to read the settings for any host (RFC 2606, 2).
ANY_HOST = "scanready.invalid"

_PROGRAM_DATA = os.environ.get("PROGRAMDATA", "C:/ProgramData")
#: It stands for that folder in what Windows' ssh prints.
_PLACEHOLDER = "__PROGRAMDATA__"
#: The beginning of an absolute path on any system, of one in a home directory, or the word for no file.
_BEGINS_PATH = re.compile(r"[/\\~%]|[A-Za-z]:|__PROGRAMDATA__|none$", re.IGNORECASE)
_SYSTEM = Path(_PROGRAM_DATA, "ssh") if sys.platform == "win32" else Path("/etc/ssh")
_USER = Path(os.path.expanduser("~"), ".ssh")
#: The files that ssh reads, in its order (ssh_config(5)).
CONFIG_FILES = (_USER / "config", _SYSTEM / "ssh_config")
_MOST_CONFIG, _MOST_INCLUDES = 1 << 20, 16

#: Exit codes of a shell or a loader that cannot run a program (POSIX, XCU 2.8.2); codes of Windows from this one on are
#: those of a process that could not start or crashed, such as 0xC0000135 for a missing DLL ([MS-ERREF], 2.3.1).
_NOT_RUN, _WINDOWS_FAULTS = (126, 127), 0xC000_0000
#: Words of a program that runs, and then finds its libraries unfit. OpenSSH ends with 255, as for any other error.
_UNFIT = re.compile(
    r"OpenSSL version mismatch|shared librar|symbol lookup error|version `\S+' not found|dyld\[?\d*\]?:",
    re.IGNORECASE,
)

# The queries of `ssh -Q` for each kind of algorithm. `key` lacks the RSA signature algorithms, and `key-sig` is newer
# than OpenSSH 8.2, so both are needed.
#: ssh_config(5) writes "yes"; ``ssh -G`` prints the other word.
_STRICT = ("yes", "true")
_QUERIES = {"kex": ("kex",), "host_key": ("key", "key-sig"), "cipher": ("cipher",), "mac": ("mac",)}


@dataclass(frozen=True, slots=True)
class Effective:
    """Hold ssh's configuration for one host.

    Attributes:
        offer: the algorithms it offers.
        known_hosts: the files it reads.
        strict: it connects only to a host whose key these files contain.
    """

    offer: wire.KexInit
    known_hosts: tuple[str, ...]
    strict: bool = False


class Trouble(NamedTuple):
    """Say which command does not work, and how: ``silent`` if it did not answer in time, otherwise it cannot run."""

    command: str
    words: str
    silent: bool

    @property
    def cause(self) -> Cause:
        """Return the cause of it."""
        return client_program.SILENT if self.silent else client_program.BROKEN

    def __str__(self) -> str:
        """Return it as one line."""
        return f"`{self.command}` {self.words}"


class _Printed(NamedTuple):
    """Hold what a command printed, empty if it failed; and how it failed."""

    text: str
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """Describe the client program.

    ``supported`` has the algorithms it supports, by kind. ``general`` is its configuration for any host, None if that
    could not be read. ``trouble`` says why it does not run or answer; None if it does.
    """

    program: str
    version: str
    supported: Mapping[str, frozenset[str]] = field(repr=False)
    general: Effective | None = field(repr=False)
    patterns: tuple[str, ...] = ()
    matches: bool = False
    trouble: Trouble | None = None

    def has_section_for(self, host: str) -> bool:
        """Return whether the configuration may contain settings for this host; a needless True costs only time."""
        name = host.lower()
        return self.matches or any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns)


_State = tuple[str, tuple[tuple[str, int], ...]]
_known: dict[_State, Client] = {}
_asking = threading.Lock()


def state() -> _State | None:
    """Return the program and the modification times of the files it reads; None without a program.

    No process is started.
    """
    program = shutil.which("ssh")
    if program is None:
        return None
    files = (program, *map(str, CONFIG_FILES))
    return program, tuple((path, os.stat(path).st_mtime_ns) for path in files if os.path.exists(path))


def present() -> Client | None:
    """Return the client as it is now, None if there is none; block as :func:`client` does."""
    now = state()
    return None if now is None else client(now)


def client(now: _State) -> Client:
    """Read the client's version and algorithms; block up to `PATIENCE` seconds.

    Concurrent callers wait for the same answer.
    """
    with _asking:
        if now not in _known:
            _known.clear()
            _known[now] = _ask(now[0])
        return _known[now]


def _ask(program: str) -> Client:
    """Ask everything side by side: the first packet to a target waits for these answers."""
    until = time.monotonic() + PATIENCE
    asked = {query: _begun(program, "-Q", query) for queries in _QUERIES.values() for query in queries}
    about, settings = _begun(program, "-V"), _begun(program, *_settings_of(ANY_HOST, 22))
    patterns, matches = _sections()
    version = _output(about, until)
    answers = {query: _output(process, until).text.split() for query, process in asked.items()}
    supported = {
        slot: frozenset(name for query in queries for name in answers[query]) for slot, queries in _QUERIES.items()
    }
    general = _effective(_output(settings, until).text)
    name = version.text.partition(",")[0].strip()
    return Client(program, name, supported, general, patterns, matches, version.trouble)


def effective(program: str, host: str, port: int) -> Effective | None:
    """Read ssh's configuration for a host with ``ssh -G``; None before OpenSSH 6.8 or if it does not answer.

    A name that begins with a minus is never passed on: older programs read it as an option.
    """
    if host.startswith("-"):
        return None
    return _effective(_output(_begun(program, *_settings_of(host, port)), time.monotonic() + PATIENCE).text)


def _settings_of(host: str, port: int) -> tuple[str, ...]:
    return "-G", "-p", str(port), "--", host


def _effective(output: str) -> Effective | None:
    settings: dict[str, str] = {}
    for line in output.splitlines():
        keyword, _, value = line.partition(" ")
        settings.setdefault(keyword.lower(), value)
    lists = [tuple(filter(None, settings.get(option.lower(), "").split(","))) for option in fixes.OPTIONS.values()]
    if not all(lists):
        return None
    files = _files(settings.get("userknownhostsfile", "")) + _files(settings.get("globalknownhostsfile", ""))
    strict = settings.get("stricthostkeychecking", "").lower() in _STRICT
    return Effective(wire.offer(*lists), tuple(files), strict)


def _files(listed: str) -> list[str]:
    """Return the files of a setting, which ssh prints without quotes: a blank within a path does not end it."""
    files: list[str] = []
    for word in listed.replace('"', "").split():
        if files and not _BEGINS_PATH.match(word):
            files[-1] += f" {word}"
        else:
            files.append(word)
    return [
        _PROGRAM_DATA + file.removeprefix(_PLACEHOLDER) if file.startswith(_PLACEHOLDER) else file for file in files
    ]


def _begun(*argv: str) -> subprocess.Popen[str] | Trouble:
    """Start a command whose output :func:`_output` takes."""
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, errors="replace", **own_group()
        )
    except (OSError, subprocess.SubprocessError) as error:
        # A process too many, or no memory for one, says nothing about the program.
        ours = isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
        return Trouble(shlex.join(argv), f"cannot be started: {visible(str(error))}", silent=ours)


def _output(process: subprocess.Popen[str] | Trouble, until: float) -> _Printed:
    """Return what a command printed (``ssh -V`` prints on standard error) before ``until`` of the monotonic clock."""
    if isinstance(process, Trouble):
        return _Printed("", process)
    with process:
        try:
            printed, errors = process.communicate(timeout=max(until - time.monotonic(), 0.0))
        except (OSError, subprocess.SubprocessError):
            process.kill()
            return _Printed("", Trouble(_shown(process), f"gave no answer within {PATIENCE:g} s", silent=True))
        except BaseException:
            process.kill()
            raise
    if process.returncode == 0:
        return _Printed(printed or errors)
    return _Printed("", _broken(process, errors or printed))


def _broken(process: subprocess.Popen[str], words: str) -> Trouble | None:
    """Return why a command cannot run at all; None if it ran, and refused the question as some clients do."""
    code = process.returncode
    if code not in _NOT_RUN and 0 <= code < _WINDOWS_FAULTS and not _UNFIT.search(words):
        return None
    if -code in (signal.SIGTERM, getattr(signal, "SIGKILL", None)):
        return Trouble(_shown(process), f"was killed by signal {-code}", silent=True)
    end = f"signal {-code}" if code < 0 else f"exit code {code:#x}" if code >= _WINDOWS_FAULTS else f"exit code {code}"
    reason = printable(" ".join(words.split()), 200)
    return Trouble(_shown(process), f"fails with {end}" + (f": {reason}" if reason else ""), silent=False)


def _shown(process: subprocess.Popen[str]) -> str:
    return shlex.join(map(str, process.args)) if isinstance(process.args, tuple) else str(process.args)


def _sections() -> tuple[tuple[str, ...], bool]:
    """Return the ``Host`` patterns other than ``*``, and whether there is a ``Match`` block other than ``all``."""
    patterns: list[str] = []
    matches = False
    for path in CONFIG_FILES:
        for keyword, words in _lines(path, path.parent, 0):
            if keyword == "host":
                # A negated pattern only narrows its section, so it is no pattern of hosts with settings of their own.
                patterns += [word.lower().replace("[", "[[]") for word in words if word != "*" and word[:1] != "!"]
            elif keyword == "match":
                matches = matches or [word.lower() for word in words] != ["all"]
    return tuple(dict.fromkeys(patterns)), matches


def _lines(path: Path, base: Path, depth: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the keyword (lower case) and the arguments of each line of a configuration file, includes expanded."""
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

_MISSING = "no program `ssh` is in this agent's PATH"
# Retired algorithms, by kind, that some old targets require. A client without them cannot be configured to connect.
_FOR_OLD_TARGETS = {
    "kex": ("diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1"),
    "host_key": ("ssh-rsa", "ssh-dss"),
    "cipher": ("aes128-cbc", "3des-cbc"),
    "mac": ("hmac-sha1", "hmac-md5"),
}
_SLOTS = {"kex": "key exchanges", "host_key": "host key algorithms", "cipher": "ciphers", "mac": "MACs"}


def describe(found: Client | None, words: Words) -> None:
    """Record the client's version."""
    if found is None:
        words.fail(client_program.MISSING, _MISSING, fixes.INSTALL_CLIENT())
    elif found.trouble:
        words.fail(found.trouble.cause, str(found.trouble))
    else:
        words.ok(f"ssh client {found.version or found.program}", ssh_client=found.version)


def examine(found: Client | None, words: Words, needing: Sequence[str], named: Sequence[str]) -> None:
    """Record the client's version and algorithms; fail if it is missing and a target type in ``needing`` needs it."""
    if found is None and needing:
        needed = f"{_MISSING}; {' and '.join(needing)} targets need it"
        words.fail(client_program.MISSING, needed, fixes.INSTALL_CLIENT())
    elif found is None:
        words.skip(f"{_MISSING}; none of these targets needs it")
    elif found.trouble and needing:
        words.fail(found.trouble.cause, f"{found.trouble}; {' and '.join(needing)} targets need it")
    elif found.trouble:
        words.skip(f"{found.trouble}; none of these targets needs it")
    else:
        known = {slot: sorted(found.supported[slot]) for slot in _SLOTS}
        counts = ", ".join(f"{len(known[slot])} {names}" for slot, names in _SLOTS.items())
        words.ok(f"{found.version or found.program}: {counts}", ssh_client=found.version, **known)
        unknown = [name for slot, names in _FOR_OLD_TARGETS.items() for name in names if name not in known[slot]]
        if unknown and any(known.values()):
            words.ok(f"does not support {', '.join(unknown)}, which some old targets require", cannot=unknown)
        if found.general is None:
            words.ok("its effective configuration cannot be read (ssh -G)")
