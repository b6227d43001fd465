"""Combine the results of several agents for one target into one estate verdict. No I/O."""

from __future__ import annotations

from .refusals import Refusals
from .verdict import EstateVerdict, Overruled, estate_verdict

__all__ = ["EstateVerdict", "Overruled", "Refusals", "estate_verdict"]
