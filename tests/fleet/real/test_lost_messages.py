"""A run ends with all of its results although its messages were lost, or did not fit, at the broker."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.fleet.site import Site, stop_politely
from fixtures.limits import HANG
from scanready.fleet.names import results_of, tasks_of
from tests.fleet.real.test_estate import targets_file, until
from tests.fleet.real.test_permissions import channel_of

pytest.importorskip("amqp")


def refused(folder: Path, count: int) -> str:
    """Return an inventory of targets on closed ports."""
    return targets_file(
        folder, [{"host": f"127.0.2.{number}", "type": "ssh", "port": 9} for number in range(1, count + 1)]
    )


def waiting(site: Site, queue: str) -> int:
    channel = channel_of(site.broker, "coordinator")
    count: int = channel.queue_declare(queue, passive=True).message_count
    channel.connection.close()
    return count


def coordinator_log(site: Site) -> str:
    return (site.folder / "coordinator.log").read_text()


@pytest.mark.parametrize("lost", ["a purged queue", "a message taken by another program"])
def test_a_batch_that_was_lost_is_sent_again(site: Site, tmp_path: Path, lost: str) -> None:
    """The agent is there all the time, and says that it has nothing of the run."""
    going = site.coordinator(refused(tmp_path, 3), "--agents", "b")
    until(lambda: waiting(site, tasks_of("b")) == 1)
    if lost == "a purged queue":
        site.broker.control("purge_queue", "-p", "scanready", tasks_of("b"))
    else:
        channel_of(site.broker, "b").basic_get(tasks_of("b"), no_ack=True)
    site.start("b")
    assert going.wait(HANG) in (1, 3)
    assert sorted(cause for *_, cause in site.answers()) == ["connect.refused"] * 3
    assert "b has not answered 1 batches, and does not have them: they are sent again" in coordinator_log(site)


@contextlib.contextmanager
def small(site: Site, queues: str) -> Iterator[None]:
    """Let the queues of a pattern take one message each."""
    policy = "small", queues, '{"max-length":1,"overflow":"reject-publish"}'
    site.broker.control("set_policy", "-p", "scanready", "--priority", "9", "--apply-to", "queues", *policy)
    try:
        yield
    finally:
        site.broker.control("clear_policy", "-p", "scanready", "small")


def test_results_that_do_not_fit_wait_at_the_agent(site: Site, tmp_path: Path) -> None:
    """The queue of the run takes one message, and no coordinator reads it."""
    with small(site, r"^scanready\.results\."):
        going = site.coordinator(refused(tmp_path, 120), "--agents", "c")
        until(lambda: waiting(site, tasks_of("c")) == 5)
        assert stop_politely(going) == 130
        site.start("c")
        until(lambda: f"queue of the run {site.run_name()}" in site.log("c"))
        assert waiting(site, results_of(site.run_key())) == 1
        told = site.verify("--resume", "last")
        assert told.returncode in (1, 3), told.stderr
        assert sorted(cause for *_, cause in site.answers()) == ["connect.refused"] * 120


def test_batches_that_do_not_fit_wait_at_the_coordinator(site: Site, tmp_path: Path) -> None:
    with small(site, r"^scanready\.tasks\."):
        going = site.coordinator(refused(tmp_path, 120), "--agents", "a")
        until(lambda: "the queue of a is full" in coordinator_log(site))
        assert waiting(site, tasks_of("a")) == 1
        site.start("a")
        assert going.wait(HANG) in (1, 3)
        assert sorted(cause for *_, cause in site.answers()) == ["connect.refused"] * 120


def test_the_definitions_bound_every_queue(site: Site) -> None:
    channel = channel_of(site.broker, "coordinator")
    for queue in ("scanready.results.x.y", "scanready.heartbeat.x"):
        channel.queue_declare(queue)
    told = site.broker.control("list_queues", "-p", "scanready", "name", "policy")
    rows = [line.split("\t") for line in told.splitlines() if line.startswith("scanready.")]
    bounds = site.broker.control("list_policies", "-p", "scanready")
    for queue in ("scanready.results.x.y", "scanready.heartbeat.x"):
        channel.queue_delete(queue)
    channel.connection.close()
    assert {name.split(".")[1] for name, _ in rows} == {"tasks", "cancel", "results", "heartbeat"}
    assert [(name, policy) for name, policy in rows if policy != f"scanready-{name.split('.')[1]}"] == []
    assert bounds.count('"max-length-bytes":') == bounds.count('"max-length":') == 4
    assert bounds.count('"overflow":"reject-publish"') == 3


def test_a_run_of_the_same_name_is_another_run(site: Site, tmp_path: Path) -> None:
    """The key of a run is random, and `fleet cancel` takes the name."""
    going = site.coordinator(refused(tmp_path, 3), "--agents", "c", "--agent-timeout", "100s")
    until(lambda: waiting(site, tasks_of("c")) == 1)
    queues = site.broker.control("list_queues", "-p", "scanready", "name").split()
    assert results_of(site.run_key()) in queues
    assert results_of(site.run_name()) not in queues
    told = site.run("fleet", "cancel", site.run_name(), "--store", str(site.store), *site.at_broker("coordinator"))
    assert told.returncode == 0, told.stderr
    site.start("c")
    assert going.wait(HANG) in (1, 3, 4)
    assert f"cancelled: {site.run_name()} lacks 3 results" in coordinator_log(site)


def test_a_complete_run_has_nothing_to_cancel(site: Site, tmp_path: Path) -> None:
    site.start("d")
    assert site.verify(refused(tmp_path, 3), "--agents", "d").returncode == 1
    told = site.run("fleet", "cancel", "last", "--store", str(site.store), *site.at_broker("coordinator"))
    assert (told.returncode, told.stderr) == (
        4,
        f"scanready: {site.run_name()} is complete: there was nothing to cancel\n",
    )
