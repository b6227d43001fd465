"""PRELOGIN with SQL Server: who answers, which instance it is, and TLS the way it wants it.

A server that takes TDS 8.0 alone resets a PRELOGIN in clear (10054 at its clients, 17819 in its log). So whoever hangs
up on ours without a word, or answers it with a TLS alert, is asked once more with TLS first, on one more connection;
only who then chooses the name ``tds/8.0`` in TLS is spoken to.
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

_IN_PACKETS = Framing(tds7.wrap_tls, tds7.unwrap_tls)
#: The instance that has no name of its own; to ask for it is to ask for none.
DEFAULT_INSTANCE = "MSSQLSERVER"
_SCHANNEL = (
    "Windows' TLS hangs up so where no version or cipher is common, or its certificate cannot be used: event 36874 or "
    "36888 of Schannel in the system's log says which"
)
#: What the ``encryption`` fact says.
_SAID: Mapping[int, str] = {
    tds7.Encryption.OFF: "login only",
    tds7.Encryption.ON: "on",
    tds7.Encryption.NOT_SUPPORTED: "not supported",
    tds7.Encryption.REQUIRED: "required",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an instance listens, as the climb found it."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


@dataclass(slots=True)
class Talk:
    """A server that has answered PRELOGIN; ``strict`` if in TLS from the first byte.

    ``asked`` is the encryption we asked for; ``channel`` says what a login would travel in.
    """

    stream: Stream
    answer: tds7.Prelogin
    asked: tds7.Encryption
    strict: bool = False
    channel: str = "in clear text"


def own_name(instance: str) -> str:
    """The instance's name; empty for the default instance, which has none."""
    return "" if instance.upper() == DEFAULT_INSTANCE else instance


async def ask(stream: Stream, encryption: tds7.Encryption, instance: str) -> tds7.Prelogin:
    """Say PRELOGIN and read the answer, on a rung of the caller's.

    Raises:
        Failure: a Sybase server; a server that takes nobody now.
        PeerClosed: nothing came, or that only TDS 8.0 is welcome.
        UnknownValue: TDS, and neither PRELOGIN nor an error.
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
        raise PeerClosed("the server takes strict connections (TDS 8.0) alone")
    if not answer.errors:
        what = "the acceptance of a login" if answer.ack else "a reply of TDS without an error"
        raise UnknownValue("the answer to PRELOGIN", what)
    error = answer.errors[0]
    cause = causes.STATES.get(error.number, causes.SERVER_ERROR)
    raise Failure(cause, f"{printable(error.message)} (error {error.number})", error_code=error.number)


async def greeted(probe: Probe, stream: Stream, place: Place, instance: str) -> Talk:
    """Climb ``handshake``: PRELOGIN, in TLS where the server takes nothing else."""
    wanted = own_name(instance) if instance.isascii() else ""
    # With an account to protect, the whole session goes inside TLS. Without one, the answer to OFF tells more: a server
    # that insists on encryption says so.
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
    """Ask again with TLS first; if that comes to nothing it is the first refusal that counts."""
    same = probe.address if place.host == probe.host else None
    try:
        stream = await probe.dial(same or place.host, place.port)
        session = await stream.start_tls(place.host, (tds7.ALPN,))
    except (Failure, PeerClosed, ReadTimeout, TlsError, WireError) as error:
        if isinstance(error, PeerClosed | ReadTimeout) and tls.begins_like_tls(error.heard):
            raise  # a handshake that did not end says nothing about the protocol inside
        if isinstance(error, ReadTimeout) and (error.hasty or first.heard):
            raise  # nor does silence, of a server that has TLS
        tried = f"{first}; asked again with TLS first, as strict servers (TDS 8.0) want it: {error}"
        cause = common.OTHER_PROTOCOL if first.heard else common.HUNG_UP
        facts: Facts = {"speaks": "tls"} if first.heard else {}
        raise Failure(cause, tried, **facts) from error
    if session.alpn != tds7.ALPN:
        tried = f"{first}; asked again with TLS first: a TLS server answers, and it does not speak {tds7.ALPN}"
        raise Failure(common.OTHER_PROTOCOL, tried, speaks="tls")
    async with probe.step(Step.TLS, str(place)) as rung:
        probe.judge_tls(session, rung)
    # What Microsoft's own client says here: encryption is done already (seen with its ODBC driver 18.6).
    asked = tds7.Encryption.NOT_SUPPORTED
    return Talk(stream, await ask(stream, asked, instance), asked, strict=True, channel=_channel(rung))


def _tell(rung: Rung, talk: Talk, wanted: str) -> None:
    answer = talk.answer
    if wanted and answer.instance_matches is False:
        detail = f"{answer.name} answers, and is not the instance {wanted}"
        rung.stop(causes.INSTANCE_MISMATCH, detail, **_who(answer))
    encryption = "strict" if talk.strict else _encryption_of(answer)
    matches = f", and is the instance {wanted}" if wanted and answer.instance_matches else ""
    rung.ok(
        f"speaks TDS {'8.0' if talk.strict else '7'}, {answer.name}{matches}; encryption: {encryption}",
        encryption=encryption,
        **_who(answer),
    )
    if talk.strict:
        rung.warn(causes.STRICT_ONLY, "hangs up on a PRELOGIN in clear, and answers one in TLS (TDS 8.0)")


def _who(answer: tds7.Prelogin) -> Facts:
    """Return the product, and the version if the answer has one."""
    version: Facts = {"version": answer.version_text} if answer.version else {}
    return version | {"product": answer.product}


def _encryption_of(answer: tds7.Prelogin) -> str:
    """Return the value of the ``encryption`` fact."""
    if answer.encryption is None:
        return "not mentioned"
    return _SAID.get(answer.encryption, f"0x{answer.encryption:02x}")


async def encrypt(probe: Probe, talk: Talk, place: Place) -> None:
    """Climb ``tls``: the handshake inside TDS packets, to the certificate."""
    if talk.strict:
        return
    async with probe.step(Step.TLS, str(place)) as rung:
        match talk.answer.encryption:
            case None:
                rung.skip("the server does not offer TLS: its answer to PRELOGIN does not mention encryption")
            case tds7.Encryption.NOT_SUPPORTED:
                rung.skip("the server does not offer TLS: it says that it does not support encryption")
            case tds7.Encryption.OFF if talk.asked is tds7.Encryption.ON:
                rung.stop(common.LIMIT, "the server agrees to TLS for the login alone, asked for it throughout")
            case tds7.Encryption.OFF | tds7.Encryption.ON | tds7.Encryption.REQUIRED:
                try:
                    session = await talk.stream.start_tls(place.host, framing=_IN_PACKETS)
                except PeerClosed as error:
                    rung.stop(common.TLS_FAILED, f"{error}; {_SCHANNEL}")
                probe.judge_tls(session, rung)
                talk.channel = _channel(rung)
            case other:
                rung.stop(common.LIMIT, f"the server wants an encryption that is not known here (0x{other:02x})")


def _channel(rung: Rung) -> str:
    """What is to be known of a password that goes this way."""
    faults = rung.check.facts.get("certificate_faults")
    return f"inside TLS, its certificate at fault ({', '.join(faults)})" if faults else "inside TLS, verified"


async def report_prompt(probe: Probe, talk: Talk, place: Place) -> None:
    """Climb ``auth``: what comes next is the login itself."""
    async with probe.step(Step.AUTH, str(place)) as rung:
        rung.ok(
            f"takes a login (LOGIN7) {talk.channel}; whether SQL logins, or Windows accounts alone, it tells only those"
        )
