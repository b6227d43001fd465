"""A port that takes its protocol in clear, or in TLS from the first byte: databases' listeners do not tell which.

The protocol is spoken in clear first: a TLS hello on a clear port leaves stack traces in logs (measured: Derby). Who
answers that with a TLS alert, or hangs up on it, is asked once more, in TLS.
"""

from __future__ import annotations

from typing import TypeVar

from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.stream import PeerClosed, ReadTimeout, Stream, TlsError
from scanready.wire import Reader, WireError, tls

T = TypeVar("T")

#: The outcome of a TLS hello to a port without TLS: three answers that say different things of the port.
_NO_TLS: dict[type[Exception], str] = {
    PeerClosed: "a TLS hello is hung up on, too: {}",
    ReadTimeout: "a TLS hello is not answered either: {}",
    TlsError: "a TLS hello is answered, and not with TLS: {}",
}


async def first_answer(probe: Probe, stream: Stream, flight: bytes, reader: Reader[T]) -> tuple[Stream, T, bool]:
    """Send ``flight`` on the handshake's rung; return who answered it, the answer, and whether that was in TLS.

    Where it comes to TLS, that is a check of its own, before the handshake's.

    Raises:
        PeerClosed, ReadTimeout, WireError: the server does not speak the protocol, in clear or in TLS.
        ClimbEnded: the port wants TLS, and it cannot be had.
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
