"""Keep the processes that logins are forked from over the end of a run: the next one need not load the libraries again.

They end by themselves a few seconds later, and at once with this process. One run has them at a time.
"""

from __future__ import annotations

import threading

from .surroundings import surroundings
from .templates import Templates

_lock = threading.Lock()
_resting: Templates | None = None


def take() -> Templates:
    """Return those that rest, if they started as they would now; else new ones."""
    global _resting
    with _lock:
        found, _resting = _resting, None
    if found is not None and found.surroundings == surroundings() and not found.gone:
        found.rest(resting=False)
        return found
    if found is not None:
        found.close()
    return Templates()


def put(templates: Templates) -> None:
    """Have them rest; they have no logins any more."""
    global _resting
    with _lock:
        before, _resting = _resting, templates
    templates.rest(resting=True)
    if before is not None:
        before.close()
