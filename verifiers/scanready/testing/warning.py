"""The class of all warnings that the pytest plug-in gives, for filters of warnings."""

from __future__ import annotations

import pytest


class ScanreadyWarning(pytest.PytestWarning):
    """A target would scan, but not as well as it should; or an inventory is careless, or out of date."""
