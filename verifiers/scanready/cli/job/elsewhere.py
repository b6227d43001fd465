"""``verify --guard FILE``: withhold what other agents found refused, as their exports say.

A file protects accounts. So one that cannot be read ends the command before anything is contacted.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from scanready.cli.messages import fitting
from scanready.files.reading import Unreadable, open_file
from scanready.model import Cause, Credential, Owner, Scope
from scanready.run.registry import all_causes
from scanready.wire.printable import visible

from .earlier import Policy

if TYPE_CHECKING:
    from scanready.climb.guard import LockoutGuard

#: Bytes of a file, of what it unpacks to, and of one line.
_MOST, _MOST_UNPACKED, _LONGEST_LINE = 1 << 30, 4 << 30, 64 << 20
#: Entries of one file, and characters of one text in it.
_MOST_ACCOUNTS, _LONGEST_TEXT = 200_000, 1_000
_GZIP = b"\x1f\x8b"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)")
_ACCEPTED = "accepted"


class _NotAGuard(Exception):
    """The file cannot be used; the message continues a sentence that begins with its name."""


@dataclass(frozen=True, slots=True)
class Found:
    """One login of another agent. ``outcome`` is "accepted", the code of a cause, or None if it is not known.

    ``ambiguous`` says that the refusal may be about the agent's address.
    """

    account: Credential
    outcome: str | None
    where: str
    when: str
    ambiguous: bool = False

    @property
    def host(self) -> str:
        """The host that judged it."""
        return self.where.rpartition(":")[0].strip("[]") or self.where


def read_guard_files(files: Sequence[str]) -> list[Found]:
    """Return the logins that the exports of other agents name.

    Raises:
        click.UsageError: a file cannot be read, or says nothing of accounts.
    """
    found: list[Found] = []
    for name in files:
        try:
            with open_file(name, _MOST) as file:
                found += map(_found, _accounts(file))
        except Unreadable as error:
            raise click.UsageError(f"--guard: {fitting(name)} {error}") from error
        except _NotAGuard as error:
            raise click.UsageError(f"--guard: {fitting(name)} {error}") from error
        except (OSError, EOFError, zlib.error) as error:
            raise click.UsageError(f"--guard: {fitting(name)} is damaged or cut off: copy it again") from error
    return found


def _accounts(file: BinaryIO) -> list[Any]:
    """Return the list of an export, which is in its last line, or of a JSON document."""
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    last = b""
    for line in _lines(gzip.GzipFile(fileobj=file) if packed else file):
        last = line
    document = _object(last)
    if not packed and document is None:
        file.seek(0)
        document = _object(file.read(_LONGEST_LINE))
    end = document.get("end", document) if document is not None else None
    accounts = end.get("accounts") if isinstance(end, dict) else None
    if not isinstance(accounts, list):
        if packed:
            raise _NotAGuard("is no export, or is cut off: it has no list of accounts at its end")
        raise _NotAGuard("has no list of accounts: give an export of `verify --export`, or `credentials --json`")
    if len(accounts) > _MOST_ACCOUNTS:
        raise _NotAGuard(f"has more than {_MOST_ACCOUNTS:,} accounts")
    return accounts


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


def _found(entry: Any) -> Found:
    match entry:
        case {"credential": str(name), "user": str(user), "outcome": outcome, "where": str(where), "when": str(when)}:
            authority = entry.get("authority")
        case _:
            raise _NotAGuard("has an entry without credential, user, outcome, where and when")
    texts = [name, user, where, *(one for one in (authority, outcome) if one is not None)]
    if not all(isinstance(one, str) and 0 < len(one) <= _LONGEST_TEXT for one in texts):
        raise _NotAGuard("has an entry with a text that is empty, too long, or no text")
    if not _MOMENT.fullmatch(when):
        raise _NotAGuard("has an entry whose `when` is no moment of UTC in ISO 8601")
    return Found(Credential(name, user, authority=authority), outcome, where, when, entry.get("ambiguous") is True)


def bind_elsewhere(
    guard: LockoutGuard, credentials: Collection[Credential], found: Iterable[Found], policy: Policy
) -> None:
    """Tell the guard what other agents found refused. Time does not end that, since the operator gave the file."""
    users: dict[tuple[str, str], list[Credential]] = {}
    for one in credentials:
        users.setdefault(one.guarded_by, []).append(one)
    histories: dict[tuple[str, str], list[Found]] = {}
    for each in found:
        key = each.account.guarded_by
        if key in users and not policy.retries({each.account.name, *(one.name for one in users[key])}):
            histories.setdefault(key, []).append(each)
    for key, history in histories.items():
        if len(refused := _refusals(history)) == 1 and refused[0].ambiguous:
            continue  # it may be about that agent's address: one further agent may try
        accepted = sorted(each.when for each in history if _is_accepted(each))
        latest = {each.where: each.when for each in sorted(history, key=lambda one: one.when) if _is_accepted(each)}
        for each in sorted(history, key=lambda one: one.when, reverse=True):
            if _is_accepted(each) or each.when < latest.get(each.where, ""):
                continue  # this server has accepted it since
            cause = _cause(each.outcome)
            if cause is not None and cause.scope is not Scope.ACCOUNT and cause.owner is not Owner.IDENTITY:
                continue  # it says nothing about the account
            host = None if _is_everywhere(each, cause, accepted) else each.host
            for credential in users[key]:
                guard.bind(credential, each.where, _detail(each, credential.name, host), host)


def _is_accepted(found: Found) -> bool:
    return found.outcome == _ACCEPTED


def _refusals(history: Sequence[Found]) -> list[Found]:
    """Return the logins of one account that no server accepted, each once: a file may be given twice."""
    return list(dict.fromkeys(each for each in history if not _is_accepted(each)))


def _cause(outcome: str | None) -> Cause | None:
    return all_causes().get(outcome) if outcome is not None else None


def _is_everywhere(found: Found, cause: Cause | None, accepted: Sequence[str]) -> bool:
    """Return whether a refusal binds all hosts. A cause that this version does not know is taken for one that does."""
    if found.outcome is None:
        return not accepted
    if cause is not None and cause.scope is not Scope.ACCOUNT:
        return False
    if accepted and accepted[-1] >= found.when:
        return False
    return not accepted or found.account.authority is not None


def _detail(found: Found, name: str, host: str | None) -> str:
    word = visible(name, 120)
    did = f"refused the credential {word!r}" if found.outcome else f"did not answer a login with {word!r}"
    counted = "" if found.outcome else ", and may have counted it as a failed login"
    where = "" if host is None else " at this host"
    return (
        f"{visible(found.where, 200)} {did} on {found.when}{counted}, as a file of --guard says; it is not "
        f"tried{where}: correct the credential and leave out that file, or verify with `--retry-refused={word}`"
    )
