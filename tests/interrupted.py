"""End a climb in the middle: by cancelling it at the n-th piece of talk, or by giving it too little time."""

from __future__ import annotations

import asyncio
from typing import Any

from scanready.model import Report, Target
from scanready.run.engine import Run
from scanready.run.settings import Settings


async def cancelled(where: Target, at: int, **settings: Any) -> int:
    """Climb, and cancel when the ``at``-th piece (sent or received, from 1) goes by; return how many went by."""
    seen = 0

    def tap(_direction: str, _data: bytes) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            climbing.cancel()

    async with Run(Settings(tap=lambda _: tap, canary=False, **settings)) as run:
        climbing = asyncio.create_task(run.verify(where))
        await asyncio.wait([climbing])
    return seen


async def out_of_time(where: Target, seconds: float, **settings: Any) -> Report:
    """Climb with that much time for everything."""
    async with Run(Settings(timeout=seconds, canary=False, **settings)) as run:
        return await run.verify(where)
