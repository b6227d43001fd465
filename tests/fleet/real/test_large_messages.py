"""A broker that permits large messages: agent and coordinator take none into memory, say so, and go on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.fleet.rabbitmq import RabbitMq
from fixtures.fleet.site import Site, peak_memory_of, site_definitions
from fixtures.limits import PATIENCE
from tests.fleet.real.conftest import demand_broker
from tests.fleet.real.test_estate import give, targets_file, task, until
from tests.fleet.real.test_permissions import channel_of, publish

LARGE = 100_000_000
#: MiB by which a process may grow as it refuses such a message. Whole, the message has 95 MiB and more.
GROWTH = 32


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    """A broker whose largest message is not the one that docs/fleet.md recommends."""
    demand_broker()
    with RabbitMq(tmp_path_factory.mktemp("large"), site_definitions(), largest=2 * LARGE) as running:
        yield running


def test_an_agent_and_a_coordinator_refuse_a_large_message(site: Site, tmp_path: Path) -> None:
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        targets: list[dict[str, Any]] = [{"host": "127.0.0.1", "type": "ssh", "port": silent.getsockname()[1]}]
        going = site.coordinator(targets_file(tmp_path, targets), "--agents", "a", "--timeout", "200")
        with silent.accept()[0]:
            agent, coordinator = site.peak_memory("a"), peak_memory_of(going.pid)
            body, properties = task(" " * LARGE)
            give(site.broker, body, **properties)
            until(lambda: f"the message has {len(body):,} bytes, and was dropped" in site.log("a"))
            channel = channel_of(site.broker, "a")
            publish(channel, "results", site.run_key(), "a", b" " * LARGE)
            channel.connection.close()
            log = site.folder / "coordinator.log"
            until(lambda: f"the message has {LARGE:,} bytes, and was dropped" in log.read_text())
            assert site.peak_memory("a") - agent < GROWTH
            assert peak_memory_of(going.pid) - coordinator < GROWTH
            assert site.is_alive("a")
    assert going.wait(PATIENCE) in (1, 3)
    assert [(agent, cause) for _, agent, _, cause in site.answers()] != [("a", "agent.lost")]
