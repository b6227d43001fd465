"""A queue or a permission that is taken away in the middle of a run: agent and coordinator say what they lack."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("celery")

from fixtures.fleet.rabbitmq import RabbitMq
from fixtures.fleet.site import Site, site_definitions
from fixtures.limits import HANG
from tests.fleet.real.conftest import demand_broker
from tests.fleet.real.test_estate import targets_file, until

PLACE = ("-p", "scanready")
IMPORT = "import the definitions that `scanready fleet broker` prints"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    """A broker whose idle channels forget each second which permissions they have shown; it is a minute by default."""
    demand_broker()
    with RabbitMq(tmp_path_factory.mktemp("broker"), site_definitions()) as running:
        running.control("eval", "application:set_env(rabbit, channel_tick_interval, 1000).")
        yield running


@pytest.fixture(autouse=True)
def restored(broker: RabbitMq) -> Iterator[None]:
    yield
    broker.control("import_definitions", str(broker.folder / "definitions.json"))


@contextlib.contextmanager
def long_run(site: Site, folder: Path, agent: str) -> Iterator[None]:
    """Let an agent have a batch in hand that takes 15 seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        rows = [{"host": "127.0.0.1", "type": "ssh", "port": server.getsockname()[1]}]
        rows += [{"host": "127.0.0.2", "type": "ssh", "port": 9}]
        words = ("--agents", agent, "--timeout", "15", "--agent-timeout", "12s")
        site.start(agent)
        until(lambda: "waiting for targets" in site.log(agent))
        site.coordinator(targets_file(folder, rows), *words)
        until(lambda: site.stored() == 1)
        yield


def coordinator_log(site: Site) -> str:
    return (site.folder / "coordinator.log").read_text()


def test_an_agent_whose_queue_is_deleted_ends_with_the_reason(site: Site, tmp_path: Path) -> None:
    """An operator imports the definitions and starts it again; then the run goes on."""
    with long_run(site, tmp_path, "a"):
        site.broker.control("delete_queue", *PLACE, "scanready.tasks.a")
        until(lambda: not site.is_alive("a"))
    assert site.exit_code("a") == 2
    assert site.log("a").splitlines()[-1].endswith(f"has no queue scanready.tasks.a: {IMPORT} with --agents a")
    site.start("a")
    until(lambda: not site.is_alive("a"))
    assert site.exit_code("a") == 2
    assert site.log("a").splitlines()[-1].endswith(f"has no queue scanready.tasks.a: {IMPORT} with --agents a")


def test_the_coordinator_says_that_an_agent_lacks_its_queue(site: Site, tmp_path: Path) -> None:
    with long_run(site, tmp_path, "b"):
        site.kill("b")
        site.broker.control("delete_queue", *PLACE, "scanready.tasks.b")
        until(lambda: "no heartbeat of b" in coordinator_log(site))
    words = f"no heartbeat of b for 12 s, since the broker has no queue scanready.tasks.b: {IMPORT} with --agents b"
    assert words in coordinator_log(site)


def test_an_agent_without_its_queue_of_cancellations_says_so_once_and_works_on(site: Site) -> None:
    site.start("c")
    until(lambda: "waiting for targets" in site.log("c"))
    site.broker.control("delete_queue", *PLACE, "scanready.cancel.c")
    words = f"has no queue scanready.cancel.c: {IMPORT} with --agents c; until then, this agent hears of no cancelled"
    until(lambda: words in site.log("c"))
    site.broker.control("import_definitions", str(site.broker.folder / "definitions.json"))
    until(lambda: "cancelled runs are heard of again" in site.log("c"))
    assert site.is_alive("c")
    assert site.log("c").count("hears of no cancelled run") == 1


@pytest.mark.parametrize("what", ["all", "write"])
def test_an_agent_that_may_not_write_waits_and_goes_on_when_it_may(site: Site, tmp_path: Path, what: str) -> None:
    with long_run(site, tmp_path, "d"):
        if what == "all":
            site.broker.control("clear_permissions", *PLACE, "d")
        else:
            site.broker.control("set_permissions", *PLACE, "d", "^$", "^$", r"^scanready\.(tasks|cancel)\.d$")
        until(lambda: "; trying again" in site.log("d"))
        until(lambda: "no heartbeat of d" in coordinator_log(site))
    thing = 'virtual host "scanready"' if what == "all" else "exchange results"
    assert f"does not permit d to use the {thing}: {IMPORT} with --agents d; trying again" in site.log("d")
    assert "and its process is connected: see its log; if it may not write: import the def" in coordinator_log(site)
    site.broker.control("import_definitions", str(site.broker.folder / "definitions.json"))
    resumed = site.verify("--resume", "last", "--agent-timeout", "120s")
    assert resumed.returncode in (1, 3), resumed.stderr
    assert len(site.answers()) == 2
    assert {agent for _, agent, *_ in site.answers()} == {"d"}
    assert "agent.lost" not in {cause for *_, cause in site.answers()}
    assert site.is_alive("d")


def test_a_coordinator_that_may_not_send_ends_with_the_reason(site: Site, tmp_path: Path) -> None:
    """The queue of its agent is full, so it has a batch left to send."""
    policy = "small", "^scanready.tasks.e$", '{"max-length":1,"overflow":"reject-publish"}'
    site.broker.control("set_policy", *PLACE, "--priority", "9", "--apply-to", "queues", *policy)
    try:
        rows = [{"host": f"127.0.9.{number}", "type": "ssh", "port": 9} for number in range(1, 61)]
        going = site.coordinator(targets_file(tmp_path, rows), "--agents", "e")
        until(lambda: "the queue of e is full" in coordinator_log(site))
        site.broker.control("set_permissions", *PLACE, "coordinator", r"^scanready\.", r"^scanready\.", ".*")
        # A channel in use keeps the permissions that it has shown to have.
        site.broker.control("close_all_user_connections", "coordinator", "maintenance")
        assert going.wait(HANG) == 2
    finally:
        site.broker.control("clear_policy", *PLACE, "small")
    assert coordinator_log(site).count(f"does not permit coordinator to use the exchange tasks: {IMPORT}") == 1
