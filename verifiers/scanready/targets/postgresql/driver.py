"""Report the version of libpq that psycopg uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanready.catalogue import Driver


def facts(module: Any) -> dict[str, Any]:
    """Return the version of libpq in its own numbering."""
    return {"libpq": module.pq.version()}


def limits(driver: Driver, facts: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the driver's limits."""
    return driver.limits, {}
