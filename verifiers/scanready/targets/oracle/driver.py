"""The abilities of oracledb: fewer in its thin mode, which needs no client of Oracle's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanready.catalogue import Driver


def facts(module: Any) -> dict[str, Any]:
    """Return whether the library is in its thin mode."""
    return {"thin": bool(module.is_thin_mode())}


def limits(driver: Driver, facts: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Say what it cannot do."""
    return (driver.limits if facts.get("thin", True) else ""), {}
