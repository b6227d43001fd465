"""Take credentials out of what peers, exceptions and plug-ins say, in whatever form they say them.

:mod:`forms` knows how a secret may be written, :mod:`readings` reads a text in every way that could hold it,
:mod:`redactor` masks what is found, :mod:`scope` holds the redactor of the target at hand, :mod:`pieces` does the same
for bytes that arrive in pieces, and :mod:`vocabulary` knows our own words, which stay as they are.
"""

from __future__ import annotations

from .redactor import HIDDEN, NOTHING, WITHHELD, Redactor
from .scope import current, redacting

__all__ = ["HIDDEN", "NOTHING", "WITHHELD", "Redactor", "current", "redacting"]
