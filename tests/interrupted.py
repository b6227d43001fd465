"""End a climb in the middle: by cancelling it at the n-th piece of talk, or by giving it too little time."""

from __future__ import annotations

import asyncio
from typing import Any

from scanready.model import Report, Target
from scanready.run.engine import Run
from scanready.run.settings import Settings


async def cancelled(where: Target, at: int, **settings: Any) -> int:
    """Climb, and cancel at the ``at``-th piece of data, sent or received, counted from 1; return their number."""
    pieces = 0

    def tap(_direction: str, _data: bytes) -> None:
        nonlocal pieces
        pieces += 1
        if pieces == at:
            climbing.cancel()

    async with Run(Settings(tap=lambda _: tap, canary=False, **settings)) as run:
        climbing = asyncio.create_task(run.verify(where))
        await asyncio.wait([climbing])
    return pieces


async def out_of_time(where: Target, seconds: float, **settings: Any) -> Report:
    """Climb with that much time for everything."""
    async with Run(Settings(timeout=seconds, canary=False, **settings)) as run:
        return await run.verify(where)
