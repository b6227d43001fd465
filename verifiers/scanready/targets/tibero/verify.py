"""Check Tibero on port 8629.

    agent                 server
                     <-   a greeting of type 0 (the server sends first; the agent sends nothing)
    FIN              ->

The protocol is not public. The check recognises the form of the greeting and claims no more.
"""

from __future__ import annotations

from scanready.climb.probe import Probe
from scanready.model import Step
from scanready.wire import tibero as wire

from . import causes


async def verify(probe: Probe) -> None:
    """Read the greeting."""
    stream = await probe.connect()
    async with probe.step(Step.HANDSHAKE) as rung:
        greeting = await stream.receive(wire.read_greeting)
        if greeting.kind == wire.REFUSAL:
            rung.stop(causes.REFUSED, f"a message of type {greeting.kind} and {greeting.length} bytes")
        shape = f"type {greeting.kind}, {greeting.length} bytes, protocol major {greeting.major}"
        rung.ok(f"the greeting looks like Tibero ({shape})", product="Tibero (by the shape of its greeting)")
    async with probe.step(Step.AUTH) as rung:
        rung.stop(
            causes.UNVERIFIABLE, "without the vendor's client, scanready can check neither the login nor the access"
        )
