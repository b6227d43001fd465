"""Which libpq psycopg brings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanready.catalogue import Driver


def facts(module: Any) -> dict[str, Any]:
    """Return the version of libpq, as it numbers itself."""
    return {"libpq": module.pq.version()}


def limits(driver: Driver, facts: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Say what it cannot do."""
    return driver.limits, {}
