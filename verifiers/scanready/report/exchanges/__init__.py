"""What a verifier sends on each rung, in words, and the line that asks the same by hand: data for the story.

One module a family, as in the catalogue; ``TOLD`` maps (target type, step) to an :class:`Exchange`. The words are those
of the drawings in ``targets/``. A type that is not here (a third party's) is told without them.
"""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange

from .databases import DATABASES
from .files import FILES
from .hosts import HOSTS
from .infrastructure import INFRASTRUCTURE
from .mail import MAIL
from .web import WEB

__all__ = ["TOLD", "Exchange"]

TOLD: dict[tuple[str, str], Exchange] = {**HOSTS, **FILES, **WEB, **MAIL, **DATABASES, **INFRASTRUCTURE}
