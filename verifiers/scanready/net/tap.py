"""The listener of a talk: what a transcript is made of."""

from __future__ import annotations

from collections.abc import Callable

#: (direction "sent" or "received", the bytes in clear): what a transcript keeps.
Tap = Callable[[str, bytes], None]
#: The direction of an entry that is no traffic: the traceback (UTF-8) of an exception that no verifier translated.
TRACEBACK = "traceback"
#: The same for remarks to the authors of a verifier.
REMARK = "remark"
