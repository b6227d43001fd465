"""After a killed agent, a real broker waits for no acknowledgement too long, and only a batch that ends its agent ends.

The broker and the agent have shorter times than by default, in about the same proportion.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("celery")

from fixtures.fleet.rabbitmq import RabbitMq
from fixtures.fleet.site import Site, site_definitions
from fixtures.limits import HANG
from scanready.fleet.journal import Journal
from scanready.fleet.messages import MOST_TARGETS
from tests.fleet.real.conftest import demand_broker
from tests.fleet.real.test_estate import targets_file, until

#: Seconds after which the broker ends the channel of a consumer, and that a batch waits, and a silent target takes.
CONSUMER, WAIT, SILENT = 12, 3, 5
BATCHES = 5
HURRIED = f"""
from scanready.__main__ import start
from scanready.fleet import engine
engine.WAIT = {WAIT}
start()
"""
#: An agent that one target ends, as an error in a library of C would. Others are under way by then.
ENDED = """
import asyncio, os
from scanready.__main__ import start
from scanready.fleet import engine

class Ending(engine.Run):
    async def results(self, targets):
        if any(target.host == "127.0.5.9" for target in targets):
            await asyncio.sleep(2)
            os._exit(9)
        async for report in super().results(targets):
            yield report

engine.Run = Ending
start()
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    demand_broker()
    with RabbitMq(tmp_path_factory.mktemp("broker"), site_definitions()) as running:
        for name, milliseconds in (("consumer_timeout", CONSUMER * 1000), ("channel_tick_interval", 1000)):
            running.control("eval", f"application:set_env(rabbit, {name}, {milliseconds}).")
        yield running


Places = list[tuple[str, int]]


@pytest.fixture
def silent() -> Iterator[Places]:
    """Servers that say nothing: a target of them takes all its time."""
    with contextlib.ExitStack() as held:
        hosts = (f"127.0.6.{number}" for number in range(1, BATCHES + 1))
        servers = [held.enter_context(socket.create_server((host, 0))) for host in hosts]
        yield [server.getsockname() for server in servers]


def targets(silent: Places) -> list[dict[str, Any]]:
    """Return as many batches as silent targets: each has one, and others on closed ports."""
    rows: list[dict[str, Any]] = []
    for number, (host, port) in enumerate(silent):
        rows.append({"host": host, "type": "ssh", "port": port})
        rows += [{"host": f"127.0.{7 + number}.{last}", "type": "ssh", "port": 9} for last in range(1, MOST_TARGETS)]
    return rows


def program(text: str) -> list[str]:
    return [sys.executable, "-P", "-c", text]


def test_suspects_that_take_longer_than_the_broker_waits_all_end(site: Site, tmp_path: Path, silent: Places) -> None:
    """Together they take twice as long as the broker waits for an acknowledgement."""
    assert BATCHES * SILENT > 2 * CONSUMER
    going = site.coordinator(targets_file(tmp_path, targets(silent)), "--agents", "a", "--timeout", str(SILENT))
    until(site.run_name)
    journal = Journal(site.folder / "a.db")
    for number in range(BATCHES):
        journal.begin(site.run_key(), f"a-{number}")
    site.start("a", program=program(HURRIED))
    assert going.wait(HANG) in (1, 3), site.log("a")
    causes = Counter(cause for *_, cause in site.answers())
    assert causes["connect.refused"] == BATCHES * (MOST_TARGETS - 1), causes
    assert "scanready.bug" not in causes
    assert sum(causes.values()) == BATCHES * MOST_TARGETS
    assert [journal.begun(site.run_key(), f"a-{number}") for number in range(BATCHES)] == [2] * BATCHES
    assert site.is_alive("a"), site.log("a")
    assert len(site.log("a").splitlines()) == 2, site.log("a")
    assert "each of them goes by itself now" in site.log("a")


def test_a_batch_that_ends_its_agent_ends_at_its_third_delivery_and_no_other_does(
    site: Site, tmp_path: Path, silent: Places
) -> None:
    rows = targets(silent[:3])
    rows[-1]["host"] = "127.0.5.9"
    going = site.coordinator(targets_file(tmp_path, rows), "--agents", "b", "--timeout", str(SILENT))
    for _ in range(2):
        site.start("b", program=program(ENDED))
        until(lambda: not site.is_alive("b"))
        assert site.exit_code("b") == 9, site.log("b")
    site.start("b", program=program(ENDED))
    assert going.wait(HANG) in (1, 3), site.log("b")
    found = {target: cause for target, _, _, cause in site.answers()}
    assert len(found) == len(rows)
    bugs = [target for target, cause in found.items() if cause == "scanready.bug"]
    assert any("127.0.5.9" in target for target in bugs)
    assert not [target for target in bugs if "127.0.7." in target or "127.0.8." in target], "they are of other batches"
