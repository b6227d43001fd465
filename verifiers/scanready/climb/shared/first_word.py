"""Reject servers that speak first, for protocols in which the client begins with a login; they get no login."""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.stream import PeerClosed, Stream
from scanready.wire import WireError

#: Seconds within which a server that speaks first (SSH, mail, MySQL ...) has done so, also on a slow network.
PATIENCE = 0.2


async def is_ours(probe: Probe, stream: Stream) -> None:
    """Listen before anything is sent.

    Raises:
        ClimbEnded: another service speaks, or the server closes; the handshake's check says which.
    """
    try:
        await stream.expect_silence(min(PATIENCE, probe.remaining / 4))
    except (PeerClosed, WireError) as error:
        async with probe.step(Step.HANDSHAKE):
            raise error
