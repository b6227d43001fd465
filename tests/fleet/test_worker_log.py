"""The log of Celery's worker becomes one line for each fault, without the body of a message."""

from __future__ import annotations

import logging
import sys

import pytest

pytest.importorskip("celery")

import amqp

from scanready.fleet.connection import Broker
from scanready.fleet.once import Once
from scanready.fleet.worker_log import WorkerLog

BROKER = Broker("127.0.0.1", 5672, "a", "x", tls=False)
AWAY = ConnectionRefusedError(111, "Connection refused")


class Log:
    """A handler of records, and its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.handler = WorkerLog(BROKER, Once(self.lines.append))
        self.logger = logging.Logger("celery.worker", logging.DEBUG)
        self.logger.addHandler(self.handler)


def test_a_broker_that_is_away_is_told_once_in_words_that_help() -> None:
    log = Log()
    log.logger.warning("%s (%r)", "consumer: Connection to broker lost. Trying again", AWAY)
    for count in range(3):
        log.logger.error("consumer: Cannot connect to %s: %s.\n%s\n", "amqp://a:**@127.0.0.1//", AWAY, count)
    assert len(log.lines) == 1
    assert log.lines[0].startswith("the broker 127.0.0.1:5672 refuses the connection: start RabbitMQ there")
    assert log.lines[0].endswith("; trying again")


def test_the_reason_of_the_end_is_kept_for_the_last_line() -> None:
    log = Log()
    try:
        raise amqp.exceptions.NotFound("NOT_FOUND - no queue 'scanready.tasks.a' in vhost 'scanready'", reply_code=404)
    except amqp.exceptions.NotFound as error:
        log.logger.critical("Unrecoverable error: %r", error, exc_info=True)
    assert log.lines == []
    assert log.handler.last.startswith("the broker 127.0.0.1:5672 has no queue scanready.tasks.a: import")


def test_an_error_that_was_not_foreseen_is_the_reason_of_the_end_in_one_line() -> None:
    log = Log()
    log.logger.critical("Unrecoverable error: %r\nmore", KeyError("k"))
    assert log.handler.last == "Unrecoverable error: KeyError('k')"


def test_a_message_that_is_not_read_is_told_once_without_its_body() -> None:
    log = Log()
    for _ in range(3):
        try:
            raise ValueError("Refusing to deserialize disabled content of type pickle")
        except ValueError:
            log.logger.critical("Can't decode message body: %r\n\nbody: %s", sys.exc_info()[1], "canary", exc_info=True)
    log.logger.error("Received unregistered task of type %s.\nbody:\n%s", "'other'", "canary")
    assert log.lines == [
        "a message was refused: Refusing to deserialize disabled content of type pickle",
        "a message was refused: Received unregistered task of type 'other'.",
    ]


def test_other_records_are_one_line_and_warnings_of_python_none() -> None:
    log = Log()
    log.logger.warning("first\nsecond")
    log.logger.info("not for people")
    log.handler.handle(logging.LogRecord("py.warnings", logging.WARNING, "x.py", 1, "Deprecated", (), None))
    assert log.lines == ["first"]


def test_a_batch_that_goes_back_is_told_by_the_agent_only() -> None:
    log = Log()
    words = "Task %(name)s[%(id)s] %(description)s: %(exc)s"
    log.logger.warning(
        words, {"name": "scanready.check", "id": "r/b", "description": "reject requeue=True", "exc": "x"}
    )
    assert not log.lines


def test_an_error_in_it_does_not_reach_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record whose arguments do not fit its text raised, and the worker ended by that."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log = Log()
    log.logger.error("%d targets", "many")
    assert not log.lines


def test_a_late_acknowledgement_is_no_second_loss_of_the_broker() -> None:
    """The worker is connected again, and the broker delivers that batch again."""
    log = Log()
    log.logger.warning("%s (%r)", "consumer: Connection to broker lost. Trying again", AWAY)
    log.handler.connected()
    log.logger.critical("Couldn't ack %r, reason:%r", 3, AWAY, exc_info=True)
    log.handler.connected()
    assert [line.rpartition("; ")[2] for line in log.lines] == ["trying again", "results are sent again"]
