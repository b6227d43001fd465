"""Run scanready, and write a line if a second thread acknowledges on a channel. As a program: ``one_thread.py [ARGS]``.

With ``WITHOUT_HUB`` in the environment, Celery's worker has no event hub, as on Windows.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import amqp
from celery.worker import WorkController

from scanready.__main__ import start

WORDS = "two threads write to one channel"


def watch(name: str, used: dict[int, tuple[Any, int]]) -> None:
    """Note the thread of each call of a method of a channel."""
    method = getattr(amqp.Channel, name)

    def watched(channel: Any, *arguments: Any, **named: Any) -> Any:
        caller = threading.get_ident()
        _, first = used.setdefault(id(channel), (channel, caller))  # it is kept, so its id is its own
        if caller != first:
            sys.stderr.write(f"{WORDS}: {name}\n")
            sys.stderr.flush()
        return method(channel, *arguments, **named)

    setattr(amqp.Channel, name, watched)


if __name__ == "__main__":
    used: dict[int, tuple[Any, int]] = {}
    for name in ("basic_ack", "basic_reject", "basic_qos"):
        watch(name, used)
    if os.environ.get("WITHOUT_HUB"):
        WorkController.should_use_eventloop = lambda _: False
    start()
