"""A login that waits for its agent at the broker is gone before its note stops to bind others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scanready.fleet.messages import Batch, Login
from scanready.model import Step

pytest.importorskip("celery")

from scanready.fleet.connection import Broker
from scanready.fleet.outbox import Outbox, Sent

DAY = 86_400.0


@pytest.mark.parametrize(
    ("login", "kept"),
    [(None, 7 * DAY), (Login(DAY), DAY / 2), (Login(30 * DAY), 7 * DAY), (Login(3600.0, "svc"), 1800.0)],
    ids=["no login", "a day", "a month", "an hour, tried once more"],
)
def test_how_long_the_broker_keeps_a_batch(monkeypatch: pytest.MonkeyPatch, login: Login | None, kept: float) -> None:
    sent: list[dict[str, Any]] = []
    outbox = Outbox(Broker("127.0.0.1", 1, "coordinator", "x", tls=False), 7 * DAY)
    monkeypatch.setattr(outbox, "_app", SimpleNamespace(send_task=lambda _, **options: sent.append(options)))
    monkeypatch.setattr(outbox, "_channel", object())
    monkeypatch.setattr(outbox, "is_blocked", lambda: False)
    monkeypatch.setattr("scanready.fleet.outbox.kombu.Producer", lambda _: None)
    batch = Batch("r", "a/login-1", "a", Step.ACCESS, 10.0, 60.0, (), login)
    assert outbox.send(batch) is Sent.KEPT
    assert sent[0]["expiration"] == kept
