"""Bring any value into JSON's own types; the facts of a verifier may have any type."""

from __future__ import annotations

import dataclasses
import datetime
import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

#: Facts are flat by rule; values nested deeper than this are cut.
_DEEPEST = 6
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def plain(value: Any, depth: int = 0) -> Any:  # noqa: C901  # one case a type
    """Return ``value`` in JSON's own types."""
    match value:
        case None | bool():
            return value
        case Enum():
            return plain(value.value, depth)
        case str():
            return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", value)
        case int():
            return int(value)
        case float():
            return float(value) if math.isfinite(value) else None
        case bytes() | bytearray() | memoryview():
            return bytes(value).decode("utf-8", "backslashreplace")
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case _ if depth >= _DEEPEST:
            return "..."
        case Mapping():
            return {str(plain(str(key))): plain(held, depth + 1) for key, held in value.items()}
        case set() | frozenset():
            return sorted((plain(held, depth + 1) for held in value), key=str)
        case list() | tuple():
            return [plain(held, depth + 1) for held in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {f.name: plain(getattr(value, f.name), depth + 1) for f in dataclasses.fields(value) if f.repr}
        case _:
            return plain(str(value))
