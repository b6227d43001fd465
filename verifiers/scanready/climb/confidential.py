"""Take the secrets of a target out of its report: what they are, what is public of it, where others' words stand."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from scanready.model import Agent, Check, Credential, Target
from scanready.net.stream import TRACEBACK, Tap
from scanready.redaction import NOTHING, Redactor, redacting
from scanready.redaction.elsewhere import Elsewhere
from scanready.redaction.options import SECRET_OPTION, USERINFO
from scanready.redaction.workflow import has_mark

T = TypeVar("T")

#: A private key is its own text: lines of Base64, of which the last may be short. No key is longer than this.
_KEY_LINE, _LONGEST_KEY = 40, 65_536
#: Characters of a text in a check, and of all texts that are masked before another target gets its turn. Masking takes
#: up to 2 us for a character (measured).
_LONGEST_TEXT = 4096
#: The types of facts that hold no text.
_SAYS_NOTHING = (bool, int, float, type(None))
#: As long as the note about what is cut.
_NOTE = 24


def secrets_of(credential: Credential | None) -> tuple[str, ...]:
    """Return the secrets of a credential: password and passphrase."""
    return tuple(filter(None, (credential.password, credential.key_passphrase))) if credential else ()


def secrets_in(target: Target) -> tuple[str, ...]:
    """Return every secret that the check of ``target`` uses: those of its credentials, and those in its options."""
    if target.credential is None and not target.options:
        return ()
    known = chain.from_iterable(map(secrets_of, target.credentials))
    return tuple(dict.fromkeys((*known, *_in_options(target.options))))


def redactor_for(
    target: Target, agent: Agent | None = None, others: Iterable[str] = (), elsewhere: Elsewhere | None = None
) -> Redactor:
    """Return what hides the secrets of ``target``, ``others`` that its host may know, and those of other hosts."""
    secrets, keys = (*secrets_in(target), *others), [one.key_file for one in target.credentials if one.key_file]
    if not secrets and not keys and elsewhere is None:
        return NOTHING
    lines = tuple(chain.from_iterable(map(_key_lines, keys)))
    return Redactor(secrets, _public(target, agent), lines, elsewhere)


@contextlib.contextmanager
def concealed(redactor: Redactor, tap: Tap | None, checks: list[Check]) -> Iterator[None]:
    """Use ``redactor`` for a climb.

    At its end the tap gets the traceback of each exception that no verifier translated, and passes on the bytes that it
    held back to recognise a secret in pieces.
    """
    try:
        with redacting(redactor):
            yield
    finally:
        if (flush := getattr(tap, "flush", None)) is not None:
            flush()
    for check in checks if tap else ():
        trace = getattr(check, "trace", "")  # a check of another package may be anything
        if tap and isinstance(trace, str) and trace:
            tap(TRACEBACK, trace.encode("utf-8", "backslashreplace"))


def in_this_context(function: Callable[[], T]) -> Callable[[], T]:
    """Return ``function`` for another thread, where the redactor at hand is the same."""
    return partial(contextvars.copy_context().run, function)


async def redact(checks: Iterable[Check], redactor: Redactor) -> None:
    """Mask, in place, what the checks say in words and facts. Catalogue texts are no part of them.

    Other targets get their turn in between: a peer's words may be built to take as long as possible.
    """
    mask = _Mask(redactor)
    for check in list(checks):
        if not redactor.knows_any and _is_harmless(check):
            continue
        check.endpoint = await mask.text(check.endpoint)  # a redirect may have named it
        check.summary = await mask.text(check.summary)
        check.facts = {await mask.text(str(name)): await mask.fact(fact) for name, fact in check.facts.items()}
        if found := check.finding:
            fix = None if found.fix is None else redactor.composed(found.fix, ours=True)
            also = tuple((owner, redactor.composed(one, ours=True)) for owner, one in found.also)
            check.finding = replace(found, detail=await mask.text(found.detail), fix=fix, also=also)


def _is_harmless(check: Check) -> bool:
    """Return True if masking without a secret changes nothing: few short texts, and no mark of a workflow command.

    Nearly every check of a run without secrets is one. False says nothing.
    """
    texts: list[Any] = [check.endpoint, check.summary, *check.facts]
    for fact in check.facts.values():
        if isinstance(fact, str):
            texts.append(fact)
        elif isinstance(fact, (list, tuple)):
            texts += fact
        elif type(fact) not in _SAYS_NOTHING:
            return False
    if found := check.finding:
        texts += (found.detail, found.fix or "", *(fix for _, fix in found.also))
    try:
        joined = "\n".join(texts)
    except TypeError:  # not only texts
        return False
    return len(joined) < _LONGEST_TEXT and not has_mark(joined)


class _Mask:
    """Masks texts one after another, and lets the event loop turn after some of them."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._read = 0

    async def text(self, text: str) -> str:
        """Return a text without secrets, cut after `_LONGEST_TEXT` characters."""
        masked = self._redactor.composed(text[: 2 * _LONGEST_TEXT])
        if self._is_much(len(text)):
            await asyncio.sleep(0)
        if len(text) <= _LONGEST_TEXT + _NOTE or len(masked) <= _LONGEST_TEXT:
            return masked
        return f"{masked[:_LONGEST_TEXT]}... ({len(text) - _LONGEST_TEXT} more characters)"

    async def fact(self, fact: Any) -> Any:
        """Return a fact without secrets. A long list is masked in parts; a text in it is cut as any other."""
        if isinstance(fact, str):
            return await self.text(fact)
        if not isinstance(fact, (list, tuple)) or not all(isinstance(one, str) for one in fact):
            return self._redactor.value(fact)
        masked: list[Any] = []
        for part in _parts(fact):
            masked += [await self.text(part[0])] if len(part) == 1 else self._redactor.value(part)
            if self._is_much(sum(map(len, part))):
                await asyncio.sleep(0)
        return fact if masked == list(fact) else masked

    def _is_much(self, size: int) -> bool:
        """Count characters that were read; return True once they are so many that the event loop must turn."""
        self._read += size
        if self._read < _LONGEST_TEXT:
            return False
        self._read = 0
        return True


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    """Cut a list into parts of at most `_LONGEST_TEXT` characters, or of one text."""
    part, size = list[str](), 0
    for text in texts:
        if part and size + len(text) > _LONGEST_TEXT:
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text) + 1
    if part:
        yield part


def _key_lines(file: str) -> tuple[str, ...]:
    """The lines of a private key that are long enough to be secret; none where it cannot be read: the login says so."""
    try:
        path = Path(file).expanduser()
        if not path.is_file():  # a pipe would be waited for
            return ()
        with path.open("rb") as key:
            text = key.read(_LONGEST_KEY).decode("ascii", "replace")
    except (OSError, RuntimeError, ValueError):
        return ()
    return tuple(line for line in text.split() if len(line) >= _KEY_LINE) if "PRIVATE KEY" in text else ()


def _in_options(value: Any, name: str = "") -> Iterator[str]:
    """The values of options named like secrets, and passwords within URLs."""
    match value:
        case Mapping():
            for key, held in value.items():
                yield from _in_options(held, str(key))
        case list() | tuple():
            for held in value:
                yield from _in_options(held, name)
        case str() if SECRET_OPTION.search(name):
            yield value
        case str():
            yield from (found[2] for found in USERINFO.finditer(value))


def _public(target: Target, agent: Agent | None) -> Iterator[str]:
    """Yield the public words of the target and of this agent."""
    yield from (target.host, *target.host.split("."), target.type, str(target.port), *target.tags)
    if account := target.credential:
        yield from (account.name, account.username, account.authority or "", account.key_file or "")
    hidden = set(_in_options(target.options))
    yield from (text for text in _texts(target.options) if text not in hidden and not USERINFO.search(text))
    if agent:
        yield from (agent.name, agent.platform, agent.distribution, *agent.addresses, *agent.networks)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case Mapping():
            for key, held in value.items():
                yield str(key)
                yield from _texts(held)
        case list() | tuple():
            for held in value:
                yield from _texts(held)
        case str():
            yield value
