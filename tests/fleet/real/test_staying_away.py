"""An agent that stays away, or that ends again and again, costs only its own targets, and the run says so in time."""

from __future__ import annotations

import select
import socket
import time
from pathlib import Path

from fixtures.fleet.site import Site
from fixtures.limits import PATIENCE
from scanready.fleet.messages import MOST_TARGETS
from tests.fleet.real.test_estate import targets_file, until

#: Seconds that the coordinator may take to see that an agent is lost, after the time of --agent-timeout.
GRACE = 10.0


def accepted(server: socket.socket) -> socket.socket:
    server.settimeout(PATIENCE)
    return server.accept()[0]


def test_an_agent_that_stays_away_is_lost_in_time(site: Site, tmp_path: Path) -> None:
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = {"host": "127.0.0.1", "type": "ssh", "port": silent.getsockname()[1]}
        words = ("--agents", "a", "--agent-timeout", "12s", "--timeout", "300")
        going = site.coordinator(targets_file(tmp_path, [target]), *words)
        with accepted(silent):
            site.kill("a")
            since = time.monotonic()
            until(lambda: "no heartbeat of a for 12 s" in (site.folder / "coordinator.log").read_text())
            assert time.monotonic() - since < 12 + GRACE
            assert going.wait(PATIENCE) == 3
    assert [(agent, verdict, cause) for _, agent, verdict, cause in site.answers()] == [
        ("a", "undecided", "agent.lost")
    ]


def test_a_batch_that_ends_the_agent_twice_takes_no_other_one_with_it(site: Site, tmp_path: Path) -> None:
    """Two batches are under way as the agent ends. Then each runs by itself: only one can have ended it again."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        silent = [{"host": "127.0.0.1", "type": "ssh", "port": server.getsockname()[1]} for server in (one, other)]
        closed = [{"host": f"127.0.1.{number}", "type": "http", "port": 9} for number in range(1, MOST_TARGETS)]
        site.start("a")
        words = ("--agents", "a", "--agent-timeout", "600s", "--timeout", "600")
        going = site.coordinator(targets_file(tmp_path, [silent[0], *closed, silent[1]]), *words)
        with accepted(one), accepted(other):
            until(lambda: site.stored() == len(closed))
            site.kill("a")
        site.start("a")
        (culprit, *more), _, _ = select.select([one, other], [], [], PATIENCE)
        assert not more, "a batch that was delivered again runs by itself"
        site.kill("a")
        port = culprit.getsockname()[1]
    site.start("a")
    assert going.wait(PATIENCE) in (1, 3)
    found = {target: cause for target, _, _, cause in site.answers()}
    assert len(found) == len(closed) + 2
    assert {target for target, cause in found.items() if cause == "scanready.bug"} == {f"ssh://127.0.0.1:{port}"}
    assert set(found.values()) == {"scanready.bug", "connect.refused"}
