"""An agent that floods the broker with its own valid user costs the coordinator little, and others nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.fleet.site import Site
from fixtures.limits import HANG
from scanready.fleet.messages import Heartbeat, Results, encode
from tests.fleet.real.test_estate import targets_file, until
from tests.fleet.real.test_permissions import channel_of

amqp = pytest.importorskip("amqp")


TOO_MANY = "b sends too many heartbeats, so other agents may be missing here"


@contextlib.contextmanager
def flooding(site: Site, user: str, *messages: tuple[str, str], pause: float = 0) -> Iterator[list[int]]:
    """Publish messages, each with its key, as fast as possible; yield their number so far.

    Args:
        pause: seconds after each message.
    """
    channel, ended, count = channel_of(site.broker, user), threading.Event(), [0]

    def publish() -> None:
        while not ended.is_set():
            for key, text in messages:
                message = amqp.Message(text, user_id=user)
                amqp.Channel._basic_publish(channel, message, "results", key)
                count[0] += 1
                time.sleep(pause)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield count
    finally:
        ended.set()
        thread.join(HANG)
        channel.connection.collect()


def of_process(number: int, field: str) -> int:
    """Return the peak of the resident memory (VmHWM, KiB) of a process."""
    text = Path(f"/proc/{number}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(field)).split()[1])


def test_others_are_served_during_a_flood(site: Site, tmp_path: Path) -> None:
    """It has heartbeats, results for a run that has ended, and results for places that are not its own."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        targets: list[dict[str, Any]] = [
            {"host": f"127.0.3.{number}", "type": "ssh", "port": 9, "agents": ["a"]} for number in range(1, 100)
        ]
        targets.append({"host": "127.0.0.1", "type": "ssh", "port": silent.getsockname()[1], "agents": ["b"]})
        agents = [{"name": "a"}, {"name": "b"}]
        words = ("--timeout", "300", "--agent-timeout", "45s")
        site.start("b")
        going = site.coordinator(targets_file(tmp_path, targets, agents=agents), *words)
        silent.settimeout(HANG)
        peer, _ = silent.accept()
        key = site.run_key()
        beat = encode(Heartbeat("b", "1", "Linux", "2026-01-01T00:00:00Z", (key,)))
        foreign = encode(Results(key, "b-0", "b", ((0, "x"), (1 << 40, "x"))))
        ended = encode(Results("20260101-0000-bbb.0", "b-0", "b"))
        with flooding(site, "b", ("heartbeat", beat), (key, foreign), ("20260101-0000-bbb.0", ended)) as count:
            until(lambda: count[0] > 20_000)
            site.start("a")
            until(lambda: site.stored() == 100)  # b has an answer, too: its messages are dropped
        peer.close()
    assert going.wait(HANG) in (1, 3)
    told = (site.folder / "coordinator.log").read_text()
    assert "no heartbeat of a" not in told
    assert told.count("\nscanready: ") < 50, "the rest is the report"
    assert {agent for _, agent, *_ in site.answers()} == {"a", "b"}
    assert len(site.answers()) == 100


def test_the_memory_of_a_coordinator_does_not_grow_with_a_flood(site: Site, tmp_path: Path) -> None:
    """Each message has the size that the broker just takes."""
    site.start("a")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(HANG)
        target = {"host": "127.0.0.1", "type": "ssh", "port": silent.getsockname()[1]}
        going = site.coordinator(targets_file(tmp_path, [target]), "--agents", "a", "--timeout", "300")
        peer, _ = silent.accept()
        with flooding(site, "a", (site.run_key(), '{"a":"' + "x" * (12 << 20) + '"}')) as count:
            until(lambda: count[0] > 60)
        assert of_process(going.pid, "VmHWM") < 400 * 1024
        peer.close()
    assert going.wait(HANG) in (1, 3)
    assert len(site.answers()) == 1


def test_the_list_of_agents_is_complete_during_a_flood(site: Site) -> None:
    """Each heartbeat of the flood is large, but the coordinator reads faster than it comes."""
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    beat = encode(Heartbeat("b", "1", "Linux", "2026-01-01T00:00:00Z", tuple("r" * 50 + str(n) for n in range(1000))))
    with flooding(site, "b", ("heartbeat", beat), pause=0.005) as count:
        until(lambda: count[0] > 100)
        told = site.run("fleet", "agents", *site.at_broker("coordinator"))
    assert [line.split()[0] for line in told.stdout.splitlines()] == ["a", "b"]
    assert TOO_MANY in told.stderr


def test_a_flood_that_the_broker_drops_parts_of_is_told(site: Site) -> None:
    """The coordinator cannot read so fast. The broker may drop heartbeats of others, too."""
    beat = encode(Heartbeat("b", "1", "Linux", "2026-01-01T00:00:00Z", tuple("r" * 50 + str(n) for n in range(1000))))
    with flooding(site, "b", *[("heartbeat", beat)] * 3), flooding(site, "b", ("heartbeat", beat)) as count:
        until(lambda: count[0] > 2_000)
        told = site.run("fleet", "agents", *site.at_broker("coordinator"))
    assert [line.split()[0] for line in told.stdout.splitlines()] == ["b"]
    assert TOO_MANY in told.stderr
