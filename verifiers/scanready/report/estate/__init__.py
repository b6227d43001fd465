"""Show the results of many agents about one estate: target by agent, with one estate verdict a target."""

from __future__ import annotations

from .frame import Absent, Frame

__all__ = ["Absent", "Frame"]
