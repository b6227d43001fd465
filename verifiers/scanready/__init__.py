"""scanready: can this Proxy Agent actually scan this target, and if not: why, who fixes it, what do they change?

The public API is the nine words of :mod:`scanready.model` and two functions::

    report = await scanready.verify(scanready.Target("db7", "postgresql", 5432))
    async for report in scanready.verify_all(targets): ...
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .model import Agent, Cause, Check, Credential, Footprint, Report, Step, Target, Verdict
    from .run.engine import Settings, verify, verify_all

__all__ = [
    "Agent",
    "Cause",
    "Check",
    "Credential",
    "Footprint",
    "Report",
    "Settings",
    "Step",
    "Target",
    "Verdict",
    "__version__",
    "verify",
    "verify_all",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for: every pytest run imports this package, for the plug-in's sake."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    where = "run.engine" if name in ("Settings", "verify", "verify_all") else "model"
    found = globals()[name] = getattr(import_module(f"{__name__}.{where}"), name)
    return found
