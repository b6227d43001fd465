"""One SMB connection up to the dialect: SMB 2 first, and SMB 1 on another connection if that draws no answer.

A server of SMB 1 only hangs up on SMB 2 (measured on Samba; Windows Server 2003 does the same), keeps silent, or
refuses its dialects (impacket's smbserver). It is never the other way round: SMB 1 first would look like a worm to
every intrusion detection. A server that refuses SMB 1, too, speaks SMB 2 after all, and is asked once more.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from scanready.causes import common
from scanready.clients import nt_status
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Facts
from scanready.net.errors import LEAST_SILENCE
from scanready.net.events import record
from scanready.net.stream import PeerClosed, ReadTimeout, Stream, StreamError
from scanready.wire import Cursor, Steps, WireError, nbt, smb1, smb2, stepwise

from . import causes, fixes

T = TypeVar("T")

#: Opens another connection to the same service, ready for a first SMB message.
Again = Callable[[], Awaitable[Stream]]

# Seconds for an answer to SMB 2, where time is left for SMB 1 then: a server answers within a round trip.
_PATIENCE = 4.0
_SMB1_PORTS = (445, 139)
# No dialect, or no way to protect the negotiation, in common ([MS-SMB2] 3.3.5.4).
_NO_DIALECT = frozenset({0xC00000BB, 0xC05D0000, 0xC05D0001})


@dataclass(slots=True)
class Talk:
    """A connection on which a dialect is agreed.

    ``skew`` is the server's clock minus ours in seconds, None where it does not tell; ``old`` says why SMB 1 was asked
    for, where it was.
    """

    stream: Stream
    answer: smb2.Negotiated | smb1.Negotiated
    skew: int | None
    old: str = ""

    @property
    def dialect(self) -> str:
        """What administrators call it."""
        return smb1.DIALECT if isinstance(self.answer, smb1.Negotiated) else smb2.DIALECTS[self.answer.dialect]

    @property
    def facts(self) -> Facts:
        """What a negotiation tells."""
        answer = self.answer
        signing = "required" if answer.signing_required else "enabled" if answer.signing_enabled else "disabled"
        found: Facts = {"dialect": self.dialect, "signing": signing}
        found["encryption"] = (answer.cipher if isinstance(answer, smb2.Negotiated) else "") or "none"
        if answer.guid is not None:
            found["server_guid"] = str(answer.guid)
        return found


async def negotiate(probe: Probe, stream: Stream, again: Again) -> Talk:
    """Agree on a dialect; where SMB 2 draws not a byte, in SMB 1 on another connection.

    Raises:
        Failure: it refuses every dialect, or this agent.
        PeerClosed, ReadTimeout: the server answers in neither version.
        WireError: it is not SMB, or broken.
    """
    before = stream.heard
    if not probe.target.guessed:
        stream.wait_for_first_byte(max(LEAST_SILENCE, min(_PATIENCE, probe.remaining / 2)))
    try:
        answer = await _in_smb2(probe, stream)
    except (PeerClosed, ReadTimeout) as error:
        if error.heard != before or not _worth_another(probe, error):
            raise
        await probe.leave(stream)
        try:
            return await _in_smb1(probe, again, f"SMB 2 draws no answer ({error})")
        except (Failure, StreamError) as second:
            if isinstance(second, Failure) and second.cause is causes.REFUSED:
                raise
            if not isinstance(second, Failure) or second.cause not in (causes.HOST_DENIED, causes.NO_COMMON_DIALECT):
                raise _nobody(error, bool(before), second) from second
            if second.cause is causes.HOST_DENIED:
                raise
            stream = await again()
            answer = await _once_more(probe, stream, second)
    if isinstance(answer, smb2.OldDialect):
        await probe.leave(stream)
        return await _in_smb1(probe, again, "it answers SMB 2 in SMB 1")
    if isinstance(answer, smb2.Refused) and answer.status in _NO_DIALECT and not _not_to_be_asked_more(probe):
        await probe.leave(stream)
        return await _instead_of_smb2(probe, again, answer.status)
    if isinstance(answer, smb2.Refused):
        raise refused(answer.status)
    return Talk(stream, answer, skew_of(answer.clock))


def _not_to_be_asked_more(probe: Probe) -> bool:
    """Whether the type is a guess, at a port that is none of SMB's own."""
    return probe.target.guessed and probe.target.port not in _SMB1_PORTS


async def _in_smb2(probe: Probe, stream: Stream) -> smb2.Negotiated | smb2.OldDialect | smb2.Refused:
    record("smb2")
    return await ask(probe, stream, smb2.negotiate(os.urandom(16), os.urandom(32)), smb2.read_negotiate)


async def _instead_of_smb2(probe: Probe, again: Again, status: int) -> Talk:
    """Ask in SMB 1 where every dialect of SMB 2 is refused in words: SMB 1 was not offered, so it is not denied yet.

    Raises:
        Failure: it refuses SMB 1 as well, or does not answer that.
    """
    why = f"it refuses the dialects 2.0.2 to 3.1.1: {nt_status.named(status)}"
    try:
        return await _in_smb1(probe, again, why)
    except PeerClosed as error:
        raise Failure(causes.NO_COMMON_DIALECT, f"{why}; asked again, in SMB 1: {error}") from error
    except ReadTimeout as error:
        cause = common.OUT_OF_TIME if error.hasty else common.TOO_SLOW
        raise Failure(cause, f"{why}; asked again, in SMB 1: {error}") from error


async def _once_more(
    probe: Probe, stream: Stream, refusal: Failure
) -> smb2.Negotiated | smb2.OldDialect | smb2.Refused:
    """Ask in SMB 2 again: who refuses SMB 1 speaks SMB 2, and may only have been busy, or slow, the first time.

    Raises:
        Failure: it hangs up again: ``refusal``. It is silent again: so is Samba for ten seconds while it cannot ask
            the DNS for its own name (measured with 4.17).
    """
    try:
        return await _in_smb2(probe, stream)
    except PeerClosed as error:
        raise Failure(refusal.cause, f"{refusal.detail}; asked in SMB 2 again: {error}") from error
    except ReadTimeout as error:
        cause = common.OUT_OF_TIME if error.hasty else common.TOO_SLOW
        waits = "Samba waits so where its own DNS servers do not answer"
        raise Failure(cause, f"{refusal.detail}; asked in SMB 2 again: {error}; {waits}") from error


def _worth_another(probe: Probe, error: PeerClosed | ReadTimeout) -> bool:
    """Whether a server of SMB 1 alone may be behind it; a port that nobody named as SMB's is left in peace."""
    if _not_to_be_asked_more(probe) or (probe.target.guessed and isinstance(error, ReadTimeout)):
        return False
    return not (isinstance(error, ReadTimeout) and error.hasty)


def _nobody(error: PeerClosed | ReadTimeout, in_session: bool, second: Exception) -> Exception:
    """What is said of a peer that answers neither: of a session that stands, the bytes it began with mean nothing."""
    told = f"{error}; asked again, in SMB 1: {getattr(second, 'detail', second)}"
    if in_session:
        cause = common.BROKEN_OFF if isinstance(error, PeerClosed) else common.SILENT
        return Failure(cause, f"a NetBIOS session stands, and then {told}")
    if isinstance(error, PeerClosed):
        return PeerClosed(told, error.heard)
    return Failure(common.SILENT, f"connected, and not one byte came: {told}")


async def _in_smb1(probe: Probe, again: Again, why: str) -> Talk:
    stream = await again()
    record("smb1")
    answer = await ask(probe, stream, smb1.negotiate(), _read_smb1)
    if isinstance(answer, smb1.Refused) and answer.status and answer.status not in _NO_DIALECT:
        raise refused(answer.status)
    if isinstance(answer, smb1.Refused):
        raise Failure(causes.NO_COMMON_DIALECT, f"{why}, and it refuses SMB 1")
    return Talk(stream, answer, skew_of(answer.clock), why)


def _read_smb1(payload: bytes) -> smb1.Negotiated | smb1.Refused:
    """Read what answers SMB 1: an answer in SMB 2 refuses it, in the words of a server that has no SMB 1."""
    return smb1.Refused(0) if payload.startswith(smb2.MARK) else smb1.read_negotiate(payload)


async def ask(probe: Probe, stream: Stream, message: bytes, understand: Callable[[bytes], T]) -> T:
    """Send one SMB message and return what answers it (see :func:`answer`)."""
    await stream.send(nbt.message(message))
    return await answer(probe, stream, understand)


async def answer(probe: Probe, stream: Stream, understand: Callable[[bytes], T]) -> T:
    """Return the next SMB message, understood.

    Raises:
        Failure: the server does not talk with this agent.
        WireError, StreamError: as :meth:`Stream.receive`.
    """
    found: T | nbt.Negative = await stream.receive(partial(read_answer, understand=understand))
    if isinstance(found, nbt.Negative):
        raise no_session(probe, found)
    return found


@stepwise
def read_answer(cursor: Cursor, understand: Callable[[bytes], T]) -> Steps[T | nbt.Negative]:
    """Read the next SMB message, understood, or the refusal of the session.

    Raises:
        WireError: it is none, or one that is not understood.
    """
    match (yield from nbt.read_frame.steps(cursor)):
        case nbt.Message(payload):
            return understand(payload)
        case nbt.Negative() as negative:
            return negative
        case _:
            raise WireError("an answer to a NetBIOS session request that was not made")


def no_session(probe: Probe, negative: nbt.Negative) -> Failure:
    """Tell why there is no session: of all reasons one is about the caller."""
    if negative.code == nbt.NOT_LISTENING_FOR_CALLING:
        fix = fixes.ALLOW_HOST(agent=probe.agent_address)
        return Failure(causes.HOST_DENIED, f"the server is {negative.reason}", fix)
    return Failure(causes.NO_SESSION, f"the NetBIOS session service says: {negative.reason}")


def refused(status: int) -> Failure:
    """Tell what an NT status means that comes before anybody was named."""
    told = nt_status.named(status)
    if status in _NO_DIALECT:
        return Failure(causes.NO_COMMON_DIALECT, f"refuses the dialects 2.0.2 to 3.1.1: {told}")
    if known := nt_status.TROUBLE.get(status):
        return Failure(known[1], f"{known[2]}: {told}")
    return Failure(causes.REFUSED, f"refuses to go on: {told}")


def report_product(rung: Rung, talk: Talk) -> None:
    """Tell what the negotiation told; SMB 1 warns."""
    facts = talk.facts
    ciphers = f", can encrypt with {facts['encryption']}" if facts["encryption"] != "none" else ", cannot encrypt"
    told = f"speaks {talk.dialect}, signing {facts['signing']}{ciphers}"
    if talk.old:
        rung.warn(causes.SMB1_ONLY, f"{told}; {talk.old}", None, **facts)
    else:
        rung.ok(told, **facts)


def skew_of(clock: datetime | None) -> int | None:
    """The server's clock minus ours, in seconds."""
    return None if clock is None else round((clock - datetime.now(UTC)).total_seconds())
