"""The broker itself refuses an agent all but its own queues and results, and keeps no password in clear text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.fleet.rabbitmq import LARGEST, RabbitMq
from fixtures.fleet.site import PASSWORDS
from scanready.fleet.names import tasks_of

amqp = pytest.importorskip("amqp")


def channel_of(broker: RabbitMq, user: str, password: str | None = None) -> Any:
    place = f"127.0.0.1:{broker.port}"
    opened = amqp.Connection(place, user, password or PASSWORDS[user], virtual_host="scanready", confirm_publish=True)
    opened.connect()
    return opened.channel()


def publish(channel: Any, exchange: str, key: str, user: str, body: bytes = b"{}") -> None:
    channel.basic_publish_confirm(amqp.Message(body, user_id=user), exchange, key)


REFUSED: dict[str, tuple[Callable[[Any], object], type[Exception], str]] = {
    "b publishes a result as a": (
        lambda channel: publish(channel, "results", "run", "a"),
        amqp.exceptions.PreconditionFailed,
        "authenticated user was 'b'",
    ),
    "b gives a task to a": (
        lambda channel: publish(channel, "tasks", "task.a", "b"),
        amqp.exceptions.AccessRefused,
        "exchange 'tasks'",
    ),
    "b publishes to the default exchange": (
        lambda channel: publish(channel, "", tasks_of("a"), "b"),
        amqp.exceptions.AccessRefused,
        "exchange 'amq.default'",
    ),
    "b reads the queue of a": (
        lambda channel: channel.basic_consume(tasks_of("a")),
        amqp.exceptions.AccessRefused,
        "queue 'scanready.tasks.a'",
    ),
    "b declares a queue": (
        lambda channel: channel.queue_declare("scanready.results.x"),
        amqp.exceptions.AccessRefused,
        "queue 'scanready.results.x'",
    ),
    "b deletes the queue of a": (
        lambda channel: channel.queue_delete(tasks_of("a")),
        amqp.exceptions.AccessRefused,
        "queue 'scanready.tasks.a'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_broker_refuses_an_agent(broker: RabbitMq, what: str) -> None:
    act, error, words = REFUSED[what]
    channel = channel_of(broker, "b")
    with pytest.raises(error, match=words):
        act(channel)
    channel.connection.close()


def test_an_agent_publishes_its_own_results(broker: RabbitMq) -> None:
    channel = channel_of(broker, "b")
    publish(channel, "results", "run", "b")
    assert channel.is_open
    channel.connection.close()


def test_a_message_beyond_the_size_is_refused_by_the_broker(broker: RabbitMq) -> None:
    channel = channel_of(broker, "coordinator")
    with pytest.raises(amqp.exceptions.PreconditionFailed, match="larger than configured max size"):
        publish(channel, "tasks", "task.a", "coordinator", b" " * (LARGEST + 1))


def test_a_wrong_password_is_refused(broker: RabbitMq) -> None:
    with pytest.raises(amqp.exceptions.AccessRefused):
        channel_of(broker, "a", PASSWORDS["b"])


def test_the_definitions_have_no_password(broker: RabbitMq, tmp_path: Path) -> None:
    file = tmp_path / "exported.json"
    broker.control("export_definitions", str(file))
    text = file.read_text() + (broker.folder / "definitions.json").read_text()
    assert [name for name, password in PASSWORDS.items() if password in text] == []
    assert '"coordinator"' in text
