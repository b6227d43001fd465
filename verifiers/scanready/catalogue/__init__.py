"""The declaration of a target type: the shapes of its row, its requirements, its options and its story.

Types only. The rows stand in the folders of their protocols; :func:`scanready.run.registry.catalogue` collects them.
"""

from __future__ import annotations

from .collection import Catalogue
from .notation import Notation
from .option import Option
from .requirement import ALWAYS, Condition, Requirement, Requirements, Seen
from .row import Broker, Called, Cost, Detour, Driver, Group, Judge, Nmap, TargetType, Verifier

__all__ = [
    "ALWAYS",
    "Broker",
    "Called",
    "Catalogue",
    "Condition",
    "Cost",
    "Detour",
    "Driver",
    "Group",
    "Judge",
    "Nmap",
    "Notation",
    "Option",
    "Requirement",
    "Requirements",
    "Seen",
    "TargetType",
    "Verifier",
]
