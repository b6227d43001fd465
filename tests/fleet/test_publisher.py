"""An agent sends its results until the broker has them, whatever the broker refuses meanwhile."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("celery")

import amqp

from scanready.fleet import publisher
from scanready.fleet.connection import Broker
from scanready.fleet.once import Once
from scanready.fleet.publisher import Publisher, Unsent


class Line:
    """Stand for connections to a broker that fail with these errors, one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> None:
        self.errors, self.sent, self.opened, self.closed = list(errors), list[str](), 0, 0
        self.warned: list[str] = []
        self.ending = threading.Event()
        monkeypatch.setattr(publisher, "publish", self._publish)
        monkeypatch.setattr(publisher, "_PAUSE", 0.0)
        monkeypatch.setattr(publisher, "_LONG_PAUSE", 0.0)
        monkeypatch.setattr(Broker, "connection", lambda _: SimpleNamespace(channel=self._channel))
        broker = Broker("127.0.0.1", 1, "a", "x", tls=False)
        self.publisher = Publisher(broker, "a", Once(self.warned.append), self.ending)

    def _channel(self) -> Any:
        self.opened += 1
        return SimpleNamespace(connection=SimpleNamespace(collect=self._collect))

    def _collect(self) -> None:
        self.closed += 1

    def _publish(self, *words: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(words[3])


@pytest.mark.parametrize(
    "error", [OSError("gone"), amqp.exceptions.AccessRefused("no"), amqp.exceptions.NotFound("no exchange")]
)
def test_a_message_is_sent_until_the_broker_has_it(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Permissions that are missing may be given: a result that is dropped would be lost."""
    line = Line(monkeypatch, *[error] * 5)
    line.publisher.send("r", "text")
    assert line.sent == ["text"]
    assert len(line.warned) == 2
    assert "; trying again" in line.warned[0]
    assert line.warned[1] == "results are sent again"
    assert (line.opened, line.closed) == (6, 5)


def test_a_message_that_no_broker_takes_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch, amqp.exceptions.PreconditionFailed("too large"))
    line.publisher.send("r", "text")
    assert line.sent == []
    assert "a message was dropped" in line.warned[0]


def test_a_process_that_is_to_end_does_not_wait_for_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch, *[OSError("gone")] * 5)
    line.ending.set()
    with pytest.raises(Unsent):
        line.publisher.send("r", "text")
    assert line.opened == 2
