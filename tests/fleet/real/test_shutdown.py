"""Agents end at SIGTERM, whether the broker is there or not, and no result is lost by it."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from fixtures.fleet.site import Site
from fixtures.limits import PATIENCE
from scanready.fleet.journal import Journal
from scanready.fleet.names import tasks_of
from tests.fleet.real.test_estate import targets_file, until
from tests.fleet.real.test_permissions import channel_of


def test_an_agent_with_results_in_hand_ends_while_the_broker_is_away(site: Site, tmp_path: Path) -> None:
    """Its results are sent after its next start; the target is not checked twice."""
    site.start("b")
    until(lambda: "waiting for targets" in site.log("b"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        silent = {"host": "127.0.0.1", "type": "ssh", "port": server.getsockname()[1]}
        going = site.coordinator(targets_file(tmp_path, [silent]), "--agents", "b", "--timeout", "3")
        server.accept()
        site.broker.kill()
        journal = Journal(site.folder / "b.db")
        until(lambda: journal.is_finished(site.run_key(), "b-0"))
        site.end("b", signal.SIGTERM)
    assert "are kept for the next start" in site.log("b")
    site.broker.start()
    site.start("b")
    assert going.wait(PATIENCE) in (1, 3, 4)
    assert {agent for _, agent, *_ in site.answers()} == {"b"}
    assert journal.begin(site.run_key(), "b-0") == 2, "it was begun once"


def test_a_batch_expires_with_its_run(site: Site, tmp_path: Path) -> None:
    site.verify(
        targets_file(tmp_path, [{"host": "127.0.0.98", "type": "ssh"}]), "--agents", "c", "--agent-timeout", "1s"
    )
    channel = channel_of(site.broker, "c")
    properties = channel.basic_get(tasks_of("c"), no_ack=True).properties
    channel.connection.close()
    assert properties["expiration"] == str(7 * 86_400_000)
