"""The network requirements of Enterprise Recon 2.0.28 as data: one row a target type.

Every row says which sentence of the document it comes from (``source``), what
this product knows to be doubtful in it (``doubt``), and what its check costs the
target (``footprint``). Defaults are the document's; a target's own port wins.
"""

from __future__ import annotations

from .databases import DATABASES
from .hosts import HOSTS
from .infrastructure import INFRASTRUCTURE
from .mail import MAIL
from .row import Cost, Requirement, TargetType, When
from .storage import STORAGE
from .web import WEB

__all__ = ["BY_NAME", "GUESSED", "TYPES", "Cost", "Requirement", "TargetType", "When"]

TYPES: tuple[TargetType, ...] = (*HOSTS, *STORAGE, *WEB, *MAIL, *DATABASES, *INFRASTRUCTURE)
BY_NAME: dict[str, TargetType] = {row.name: row for row in TYPES}
#: What is tried at a host whose types nobody named.
GUESSED: tuple[TargetType, ...] = tuple(row for row in TYPES if not row.named_only)
