"""Negotiate the SMB dialect: SMB 2 first, then SMB 1 on another connection if SMB 2 gets no answer.

A server with only SMB 1 closes the connection on SMB 2 (measured on Samba; Windows Server 2003 does the same), stays
silent, or rejects the dialects (impacket's smbserver). SMB 1 is never sent first, because intrusion detection systems
take that for a worm. A server that answers neither at first but rejects SMB 1 does speak SMB 2, and is asked again.
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

# Seconds for an answer to SMB 2, if this leaves time for SMB 1: a server answers within a round trip.
_PATIENCE = 4.0
_SMB1_PORTS = (445, 139)
# Statuses for no common dialect, or no common way to protect the negotiation ([MS-SMB2] 3.3.5.4).
_NO_DIALECT = frozenset({0xC00000BB, 0xC05D0000, 0xC05D0001})


@dataclass(slots=True)
class Talk:
    """Hold a connection with a negotiated dialect.

    ``skew`` is the server's clock minus the agent's, in seconds; None if the server does not send its time. ``old``
    says why the agent tried SMB 1, and is empty if it did not.
    """

    stream: Stream
    answer: smb2.Negotiated | smb1.Negotiated
    skew: int | None
    old: str = ""

    @property
    def dialect(self) -> str:
        """Return the dialect's common name, such as ``SMB 3.1.1``."""
        return smb1.DIALECT if isinstance(self.answer, smb1.Negotiated) else smb2.DIALECTS[self.answer.dialect]

    @property
    def facts(self) -> Facts:
        """Return the facts of the negotiation."""
        answer = self.answer
        signing = "required" if answer.signing_required else "enabled" if answer.signing_enabled else "disabled"
        found: Facts = {"dialect": self.dialect, "signing": signing}
        found["encryption"] = (answer.cipher if isinstance(answer, smb2.Negotiated) else "") or "none"
        if answer.guid is not None:
            found["server_guid"] = str(answer.guid)
        return found


async def negotiate(probe: Probe, stream: Stream, again: Again) -> Talk:
    """Negotiate a dialect; if SMB 2 gets no byte in return, try SMB 1 on another connection.

    Raises:
        Failure: the server rejects every dialect, or this agent.
        PeerClosed, ReadTimeout: the server answers neither SMB 2 nor SMB 1.
        WireError: the answer is not SMB, or is broken.
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
            return await _in_smb1(probe, again, f"the server does not answer SMB 2 ({error})")
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
        return await _in_smb1(probe, again, "the server answers SMB 2 with SMB 1")
    if isinstance(answer, smb2.Refused) and answer.status in _NO_DIALECT and not _not_to_be_asked_more(probe):
        await probe.leave(stream)
        return await _instead_of_smb2(probe, again, answer.status)
    if isinstance(answer, smb2.Refused):
        raise refused(answer.status)
    return Talk(stream, answer, skew_of(answer.clock))


def _not_to_be_asked_more(probe: Probe) -> bool:
    """Return True if the target's type is a guess and its port is not an SMB port."""
    return probe.target.guessed and probe.target.port not in _SMB1_PORTS


async def _in_smb2(probe: Probe, stream: Stream) -> smb2.Negotiated | smb2.OldDialect | smb2.Refused:
    record("smb2")
    return await ask(probe, stream, smb2.negotiate(os.urandom(16), os.urandom(32)), smb2.read_negotiate)


async def _instead_of_smb2(probe: Probe, again: Again, status: int) -> Talk:
    """Try SMB 1 after a status that rejects every SMB 2 dialect, since the SMB 2 offer did not include SMB 1.

    Raises:
        Failure: the server rejects SMB 1 too, or does not answer it.
    """
    why = f"the server rejects the dialects 2.0.2 to 3.1.1: {nt_status.named(status)}"
    try:
        return await _in_smb1(probe, again, why)
    except PeerClosed as error:
        raise Failure(causes.NO_COMMON_DIALECT, f"{why}; second attempt with SMB 1: {error}") from error
    except ReadTimeout as error:
        cause = common.OUT_OF_TIME if error.hasty else common.TOO_SLOW
        raise Failure(cause, f"{why}; second attempt with SMB 1: {error}") from error


async def _once_more(
    probe: Probe, stream: Stream, refusal: Failure
) -> smb2.Negotiated | smb2.OldDialect | smb2.Refused:
    """Try SMB 2 again: a server that rejects SMB 1 speaks SMB 2, and may have been busy or slow the first time.

    Raises:
        Failure: ``refusal``, if the server closes the connection again; ``handshake.too-slow`` or
            ``scanready.out-of-time`` if it stays silent. Samba is silent for ten seconds while its DNS lookup of its
            own name fails (measured with 4.17).
    """
    try:
        return await _in_smb2(probe, stream)
    except PeerClosed as error:
        raise Failure(refusal.cause, f"{refusal.detail}; third attempt, with SMB 2: {error}") from error
    except ReadTimeout as error:
        cause = common.OUT_OF_TIME if error.hasty else common.TOO_SLOW
        waits = "Samba waits like this if its own DNS servers do not answer"
        raise Failure(cause, f"{refusal.detail}; third attempt, with SMB 2: {error}; {waits}") from error


def _worth_another(probe: Probe, error: PeerClosed | ReadTimeout) -> bool:
    """Return True if the server may speak only SMB 1; a port that is only guessed to be SMB is not asked again."""
    if _not_to_be_asked_more(probe) or (probe.target.guessed and isinstance(error, ReadTimeout)):
        return False
    return not (isinstance(error, ReadTimeout) and error.hasty)


def _nobody(error: PeerClosed | ReadTimeout, in_session: bool, second: Exception) -> Exception:
    """Return the error for a peer that answers neither version; bytes that opened a NetBIOS session do not count."""
    detail = f"{error}; second attempt with SMB 1: {getattr(second, 'detail', second)}"
    if in_session:
        cause = common.BROKEN_OFF if isinstance(error, PeerClosed) else common.SILENT
        return Failure(cause, f"after the NetBIOS session opened: {detail}")
    if isinstance(error, PeerClosed):
        return PeerClosed(detail, error.heard)
    return Failure(common.SILENT, f"connected, but the server sent nothing: {detail}")


async def _in_smb1(probe: Probe, again: Again, why: str) -> Talk:
    stream = await again()
    record("smb1")
    answer = await ask(probe, stream, smb1.negotiate(), _read_smb1)
    if isinstance(answer, smb1.Refused) and answer.status and answer.status not in _NO_DIALECT:
        raise refused(answer.status)
    if isinstance(answer, smb1.Refused):
        raise Failure(causes.NO_COMMON_DIALECT, f"{why}; it also rejects SMB 1")
    return Talk(stream, answer, skew_of(answer.clock), why)


def _read_smb1(payload: bytes) -> smb1.Negotiated | smb1.Refused:
    """Read the answer to an SMB 1 NEGOTIATE; an answer in SMB 2 counts as a refusal of SMB 1."""
    return smb1.Refused(0) if payload.startswith(smb2.MARK) else smb1.read_negotiate(payload)


async def ask(probe: Probe, stream: Stream, message: bytes, understand: Callable[[bytes], T]) -> T:
    """Send one SMB message and return the answer (see :func:`answer`)."""
    await stream.send(nbt.message(message))
    return await answer(probe, stream, understand)


async def answer(probe: Probe, stream: Stream, understand: Callable[[bytes], T]) -> T:
    """Return the next SMB message, read by ``understand``.

    Raises:
        Failure: the server refuses the session.
        WireError, StreamError: as :meth:`Stream.receive`.
    """
    found: T | nbt.Negative = await stream.receive(partial(read_answer, understand=understand))
    if isinstance(found, nbt.Negative):
        raise no_session(probe, found)
    return found


@stepwise
def read_answer(cursor: Cursor, understand: Callable[[bytes], T]) -> Steps[T | nbt.Negative]:
    """Read the next SMB message with ``understand``, or the refusal of the NetBIOS session.

    Raises:
        WireError: the frame is no SMB message, or one that cannot be read.
    """
    match (yield from nbt.read_frame.steps(cursor)):
        case nbt.Message(payload):
            return understand(payload)
        case nbt.Negative() as negative:
            return negative
        case _:
            raise WireError("an answer to a NetBIOS session request that was not sent")


def no_session(probe: Probe, negative: nbt.Negative) -> Failure:
    """Return why there is no NetBIOS session; one of the reasons is about this agent."""
    if negative.code == nbt.NOT_LISTENING_FOR_CALLING:
        fix = fixes.ALLOW_HOST(agent=probe.agent_address)
        return Failure(causes.HOST_DENIED, f"the server is {negative.reason}", fix)
    return Failure(causes.NO_SESSION, f"the NetBIOS session service answers: {negative.reason}")


def refused(status: int) -> Failure:
    """Return the failure for an NT status that arrives before any user name is sent."""
    name = nt_status.named(status)
    if status in _NO_DIALECT:
        return Failure(causes.NO_COMMON_DIALECT, f"the server rejects the dialects 2.0.2 to 3.1.1: {name}")
    if known := nt_status.TROUBLE.get(status):
        return Failure(known[1], f"{known[2]}: {name}")
    return Failure(causes.REFUSED, f"the server rejects the session: {name}")


def report_product(rung: Rung, talk: Talk) -> None:
    """Report the negotiation; SMB 1 is a warning."""
    facts = talk.facts
    cipher = facts["encryption"] if facts["encryption"] != "none" else "not available"
    summary = f"speaks {talk.dialect}, signing {facts['signing']}, encryption {cipher}"
    if talk.old:
        rung.warn(causes.SMB1_ONLY, f"{summary}; {talk.old}", None, **facts)
    else:
        rung.ok(summary, **facts)


def skew_of(clock: datetime | None) -> int | None:
    """Return the server's clock minus the agent's, in seconds."""
    return None if clock is None else round((clock - datetime.now(UTC)).total_seconds())
