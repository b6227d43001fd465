"""Speak a protocol on a port that may expect clear text or TLS: database listeners do not announce which.

The first try is in clear text, because a TLS ClientHello on a clear-text port leaves stack traces in logs (measured:
Derby). If the server answers with a TLS alert or closes the connection, the second try uses TLS.
"""

from __future__ import annotations

from typing import TypeVar

from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.stream import PeerClosed, ReadTimeout, Stream, TlsError
from scanready.wire import Reader, WireError, tls

T = TypeVar("T")

#: The summaries for a TLS ClientHello to a port without TLS, by the error that ended it.
_NO_TLS: dict[type[Exception], str] = {
    PeerClosed: "the server also closes the connection after a TLS ClientHello: {}",
    ReadTimeout: "a TLS ClientHello is not answered either: {}",
    TlsError: "the server answers a TLS ClientHello, but not with TLS: {}",
}


async def first_answer(probe: Probe, stream: Stream, flight: bytes, reader: Reader[T]) -> tuple[Stream, T, bool]:
    """Send ``flight`` at the step handshake; return the stream, the answer, and whether TLS is used.

    A TLS handshake is recorded as a separate check before that of the handshake.

    Raises:
        PeerClosed, ReadTimeout, WireError: the server does not speak the protocol, in clear or in TLS.
        ClimbEnded: the port requires TLS, and the TLS handshake failed.
    """
    try:
        await stream.send(flight)
        return stream, await stream.receive(reader), False
    except (PeerClosed, WireError) as error:
        if error.heard and not tls.looks_like_tls(error.heard):
            raise
        inside = await _again_in_tls(probe, certain=bool(error.heard))
        if inside is None:
            raise
    await inside.send(flight)
    return inside, await inside.receive(reader), True


async def _again_in_tls(probe: Probe, *, certain: bool) -> Stream | None:
    """Dial again and do the TLS handshake; None if the port has no TLS either, unless it is ``certain`` that it has."""
    async with probe.step(Step.TLS) as rung:
        stream = await probe.dial(probe.address or probe.host, probe.target.port)
        try:
            await probe.start_tls(stream, rung)
        except (PeerClosed, ReadTimeout, TlsError) as error:
            too_short = isinstance(error, ReadTimeout) and error.hasty  # for a word about the port
            if certain or too_short or tls.begins_like_tls(error.heard):
                raise
            rung.skip(_NO_TLS[type(error)].format(error))
            return None
    return stream
