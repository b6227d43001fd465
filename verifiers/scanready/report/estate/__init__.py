"""Show the results of many agents about one estate: target by agent, with one estate verdict a target."""

from __future__ import annotations

from .frame import Absent, Frame
from .view import AgentColumn, EstateDocument, EstateInfo, EstateTotals, EstateView, Row

__all__ = ["Absent", "AgentColumn", "EstateDocument", "EstateInfo", "EstateTotals", "EstateView", "Frame", "Row"]
