"""Recognise a 503 with which Exchange, or the front end of Exchange Online, throttles a client.

Source: Microsoft, "EWS throttling in Exchange": 503 with Retry-After, or with the reason in X-MS-Diagnostics.
"""

from __future__ import annotations

import re

_REASON = re.compile(r"thrott|budget|too ?busy|back ?off|too many", re.IGNORECASE)


def is_throttled(status: int, retry_after: str | None, diagnostics: str | None) -> bool:
    """Return whether an answer throttles the client, by the values of its fields Retry-After and X-MS-Diagnostics."""
    return status == 503 and (bool(retry_after) or _REASON.search(diagnostics or "") is not None)
