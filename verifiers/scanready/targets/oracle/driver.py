"""Report what oracledb supports: its thin mode, which needs no Oracle client, supports less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanready.catalogue import Driver


def facts(module: Any) -> dict[str, Any]:
    """Return the fact whether the library is in its thin mode."""
    return {"thin": bool(module.is_thin_mode())}


def limits(driver: Driver, facts: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the driver's limits in its thin mode."""
    return (driver.limits if facts.get("thin", True) else ""), {}
