"""scanready: can this Proxy Agent actually scan this target, and if not: why, who fixes it, what do they change?

The library is twelve classes of the model, three functions and their settings::

    report = scanready.check("postgresql://db7/hr")
    report = await scanready.verify(scanready.Target("db7", "postgresql", 5432))
    async for report in scanready.verify_all(targets): ...

Authors of verifiers find their classes in :mod:`scanready.author`. docs/api.md describes both, and says what is stable.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .inventory.check import check, verify, verify_all
    from .model import (
        Agent,
        Cause,
        Check,
        Credential,
        Finding,
        Footprint,
        Outcome,
        Owner,
        Report,
        Step,
        Target,
        Verdict,
    )
    from .run.settings import Settings

__all__ = [
    "Agent",
    "Cause",
    "Check",
    "Credential",
    "Finding",
    "Footprint",
    "Outcome",
    "Owner",
    "Report",
    "Settings",
    "Step",
    "Target",
    "Verdict",
    "__version__",
    "check",
    "verify",
    "verify_all",
]

#: The modules of the names that the model does not define.
_ELSEWHERE = {
    "Settings": "run.settings",
    "check": "inventory.check",
    "verify": "inventory.check",
    "verify_all": "inventory.check",
}

if not TYPE_CHECKING:  # a type checker that saw this function would accept every name

    def __getattr__(name: str) -> Any:
        """Load a name on first use: every pytest run imports this package for the sake of its plug-in."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f"{__name__}.{_ELSEWHERE.get(name, 'model')}")
        found = globals()[name] = getattr(module, name)
        return found


def __dir__() -> list[str]:
    """List the public names only: what is loaded so far, and how, is of no use to a program."""
    return sorted(__all__)
