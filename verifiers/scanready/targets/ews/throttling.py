"""Recognise how Exchange, or the front of Exchange Online, says 503 for a client that asks too much.

Source: Microsoft, "EWS throttling in Exchange": 503 with Retry-After, or with the reason in X-MS-Diagnostics.
"""

from __future__ import annotations

import re

_REASON = re.compile(r"thrott|budget|too ?busy|back ?off|too many", re.IGNORECASE)


def is_throttled(status: int, retry_after: str | None, diagnostics: str | None) -> bool:
    """Say whether an answer asks for a pause, by the values of its fields Retry-After and X-MS-Diagnostics."""
    return status == 503 and (bool(retry_after) or _REASON.search(diagnostics or "") is not None)
