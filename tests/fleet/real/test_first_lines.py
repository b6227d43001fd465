"""A run says at once its name, its size and the agents that it waits for; and the way back from an interruption."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from fixtures.fleet.site import Site
from fixtures.limits import HANG
from tests.fleet.real.test_estate import targets_file, until


def log(site: Site) -> str:
    return (site.folder / "coordinator.log").read_text(errors="replace")


def test_a_run_without_an_agent_says_what_it_waits_for(site: Site, tmp_path: Path) -> None:
    """No agent is there, so no result comes."""
    targets = [{"host": f"127.0.1.{number}", "type": "http"} for number in range(1, 4)]
    going = site.coordinator(targets_file(tmp_path, targets), "--agents", "d,e", "--agent-timeout", "200s")
    until(lambda: "waiting for" in log(site))
    place = f"127\\.0\\.0\\.1:{site.broker.tls_port}"
    found = re.fullmatch(
        rf"scanready: run (\S+) at the broker {place}: 3 targets and 2 agents give 6 results; waiting for d, e\n",
        log(site),
    )
    assert found, log(site)
    assert found[1] == site.run_name()
    assert "password-of" not in log(site)
    going.send_signal(signal.SIGINT)
    assert going.wait(HANG) == 130
    assert f"the agents continue {found[1]}. To take their results: `scanready fleet verify --resume" in log(site)
    assert f"It lacks 6 results. To stop the agents: `scanready fleet cancel {found[1]}`" in log(site)
    site.start("d")
    site.coordinator("--resume", "last", "--agent-timeout", "5s").wait(HANG)
    site.start("e")
    site.coordinator("--resume", "last").wait(HANG)
    assert f"run {found[1]} at the broker" in log(site)
    assert "give 6 results, 3 of them stored; waiting for e\n" in log(site), "only the agent that owes results"
    site.coordinator("--resume", "last").wait(HANG)
    assert "give 6 results, 6 of them stored; none is missing\n" in log(site)


def test_a_second_interruption_names_the_way_back(site: Site, tmp_path: Path) -> None:
    """The process ends at once then, without the line of the first one."""
    target = {"host": "127.0.1.1", "type": "http"}
    going = site.coordinator(targets_file(tmp_path, [target]), "--agents", "e", "--agent-timeout", "200s")
    until(lambda: "waiting for" in log(site))
    for _ in range(2):
        going.send_signal(signal.SIGTERM)
    assert going.wait(HANG) == 130
    assert "`scanready fleet verify --resume" in log(site)
