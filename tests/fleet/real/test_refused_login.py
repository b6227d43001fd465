"""A password that the broker has refused is not presented again: the broker's own log counts the refusals."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("amqp")

from fixtures.fleet.rabbitmq import RabbitMq
from fixtures.fleet.site import PASSWORDS, Site
from fixtures.limits import PATIENCE
from scanready.fleet.broker_login import RefusedError
from scanready.fleet.connection import Broker, BrokerError, opened
from tests.fleet.real.test_estate import targets_file, until

#: Seconds in which a process that tries again would have done so: the shortest pause is 2 s.
LONG_ENOUGH = 7.0


def refusals(broker: RabbitMq, user: str) -> int:
    """Return how many logins of a user the broker has refused so far."""
    return broker.log().count(f"login refused: user '{user}'")


@contextlib.contextmanager
def changed(broker: RabbitMq, user: str) -> Iterator[None]:
    """Give a user another password at the broker."""
    broker.control("change_password", user, "another")
    try:
        yield
    finally:
        broker.control("change_password", user, PASSWORDS[user])


@contextlib.contextmanager
def run_under_way(site: Site, folder: Path) -> Iterator[socket.socket]:
    """Let agent a have a target in hand that says nothing; yield its connection."""
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        silent = {"host": "127.0.0.1", "type": "ssh", "port": server.getsockname()[1]}
        going = site.coordinator(targets_file(folder, [silent]), "--agents", "a", "--timeout", "300")
        with server.accept()[0] as taken:
            yield taken
        going.kill()


@pytest.mark.parametrize("command", ["agent", "verify", "resume", "agents", "status", "cancel"])
def test_a_wrong_password_is_refused_once_by_each_command(site: Site, tmp_path: Path, command: str) -> None:
    user = "b" if command == "agent" else "coordinator"
    file = targets_file(tmp_path, [{"host": "127.0.0.1", "type": "http", "port": 9}])
    words = {
        "agent": ["agent", "--name", "b", "--allow", "127.0.0.0/8", "--store", str(tmp_path / "b.db")],
        "verify": ["verify", file, "--agents", "b", "--store", str(site.store)],
        "resume": ["verify", "--resume", "last", "--store", str(site.store)],
        "cancel": ["cancel", "last", "--store", str(site.store)],
    }.get(command, [command])
    if command in ("resume", "cancel"):
        site.verify(file, "--agents", "b", "--agent-timeout", "1")
    before = refusals(site.broker, user)
    told = site.run("fleet", *words, *site.broker.options(user, "wrong"))
    assert told.returncode == 2
    assert refusals(site.broker, user) - before == 1
    (line,) = told.stderr.splitlines()
    assert f"refuses the login of {user} (no such user, or a wrong password): correct --password-from" in line


def test_a_coordinator_whose_password_changes_ends(site: Site, tmp_path: Path) -> None:
    """It tried again every 2 seconds: 27 refusals a minute in the broker's log."""
    with run_under_way(site, tmp_path):
        going, before = site.last_coordinator(), refusals(site.broker, "coordinator")
        with changed(site.broker, "coordinator"):
            site.broker.control("close_all_user_connections", "coordinator", "maintenance")
            assert going.wait(PATIENCE) == 2
            time.sleep(LONG_ENOUGH)
        assert refusals(site.broker, "coordinator") - before == 1
        lines = (site.folder / "coordinator.log").read_text().splitlines()
        assert "refuses the login of coordinator (no such user, or a wrong password)" in lines[-1]
        assert "the agents continue" in lines[-2]
    assert site.verify("--resume", "last").returncode in (1, 3, 4)
    assert len(site.answers()) == 1, "the run goes on with the right password"


@pytest.mark.parametrize("in_hand", [True, False], ids=["with a batch", "idle"])
def test_an_agent_whose_password_changes_is_refused_once(site: Site, tmp_path: Path, *, in_hand: bool) -> None:
    """Its heartbeats, its results, its cancellations and its batches have a connection each: 13 refusals."""
    with run_under_way(site, tmp_path) if in_hand else contextlib.nullcontext():
        if not in_hand:
            site.start("a")
            until(lambda: "waiting for targets" in site.log("a"))
            time.sleep(1)  # the heartbeat connects
        before = refusals(site.broker, "a")
        with changed(site.broker, "a"):
            site.broker.control("close_all_user_connections", "a", "maintenance")
            until(lambda: not site.is_alive("a"))
            assert refusals(site.broker, "a") - before == 1
    assert site.exit_code("a") == 2
    assert "refuses the login of a (no such user, or a wrong password)" in site.log("a").splitlines()[-1]
    assert site.log("a").count("refuses the login") == 1


def test_an_agent_that_still_gets_batches_ends_when_its_results_are_refused(site: Site) -> None:
    """It would take batches, and never send their results."""
    site.start("c")
    until(lambda: "waiting for targets" in site.log("c"))
    until(lambda: idle_connections(site.broker, "c"))
    before = refusals(site.broker, "c")
    with changed(site.broker, "c"):
        for one in idle_connections(site.broker, "c"):
            site.broker.control("close_connection", one, "maintenance")
        until(lambda: not site.is_alive("c"))
        assert refusals(site.broker, "c") - before == 1
    assert site.exit_code("c") == 2
    assert "refuses the login of c" in site.log("c").splitlines()[-1]


def idle_connections(broker: RabbitMq, user: str) -> list[str]:
    """Return the connections of a user that consume nothing: they send."""
    rows = broker.control("list_channels", "connection", "user", "consumer_count").splitlines()
    return [place for place, name, count in (row.split("\t") for row in rows) if name == user and count == "0"]


def test_many_threads_with_one_wrong_password_are_refused_once(broker: RabbitMq) -> None:
    wrong = Broker("127.0.0.1", broker.tls_port, "d", "wrong", ca_file=str(broker.authority.root))
    before, lines = refusals(broker, "d"), list[str]()

    def attempt() -> None:
        with pytest.raises(BrokerError) as raised:
            opened(wrong)
        lines.append(str(raised.value))

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals(broker, "d") - before == 1
    assert len(lines) == 12
    assert len(set(lines)) == 1
    with pytest.raises(RefusedError):
        wrong.connection().connect()


def test_a_right_password_is_presented_by_many_threads(broker: RabbitMq) -> None:
    right = Broker("127.0.0.1", broker.tls_port, "d", PASSWORDS["d"], ca_file=str(broker.authority.root))
    done = list[str]()

    def attempt() -> None:
        with opened(right) as connection:
            connection.channel()
            done.append("connected")

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 12
