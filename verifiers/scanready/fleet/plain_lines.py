"""Tell which results of agents can be stored as they came: of ordinary form, and of the target that was asked.

The answer None means that the full check must decide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from scanready.model import Target, Verdict
from scanready.report.plain_result import is_plain
from scanready.report.serialize import target_object

#: Texts that no line of this version has: numbers that are none, and half characters.
_ODD = re.compile(r"NaN|Infinity|\\u[dD]")


class PlainLines:
    """Know the agents whose results were fully checked before."""

    def __init__(self) -> None:
        self._agents: dict[str, Mapping[str, Any]] = {}

    def checked(self, agent: str, result: Mapping[str, Any]) -> None:
        """Take note of a result of an agent, as JSON types, that has passed the full check."""
        self._agents[agent] = result["agent"]

    def verdict(self, agent: str, line: str, target: Target) -> Verdict | None:
        """Return the verdict of a result that can be stored as it is; None for any other one."""
        known = self._agents.get(agent)
        if known is None or not line.isascii() or _ODD.search(line):
            return None
        try:
            result = json.loads(line)
        except (ValueError, RecursionError):
            return None
        if is_plain(result, known) and result["target"] == target_object(target):
            return Verdict(result["verdict"])
        return None
