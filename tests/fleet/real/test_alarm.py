"""While the broker's memory is short, agents and coordinator say so, and no agent is lost."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from fixtures.fleet.site import Site
from fixtures.limits import HANG
from tests.fleet.real.test_estate import targets_file, until

TIMEOUT = 15.0


def test_no_agent_is_lost_while_the_broker_blocks(site: Site, tmp_path: Path) -> None:
    site.start("a")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(HANG)
        silent = {"host": "127.0.0.1", "type": "ssh", "port": server.getsockname()[1]}
        closed = {"host": "127.0.0.2", "type": "ssh", "port": 9}
        going = site.coordinator(
            targets_file(tmp_path, [silent, closed]), "--agents", "a", "--timeout", "300",
            "--agent-timeout", f"{TIMEOUT:.0f}s",
        )  # fmt: skip
        until(lambda: site.stored() == 1)
        site.broker.control("set_vm_memory_high_watermark", "absolute", "1MB")
        try:
            log = site.folder / "coordinator.log"
            until(lambda: "takes no messages: its memory or its disk is short" in log.read_text())
            until(lambda: "takes no messages: its memory or its disk is short" in site.log("a"))
            time.sleep(1.5 * TIMEOUT)  # an alarm that lasts longer than an agent may be silent
            refused = site.run("fleet", "cancel", "last", "--store", str(site.store), *site.at_broker("coordinator"))
            assert refused.returncode == 2
            assert "takes no messages" in refused.stderr
        finally:
            site.broker.control("set_vm_memory_high_watermark", "0.4")
        until(lambda: "takes messages again" in log.read_text())
        until(lambda: "takes messages again" in site.log("a"))
    assert going.wait(HANG) in (1, 3)
    assert "no heartbeat" not in log.read_text()
    assert "agent.lost" not in {cause for *_, cause in site.answers()}
    assert log.read_text().count("takes no messages") == 1
