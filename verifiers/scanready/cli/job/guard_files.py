"""Read a file of ``verify --guard``: what another agent found out about accounts. The file may be hostile.

A file protects accounts. So one that cannot be read ends the command before anything is contacted. One that was cut off
protects as far as it goes: what it says counts, and an account of which it says nothing is not used.
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import click

from scanready.cli.export_file import CUT_OFF
from scanready.cli.messages import fitting, warn
from scanready.files.reading import Unreadable, open_file
from scanready.model import Credential, host_of
from scanready.report.estate.accounts import Accounts
from scanready.report.estate.export import MARK
from scanready.report.parse import NotAResult, restored
from scanready.run import timestamps
from scanready.run.registry import all_causes
from scanready.wire.printable import visible

#: Bytes of a file, of what it unpacks to, and of one line.
_MOST, _MOST_UNPACKED, _LONGEST_LINE = 1 << 30, 4 << 30, 64 << 20
#: Entries of one file, characters of one text in it, and logins that one entry stands for.
_MOST_ACCOUNTS, _LONGEST_TEXT, _MOST_TRIES = 200_000, 1_000, 1_000_000
#: Bytes of the first line, which names the agent of an export.
_LONGEST_HEADER = 1 << 20
_GZIP = b"\x1f\x8b"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)")
#: The least difference of two moments.
_TICK = datetime.timedelta(milliseconds=1)
#: The outcome of an accepted login.
ACCEPTED = "accepted"


class _NotAGuard(Exception):
    """The file cannot be used; the message continues a sentence that begins with its name."""


@dataclass(frozen=True, slots=True)
class Found:
    """The logins of another agent with one account at one place.

    Attributes:
        account: by its names; it has no secret.
        outcome: "accepted" by a server that checked the secret, the code of a cause, or None if it is not known.
        where: the endpoint.
        when: of the last of them; UTC, ISO 8601 to the millisecond.
        ambiguous: the refusal may be about the address of that agent.
        agent: its name; empty if the file does not say.
        tries: how many refused logins in a row the entry stands for.
    """

    account: Credential
    outcome: str | None
    where: str
    when: str
    ambiguous: bool = False
    agent: str = ""
    tries: int = 1

    @property
    def host(self) -> str:
        """The host that judged it."""
        return host_of(self.where)

    @property
    def is_accepted(self) -> bool:
        """True if a server accepted the account after it had checked the secret."""
        return self.outcome == ACCEPTED

    def as_object(self) -> dict[str, Any]:
        """Return the entry of a file."""
        account = self.account
        entry = {"credential": account.name, "user": account.username, "authority": account.authority}
        entry |= {"outcome": self.outcome, "where": self.where, "when": self.when, "agent": self.agent}
        return entry | ({"proven": True} if self.is_accepted else {"ambiguous": self.ambiguous, "tries": self.tries})


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Hold what the files of other agents say.

    Attributes:
        found: the logins that they name.
        cut: the files that were cut off: an account that ``found`` does not have may have been refused in their rest.
    """

    found: Sequence[Found] = ()
    cut: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.found or self.cut)


@dataclass(slots=True)
class _Content:
    """Hold the entries of one file, and its unknown outcomes. ``results`` is None for a whole file."""

    entries: list[Any]
    agent: str = ""
    results: int | None = None
    unknown: list[str] = field(default_factory=list)


def read_guard_files(files: Sequence[str]) -> Elsewhere:
    """Return the logins that the files of other agents name; warn of files that were cut off, and of unknown outcomes.

    Raises:
        click.UsageError: a file cannot be read, or says nothing of accounts.
    """
    found: list[Found] = []
    cut: list[str] = []
    now = timestamps.now()
    for name in files:
        try:
            with open_file(name, _MOST) as file:
                content = _content(file)
            entries = [one for one in (_found(entry, content) for entry in content.entries) if one is not None]
        except (Unreadable, _NotAGuard) as error:
            raise click.UsageError(f"--guard: {fitting(name)} {error}") from error
        except (OSError, EOFError, zlib.error) as error:
            raise click.UsageError(f"--guard: {fitting(name)} is damaged: copy it again") from error
        found += _dated(entries, now)
        if content.results is not None:
            cut.append(name)
        for words in _told(content):
            warn(f"--guard: {fitting(name)} {words}")
    return Elsewhere(found, cut)


def _told(content: _Content) -> Iterator[str]:
    """Yield the end of each sentence about a file that is used."""
    if content.results is not None:
        yield (
            f"is cut off: the logins of its {content.results:,} complete results count, and a credential that they do "
            f"not have is withheld; {CUT_OFF}"
        )
    if outcomes := sorted(set(content.unknown)):
        more = f" and {len(outcomes) - 1:,} others" if outcomes[1:] else ""
        yield (
            f"has the outcome '{visible(outcomes[0], 60)}'{more}, which this version does not know: such a login "
            "counts as refused"
        )


def _dated(entries: Sequence[Found], now: str) -> list[Found]:
    """Return the entries as if they were of this moment at the latest: the clock of their agent was ahead.

    They keep their order. An acceptance of a moment to come is left out: it takes back no refusal that came after it.
    """
    to_come = sorted({one.when for one in entries if one.when > now and not one.is_accepted}, reverse=True)
    last = datetime.datetime.fromisoformat(now)
    dates = {when: timestamps.written(last - place * _TICK) for place, when in enumerate(to_come)}
    kept = (one for one in entries if one.when <= now or not one.is_accepted)
    return [replace(one, when=dates.get(one.when, one.when)) for one in kept]


def _content(file: BinaryIO) -> _Content:
    """Return the list of an export, which is in its last line, or of a JSON document; and the agent of an export."""
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    first, last, is_cut = b"", b"", True
    with contextlib.suppress(EOFError):
        for line in _lines(gzip.GzipFile(fileobj=file) if packed else file):
            first, last = first or line[: _LONGEST_HEADER + 1], line
        is_cut = False
    document = _object(last)
    if not packed and document is None:
        file.seek(0)
        document = _object(file.read(_LONGEST_LINE))
    end = document.get("end", document) if document is not None else None
    accounts = end.get("accounts") if isinstance(end, dict) else None
    if not isinstance(accounts, list):
        if MARK in (_object(first) or {}):
            file.seek(0)
            return _cut(gzip.GzipFile(fileobj=file) if packed else file, _agent_of(first))
        if is_cut:
            raise _NotAGuard(f"is cut off before its first line ends: {CUT_OFF}")
        raise _NotAGuard("has no list of accounts: give an export of `verify --export`, or `credentials --json`")
    if len(accounts) > _MOST_ACCOUNTS:
        raise _NotAGuard(f"has more than {_MOST_ACCOUNTS:,} accounts")
    return _Content(accounts, _agent_of(first) if packed else "")


def _cut(file: BinaryIO | gzip.GzipFile, agent: str) -> _Content:
    """Return the logins of the complete results of an export that has no end.

    Raises:
        _NotAGuard: a line is no result.
    """
    accounts, results = Accounts(), 0
    with contextlib.suppress(EOFError):
        for number, line in enumerate(_lines(file), 1):
            if number == 1 or not line.endswith(b"\n"):
                continue
            try:
                accounts.add(restored(_object(line)))
            except NotAResult as error:
                raise _NotAGuard(f"is cut off, and its line {number} is no result: {fitting(str(error))}") from error
            results += 1
    return _Content(accounts.as_list(), agent, results)


def _agent_of(line: bytes) -> str:
    header = _object(line) if len(line) <= _LONGEST_HEADER else None
    match header:
        case {"agent": {"name": str(name)}} if len(name) <= _LONGEST_TEXT:
            return name
    return ""


def _lines(file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    taken = 0
    while line := file.readline(_LONGEST_LINE):
        taken += len(line)
        if taken > _MOST_UNPACKED or len(line) == _LONGEST_LINE:
            raise _NotAGuard("is too large for an export")
        if line.strip():
            yield line


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _found(entry: Any, content: _Content) -> Found | None:
    """Return what an entry says; None for an acceptance that proves nothing. Collect outcomes that are not known.

    An entry of an earlier version does not say whether the server checked the secret. It is taken for one that did not.
    """
    match entry:
        case {"credential": str(name), "user": str(user), "outcome": outcome, "where": str(where), "when": str(when)}:
            authority, agent, tries = entry.get("authority"), entry.get("agent") or content.agent, entry.get("tries", 1)
        case _:
            raise _NotAGuard("has an entry without credential, user, outcome, where and when")
    texts = [name, user, where, *(one for one in (authority, outcome, agent or None) if one is not None)]
    if not all(isinstance(one, str) and 0 < len(one) <= _LONGEST_TEXT for one in texts):
        raise _NotAGuard("has an entry with a text that is empty, too long, or no text")
    if not isinstance(tries, int) or isinstance(tries, bool) or not 0 < tries <= _MOST_TRIES:
        raise _NotAGuard("has an entry whose `tries` is no count")
    if outcome is not None and outcome != ACCEPTED and outcome not in all_causes():
        content.unknown.append(outcome)
    found = Found(
        Credential(name, user, authority=authority),
        outcome,
        where,
        _moment(when),
        entry.get("ambiguous") is True,
        agent,
        tries,
    )
    return None if found.is_accepted and entry.get("proven") is not True else found


def _moment(text: str) -> str:
    """Return a moment in the one form in which moments can be compared as texts."""
    try:
        if _MOMENT.fullmatch(text):
            return timestamps.written(datetime.datetime.fromisoformat(text))
    except ValueError:
        pass
    raise _NotAGuard("has an entry whose `when` is no moment of UTC in ISO 8601")
