"""Compute in a thread what would keep the event loop from all other targets.

The threads are for OpenSSL's arithmetic only: it gives up Python's lock, and each piece of it ends within a second. So
many may compute at once that the operating system shares the processor among them, and one waits for no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

#: More than the connections that are open at once do not compute at once.
_MOST_THREADS = 64


async def computed(function: Callable[[], T], deadline: float) -> T:
    """Return what ``function`` returns in a thread, or raise what it raises.

    Args:
        deadline: absolute, in the event loop's time; a function that is late goes on, and its result is lost.

    Raises:
        TimeoutError: it did not return by the deadline.
    """
    loop = asyncio.get_running_loop()
    future = loop.run_in_executor(_threads(), function)
    try:  # not asyncio.timeout, which an error's traceback keeps, and which keeps the task that may keep the error
        await asyncio.wait((future,), timeout=max(0.0, deadline - loop.time()))
        if not future.done():
            raise TimeoutError
        return future.result()
    finally:
        del future


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_MOST_THREADS, "scanready-tls")
