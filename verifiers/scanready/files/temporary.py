"""Name the file that an output is written to before it gets its own name."""

from __future__ import annotations

import os


def temporary_name() -> str:
    """Return a random name; hidden, and with an ending that no collector reads."""
    return f".scanready-{os.urandom(8).hex()}.tmp"
