"""Load what judges certificates in a thread, before the first one is judged: modules and authorities, 80 ms.

No packet waits for it, and it keeps the event loop from no other target.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from functools import partial

from scanready.net import off_the_loop

_LOADING = threading.Lock()
_LOADED: set[str | None] = set()


def load(ca_file: str | None = None) -> None:
    """Load the modules and authorities of :func:`certificates.judge`; those that come meanwhile wait for the first.

    A ``ca_file`` that cannot be read is left to that function, whose error says so.
    """
    with _LOADING:
        from . import certificates

        if certificates.load(ca_file):
            _LOADED.add(ca_file)


def loading(ca_file: str | None, end: float) -> Callable[[], Awaitable[None]]:
    """Return what a stream awaits before its certificate is judged: :func:`load`, in a thread, if it is needed yet.

    Args:
        end: absolute, in the event loop's time; what is awaited raises TimeoutError if it takes longer.
    """

    async def loaded() -> None:
        if ca_file not in _LOADED:
            await off_the_loop.computed(partial(load, ca_file), end)

    return loaded
