"""Talking ONC RPC: a call and its answer, over a connection or over UDP."""

from __future__ import annotations

import random

from ..probe import Probe
from ..stream import Stream
from ..wire import WireError
from ..wire.rpc import message as wire

#: Answers to calls that were not ours; more is somebody playing.
_MOST_IGNORED = 8


class Talk:
    """The calls that go over one connection, one after another."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    async def call(
        self, program: int, version: int, procedure: int, arguments: bytes = b"", credential: bytes = wire.AUTH_NONE
    ) -> wire.Reply:
        """Call and return the answer.

        Raises:
            Silent, HungUp: no answer.
            WireError: the answer is no RPC, or answers other calls.
        """
        xid = random.getrandbits(32)
        await self.stream.send(wire.record(wire.call(xid, program, version, procedure, arguments, credential)))
        for _ in range(_MOST_IGNORED):
            reply = await self.stream.receive(wire.read_reply)
            if reply.xid == xid:
                return reply
        raise WireError("answers to calls that nobody made")


async def call_over_udp(
    probe: Probe, port: int, program: int, version: int, procedure: int, arguments: bytes = b""
) -> wire.Reply:
    """Call once over UDP, from a port below 1024 where that may be.

    Raises:
        Unanswered: silence, which proves nothing.
        DialFailed: an ICMP message said no.
        WireError: the answer is no RPC.
    """
    xid = random.getrandbits(32)

    def reader(datagram: bytes) -> wire.Reply | None:
        reply = wire.parse_reply(datagram)
        return reply if reply.xid == xid else None

    question = wire.call(xid, program, version, procedure, arguments)
    return await probe.ask(probe.address or probe.host, port, question, reader, privileged=True)
