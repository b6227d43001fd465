"""Tell the authors of a package what is wrong with the evidence of its verifier: in the transcript, in their tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scanready.model import Target
from scanready.net.stream import REMARK

if TYPE_CHECKING:
    from scanready.climb.probe import Probe

#: Called with a target and the remarks on one of its checks, in the thread of the climb.
listeners: list[Callable[[Target, str], None]] = []


def tell(probe: Probe) -> None:
    """Pass the remarks on the checks of a climb on; ``check -v`` and the bundle show them beside the checks."""
    for check in probe.checks:
        if check.remarks:
            if probe.tap is not None:
                probe.tap(REMARK, check.remarks.encode("utf-8", "backslashreplace"))
            for listener in tuple(listeners):
                listener(probe.target, check.remarks)
