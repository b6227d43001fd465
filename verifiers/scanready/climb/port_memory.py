"""Remember the facts about one (host, port) that several target types share, so that it is contacted once.

Two rules hold. A port that has shown its protocol is never sent another protocol's bytes, and a port that could not be
reached is not dialled again. The next type inherits only facts about the port, never a limit of scanready.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from scanready.catalogue import TargetType
from scanready.causes import common
from scanready.model import Cause, Check, Finding, Outcome, Step
from scanready.net.stream import Stream
from scanready.wire.printable import quoted

from .contact import Contact
from .identify import Signatures
from .time_shares import TimeShares

_COMMON = frozenset(value.code for value in vars(common).values() if hasattr(value, "code"))
#: Bytes of a greeting in a sentence.
_MOST_GREETING = 80
_NOT_UNDERSTOOD = (common.MALFORMED, common.OTHER_PROTOCOL, common.BROKEN_OFF, common.TOO_SLOW)
_HOLDS = (Outcome.PASSED, Outcome.WARNED)
#: The turn of a climb that waits for no other one.
_ALONE = nullcontext()


class Shown(NamedTuple):
    """Hold a certificate that was judged: the ``leaf`` (DER; empty if the server sent none), and its ``faults``."""

    leaf: bytes
    faults: tuple[tuple[Cause, str], ...]


class _Queue:
    """The climbs that wait for a port: how many, by the protocol of their type and whether that is inside TLS."""

    __slots__ = ("lock", "waiting")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting: Counter[tuple[str, bool]] = Counter()


@dataclass(slots=True, eq=False)
class PortMemory:
    """Hold the facts that each climb on the port writes and the next one reads.

    ``spoke`` is the protocol and whether it was inside TLS; ``greeting`` the first bytes of a server that speaks first
    in no known protocol; ``stream`` the latest connection; ``dialled`` the checks up to the connection; ``closed`` the
    port's refusal of further connections, after which no climb of this run dials it again; ``shared`` is kept by
    :meth:`Probe.share`. ``queue`` has the climbs that wait for the port; ``alone``
    says that no other climb will read what this one notes.
    """

    dialled: Sequence[Check] = ()
    answers: bool = True
    spoke: tuple[str, bool] | None = None
    greeting: bytes = b""
    stream: Stream | None = None
    silent: bool = False
    closed: Finding | None = None
    shared: dict[object, tuple[list[Check], object, str | None, Contact, dict[str, Shown]]] = field(
        default_factory=dict
    )
    guesses: TimeShares = field(default_factory=TimeShares)
    queue: _Queue | None = None
    alone: bool = False

    def turn(self, speaks: str, tls: bool) -> AbstractAsyncContextManager[None]:
        """Hold the port for one climb; the types of a protocol that the peer has shown go before all that wait."""
        return _ALONE if self.alone else self._turn(speaks, tls)

    @asynccontextmanager
    async def _turn(self, speaks: str, tls: bool) -> AsyncIterator[None]:
        own = speaks, tls
        queue = self.queue = self.queue or _Queue()
        queue.waiting[own] += 1
        try:
            await queue.lock.acquire()
            while self.spoke not in (None, own) and queue.waiting[self.spoke]:
                queue.lock.release()
                await queue.lock.acquire()  # at the end of the queue
        finally:
            queue.waiting[own] -= 1
        try:
            yield
        finally:
            queue.lock.release()

    @property
    def is_new(self) -> bool:
        """True if no climb has noted anything of the port."""
        return self.answers and not (self.dialled or self.shared)

    def names(self, row: TargetType) -> bool:
        """Return whether the port has spoken the protocol of a type."""
        return self.spoke == (row.speaks, row.tls)

    def note_dialled(self, checks: list[Check], *, answers: bool) -> None:
        """Note how far a connection came; one that failed for a limit of ours says nothing to the next type."""
        ours = (common.OUT_OF_TIME, common.LOCAL_LIMIT)
        self.dialled = checks if self.alone else own(checks)
        self.answers = answers or any(check.finding and check.finding.cause in ours for check in checks)

    def note_spoken(self, row: TargetType, endpoint: str, checks: Iterable[Check]) -> None:
        """Note the protocol that the port spoke to a climb of type ``row``."""
        encrypted = False
        for check in () if row.by_connection else checks:  # a connection that stands says nothing of what it speaks
            if check.endpoint != endpoint:
                continue  # a redirect, a proxy: another port's doing
            encrypted = encrypted or (row.tls and check.step is Step.TLS and check.outcome in _HOLDS)
            cause = check.finding.cause if check.finding else None
            if check.step is Step.HANDSHAKE and (speaks(check) or (cause is common.THROTTLED and not check.wordless)):
                self.spoke = row.speaks, row.tls
            if cause is common.SILENT and row.server_first:
                self.silent = True
            if cause is common.THROTTLED:
                self.closed = check.finding
            if "speaks" in check.facts:
                self.spoke = check.facts["speaks"], encrypted

    def note_greeting(self, signatures: Signatures, checks: Iterable[Check], *, guessed: bool) -> None:
        """Note a greeting that no signature recognises: it is not malformed, it belongs to another protocol.

        Only a ``guessed`` type is judged by it; the operator may know better than the signatures.
        """
        stream, self.stream = self.stream, None
        if (
            not guessed
            or stream is None
            or not stream.heard
            or self.spoke is not None
            or signatures.identify(stream.heard)
        ):
            return
        if stream.greeted:
            self.greeting = self.greeting or stream.heard
        for check in checks if self.greeting and stream.heard.startswith(self.greeting) else ():
            if check.step is Step.HANDSHAKE and check.finding and check.finding.cause in _NOT_UNDERSTOOD:
                check.finding = self._unrecognised()
                check.summary = check.finding.detail

    def _unrecognised(self) -> Finding:
        greeting = self.greeting[:_MOST_GREETING]
        return Finding(common.OTHER_PROTOCOL, f"an unrecognised service, which sent the greeting {quoted(greeting)}")

    def known(self, row: TargetType, endpoint: str) -> list[Check] | None:
        """Return the checks that a climb of type ``row`` would record, if known; None if the port must be asked."""
        if not self.answers:
            return own(self.dialled)
        if (found := self._foreseen(row)) is None:
            return None
        step = Step.TLS if found.cause is common.TLS_NOT_OFFERED else Step.HANDSHAKE
        return [*own(self.dialled), Check(step, endpoint, Outcome.FAILED, found.detail, finding=found)]

    def _foreseen(self, row: TargetType) -> Finding | None:
        speaks, tls = self.spoke or (row.speaks, row.tls)
        if (speaks, tls) != (row.speaks, row.tls):
            if speaks == "tls" and row.tls:  # heard by a type that began in clear
                return None
            if row.speaks == "tls" and tls:  # it needs only TLS, with any protocol inside
                return None
            if speaks == row.speaks and row.tls:
                return Finding(common.TLS_NOT_OFFERED, f"this port speaks {speaks} in plain text")
            return Finding(common.OTHER_PROTOCOL, f"this port speaks {speaks}{' over TLS' if tls else ''}")
        if self.closed is not None:
            return self.closed
        if self.greeting and not row.server_first:  # its servers wait for the client to begin
            return self._unrecognised()
        if self.silent and row.server_first:
            return Finding(
                common.SILENT, "connected, but the server sent no data (checked once for all types on this port)"
            )
        return None


def own(checks: Sequence[Check]) -> list[Check]:
    """Return copies of the checks for one report: each type may judge the shared ones differently."""
    return [replace(check, facts=dict(check.facts)) for check in checks]


def speaks(check: Check) -> bool:
    """Return whether only a server of the right protocol gives this answer, which may be a refusal."""
    cause = check.finding.cause if check.finding else None
    numbered = check.facts.get("error_code") is not None  # a number, known or not, is of the type's protocol
    told = cause is not None and (cause.definite or numbered)
    its_word = told and cause is not None and cause.code not in _COMMON and not check.wordless
    return check.outcome in _HOLDS or its_word
