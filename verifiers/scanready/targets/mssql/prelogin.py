"""Exchange PRELOGIN with SQL Server: identify the server and its instance, and start TLS as the server requires it.

A server that requires TDS 8.0 resets a connection after a PRELOGIN in clear text (10054 at its clients, 17819 in its
log). If the server closes the connection without an answer, or answers with a TLS alert, one more connection starts
with TLS. PRELOGIN is sent there only if the server selects ALPN ``tds/8.0``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Facts, Step, bracketed
from scanready.net.events import record
from scanready.net.framing import Framing
from scanready.net.stream import PeerClosed, ReadTimeout, Stream, TlsError
from scanready.wire import UnknownValue, WireError, tds7, tls
from scanready.wire.printable import printable

from . import causes
from .row import DEFAULT_INSTANCE

_IN_PACKETS = Framing(tds7.wrap_tls, tds7.unwrap_tls)
_SCHANNEL = (
    "Windows closes the connection like this if there is no common TLS version or cipher suite, or if its certificate "
    "is unusable. See Schannel event 36874 or 36888 in the Windows system log"
)
#: The values of the ``encryption`` fact.
_ENCRYPTIONS: Mapping[int, str] = {
    tds7.Encryption.OFF: "login only",
    tds7.Encryption.ON: "on",
    tds7.Encryption.NOT_SUPPORTED: "not supported",
    tds7.Encryption.REQUIRED: "required",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Hold the host and port where an instance listens, as the check found them."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


@dataclass(slots=True)
class Talk:
    """Hold the connection to a server that answered PRELOGIN.

    ``strict`` is True if TLS starts with the first byte (TDS 8.0). ``asked`` is the encryption that the agent
    requested. ``channel`` describes how a login would be protected.
    """

    stream: Stream
    answer: tds7.Prelogin
    asked: tds7.Encryption
    strict: bool = False
    channel: str = "in clear text"


def own_name(instance: str) -> str:
    """Return the instance's name; empty for the default instance, which has none."""
    return "" if instance.upper() == DEFAULT_INSTANCE else instance


async def ask(stream: Stream, encryption: tds7.Encryption, instance: str) -> tds7.Prelogin:
    """Send PRELOGIN and read the answer; the caller opens the check's step.

    Raises:
        Failure: a Sybase server answers, or the server accepts no connections now.
        PeerClosed: no answer, or an error that says that only TDS 8.0 is accepted.
        UnknownValue: the answer is TDS but neither PRELOGIN nor an error.
        ReadTimeout, WireError: as :meth:`Stream.receive`.
    """
    record("prelogin")
    await stream.send(tds7.prelogin(encryption, instance))
    answer: tds7.Prelogin | tds7.Tokens | tds7.OtherTds = await stream.receive(tds7.read_prelogin)
    if isinstance(answer, tds7.Prelogin):
        return answer
    if isinstance(answer, tds7.OtherTds):
        raise Failure(
            common.OTHER_PROTOCOL, f"a Sybase server (SAP ASE) answers: {printable(answer.message) or 'TDS 5.0'}"
        )
    if any(error.number == causes.STRICT_REQUIRED for error in answer.errors):
        raise PeerClosed("the server accepts only strict connections (TDS 8.0)")
    if not answer.errors:
        what = "the acceptance of a login" if answer.ack else "a TDS reply without an error"
        raise UnknownValue("the answer to PRELOGIN", what)
    error = answer.errors[0]
    cause = causes.STATES.get(error.number, causes.SERVER_ERROR)
    raise Failure(cause, f"{printable(error.message)} (error {error.number})", error_code=error.number)


async def greeted(probe: Probe, stream: Stream, place: Place, instance: str) -> Talk:
    """Check ``handshake``: exchange PRELOGIN, inside TLS if the server requires that."""
    wanted = own_name(instance) if instance.isascii() else ""
    # With an account, the whole session is encrypted to protect it. Without one, OFF is the better question: a server
    # that requires encryption reports it in the answer.
    asked = tds7.Encryption.ON if probe.logs_in else tds7.Encryption.OFF
    async with probe.step(Step.HANDSHAKE, str(place)) as rung:
        try:
            talk = Talk(stream, await ask(stream, asked, wanted), asked)
        except (PeerClosed, WireError) as error:
            spoke_tds = isinstance(error, UnknownValue)
            if spoke_tds or (error.heard and not tls.looks_like_tls(error.heard)):
                raise
            talk = await _strictly(probe, place, wanted, error)
        _tell(rung, talk, wanted)
    return talk


async def _strictly(probe: Probe, place: Place, instance: str, first: PeerClosed | WireError) -> Talk:
    """Connect again and start with TLS; if that fails, the first refusal is the result."""
    same = probe.address if place.host == probe.host else None
    try:
        stream = await probe.dial(same or place.host, place.port)
        session = await stream.start_tls(place.host, (tds7.ALPN,))
    except (Failure, PeerClosed, ReadTimeout, TlsError, WireError) as error:
        if isinstance(error, PeerClosed | ReadTimeout) and tls.begins_like_tls(error.heard):
            raise  # an unfinished handshake does not show which protocol TLS carries
        if isinstance(error, ReadTimeout) and (error.hasty or first.heard):
            raise  # a TLS server that does not answer does not show it either
        tried = f"{first}; a second connection that starts with TLS (TDS 8.0) also fails: {error}"
        cause = common.OTHER_PROTOCOL if first.heard else common.HUNG_UP
        facts: Facts = {"speaks": "tls"} if first.heard else {}
        raise Failure(cause, tried, **facts) from error
    if session.alpn != tds7.ALPN:
        tried = f"{first}; on a second connection TLS works, but the server does not select ALPN {tds7.ALPN}"
        raise Failure(common.OTHER_PROTOCOL, tried, speaks="tls")
    async with probe.step(Step.TLS, str(place)) as rung:
        probe.judge_tls(session, rung)
    # Microsoft's own client sends this value inside TLS (captured with its ODBC driver 18.6).
    asked = tds7.Encryption.NOT_SUPPORTED
    return Talk(stream, await ask(stream, asked, instance), asked, strict=True, channel=_channel(rung))


def _tell(rung: Rung, talk: Talk, wanted: str) -> None:
    answer = talk.answer
    if wanted and answer.instance_matches is False:
        detail = f"{answer.name} answers, but it is not the instance {wanted}"
        rung.stop(causes.INSTANCE_MISMATCH, detail, **_who(answer))
    encryption = "strict" if talk.strict else _encryption_of(answer)
    matches = f", instance {wanted}" if wanted and answer.instance_matches else ""
    rung.ok(
        f"speaks TDS {'8.0' if talk.strict else '7'}, {answer.name}{matches}; encryption: {encryption}",
        encryption=encryption,
        **_who(answer),
    )
    if talk.strict:
        rung.warn(
            causes.STRICT_ONLY, "the server rejects a PRELOGIN in clear text and answers one inside TLS (TDS 8.0)"
        )


def _who(answer: tds7.Prelogin) -> Facts:
    """Return the product as a fact, with the version if the answer has one."""
    version: Facts = {"version": answer.version_text} if answer.version else {}
    return version | {"product": answer.product}


def _encryption_of(answer: tds7.Prelogin) -> str:
    """Return the value of the ``encryption`` fact."""
    if answer.encryption is None:
        return "not mentioned"
    return _ENCRYPTIONS.get(answer.encryption, f"0x{answer.encryption:02x}")


async def encrypt(probe: Probe, talk: Talk, place: Place) -> None:
    """Check ``tls``: do the handshake inside TDS packets and judge the certificate."""
    if talk.strict:
        return
    async with probe.step(Step.TLS, str(place)) as rung:
        match talk.answer.encryption:
            case None:
                rung.skip("the server does not offer TLS: its answer to PRELOGIN does not mention encryption")
            case tds7.Encryption.NOT_SUPPORTED:
                rung.skip("the server does not offer TLS: it reports that it does not support encryption")
            case tds7.Encryption.OFF if talk.asked is tds7.Encryption.ON:
                rung.stop(
                    common.LIMIT,
                    "scanready asked for TLS for the whole session; the server offers it only for the login",
                )
            case tds7.Encryption.OFF | tds7.Encryption.ON | tds7.Encryption.REQUIRED:
                try:
                    session = await talk.stream.start_tls(place.host, framing=_IN_PACKETS)
                except PeerClosed as error:
                    rung.stop(common.TLS_FAILED, f"{error}; {_SCHANNEL}")
                probe.judge_tls(session, rung)
                talk.channel = _channel(rung)
            case other:
                rung.stop(common.LIMIT, f"the server requires the encryption 0x{other:02x}, which is not known here")


def _channel(rung: Rung) -> str:
    """Describe how the connection protects a password."""
    faults = rung.check.facts.get("certificate_faults")
    return f"inside TLS; the certificate is faulty ({', '.join(faults)})" if faults else "inside TLS, verified"


async def report_prompt(probe: Probe, talk: Talk, place: Place) -> None:
    """Check ``auth``: the server is ready for a login."""
    async with probe.step(Step.AUTH, str(place)) as rung:
        rung.ok(
            f"accepts a login (LOGIN7) {talk.channel}; only a login shows whether the server accepts SQL logins "
            "or only Windows accounts"
        )
