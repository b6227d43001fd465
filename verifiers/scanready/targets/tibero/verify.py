"""Tibero 8629.

    we                    server
                     <-   a greeting of type 0 (the server opens the talk; nothing is sent)
    FIN              ->

The protocol is not public: its shape is recognised, and never more than that claimed.
"""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.wire import tibero as wire

from . import causes


async def verify(probe: Probe) -> None:
    """Listen to the greeting."""
    stream = await probe.connect()
    async with probe.step(Step.HANDSHAKE) as rung:
        greeting = await stream.receive(wire.read_greeting)
        if greeting.kind == wire.REFUSAL:
            rung.stop(causes.REFUSED, f"a message of type {greeting.kind} and {greeting.length} bytes")
        shape = f"type {greeting.kind}, {greeting.length} bytes, protocol major {greeting.major}"
        rung.ok(f"a Tibero-shaped greeting ({shape})", product="Tibero (by the shape of its greeting)")
    async with probe.step(Step.AUTH) as rung:
        rung.stop(causes.UNVERIFIABLE, "no vendor client here: login and reading cannot be verified")
