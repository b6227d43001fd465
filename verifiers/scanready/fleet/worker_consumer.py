"""Leave the connection of an agent's worker to the thread that reads it.

Celery acknowledges a batch in the thread that carried it out, where the loop of its worker has no event hub (Windows).
OpenSSL and the AMQP library permit no two threads at one connection: measured, the agent then ends with a corrupt heap
when the broker restarts.
"""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import Consumer


class OneThread(Consumer):  # type: ignore[misc]  # Celery has no types
    """Acknowledge in the thread of the worker's loop, and tell when it is connected."""

    def on_ready(self) -> None:
        """Tell it; Celery calls this at each connection."""
        super().on_ready()
        self.controller.connected()

    def call_soon_ack(self, p: Any, *args: Any, **kwargs: Any) -> Any:
        """Have the loop call ``p`` in its next turn; Celery calls this to acknowledge or to reject."""
        return self.call_soon(p, *args, **kwargs)
