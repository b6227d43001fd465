"""For tests: a scripted fake target, and reports that can be asserted on. The pytest plugin is made of these parts.

:class:`FakeTarget` needs no pytest; it tests a verifier without its server.
"""

from __future__ import annotations

from .checked import CheckedReport
from .fake_target import FakeConnection, FakeTarget

__all__ = ["CheckedReport", "FakeConnection", "FakeTarget"]
