"""Where a login is the client's first word: whoever speaks first himself is something else, and gets no login."""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.net.stream import PeerClosed, Stream
from scanready.wire import WireError

#: Seconds in which servers that open the talk (SSH, mail, MySQL ...) have opened it, a slow network allowed for.
PATIENCE = 0.2


async def is_ours(probe: Probe, stream: Stream) -> None:
    """Listen before anything is sent.

    Raises:
        ClimbEnded: somebody else speaks, or hangs up; the handshake's check says who.
    """
    try:
        await stream.expect_silence(min(PATIENCE, probe.remaining / 4))
    except (PeerClosed, WireError) as error:
        async with probe.step(Step.HANDSHAKE):
            raise error
