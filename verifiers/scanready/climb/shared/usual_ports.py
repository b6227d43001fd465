"""Suggest the port of the vendor's installer if the documented port is closed; it is never a proof."""

from __future__ import annotations

from collections.abc import Sequence

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import ClimbEnded, Farewell, Probe
from scanready.model import Check, Outcome, Step, bracketed
from scanready.net.stream import Stream, StreamError
from scanready.wire import WireError


async def connect(
    probe: Probe, others: Sequence[int], who: str, *, tls: bool = False, farewell: Farewell | None = None
) -> Stream:
    """Connect; if the port refuses, try each of ``others`` once and report the open ones (``tls``: those with TLS).

    Only a refusal triggers this: on a silent host, further ports would cost the whole time. A port that the operator
    chose is not questioned.

    Raises:
        ClimbEnded: as :meth:`Probe.connect`.
    """
    try:
        return await probe.connect(farewell=farewell)
    except ClimbEnded:
        refused = probe.checks[-1].finding
        asked = not (probe.target.explicit_port or probe.target.guessed)
        if asked and refused is not None and refused.cause is common.REFUSED:
            for port in others:
                await _suggest(probe, port, who, tls=tls)
        raise


async def _suggest(probe: Probe, port: int, who: str, *, tls: bool) -> None:
    try:
        stream = await probe.dial(probe.address or probe.host, port)
        if tls:
            await stream.start_tls(probe.host)
        await probe.leave(stream)
    except (Failure, StreamError, WireError, OSError):
        return
    answers = "speaks TLS" if tls else "accepts connections"
    endpoint = f"{bracketed(probe.host)}:{port}"
    summary = f"port {port} {answers}, where {who}: try {probe.target.type}://{endpoint}"
    probe.record(Check(Step.CONNECT, endpoint, Outcome.SKIPPED, summary, {"suggested_port": port}))
