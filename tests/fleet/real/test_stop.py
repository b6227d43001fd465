"""An agent ends soon after SIGTERM with a long batch in hand, and one process has its name at the broker."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.fleet.site import PASSWORDS, SCANREADY, Site
from fixtures.limits import HANG
from scanready.fleet.journal import Journal
from scanready.fleet.once import Once
from scanready.fleet.stopping import GRACE, LIMIT
from tests.fleet.real.test_estate import targets_file, until

pytest.importorskip("celery")

from scanready.fleet.cancels import Cancels, NameTakenError
from scanready.fleet.connection import broker_of


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that says nothing: a target of it takes all its time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(HANG)
        yield server


def long_run(site: Site, folder: Path, agent: str, silent: socket.socket) -> None:
    """Let an agent have one batch in hand, of which one result is stored and one target goes on."""
    targets = [
        {"host": "127.0.0.1", "type": "ssh", "port": silent.getsockname()[1]},
        {"host": "127.0.0.2", "type": "ssh", "port": 9},
    ]
    site.start(agent)
    site.coordinator(targets_file(folder, targets), "--agents", agent, "--timeout", "300")
    until(lambda: site.stored() == 1)


def test_a_batch_in_hand_goes_back_and_was_not_tried(site: Site, tmp_path: Path, silent: socket.socket) -> None:
    long_run(site, tmp_path, "b", silent)
    began = time.monotonic()
    site.end("b", signal.SIGTERM)
    assert GRACE - 1 < time.monotonic() - began < LIMIT + 10
    assert site.exit_code("b") == 0
    assert "go back to the broker: not finished within 20 s" in site.log("b")
    until(lambda: site.stored() == 1)
    journal = Journal(site.folder / "b.db")
    assert len(journal.results(site.run_key(), "b-0")) == 1
    assert journal.begin(site.run_key(), "b-0") == 1, "it is the first try"
    journal.put_back(site.run_key(), "b-0")
    silent.close()
    site.start("b")
    until(lambda: site.stored() == 2)
    assert {cause for *_, cause in site.answers()} == {"connect.refused"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_second_signal_ends_it_at_once(
    site: Site, tmp_path: Path, silent: socket.socket, number: signal.Signals
) -> None:
    long_run(site, tmp_path, "c", silent)
    site.signal("c", number)
    until(lambda: "ending: batches under way go on for up to 20 s" in site.log("c"))
    site.signal("c", number)
    until(lambda: not site.is_alive("c"))
    assert site.exit_code("c") == -number, "the signal ended it, and not the time for the batch in hand"
    journal = Journal(site.folder / "c.db")
    assert len(journal.results(site.run_key(), "c-0")) == 1
    assert "worker:" not in site.log("c"), "these are Celery's words: they say that it terminates all tasks"


def test_a_terminal_that_is_closed_ends_it_as_sigterm_does(site: Site, tmp_path: Path, silent: socket.socket) -> None:
    """Celery would start it again, after a line with its command line; a terminal may send the signal twice."""
    long_run(site, tmp_path, "d", silent)
    site.signal("d", signal.SIGHUP)
    until(lambda: "ending: batches under way" in site.log("d"))
    site.signal("d", signal.SIGHUP)
    until(lambda: not site.is_alive("d"))
    assert site.exit_code("d") == 0
    assert PASSWORDS["d"] not in site.log("d")
    assert len(site.log("d").splitlines()) == 3, site.log("d")
    assert Journal(site.folder / "d.db").begin(site.run_key(), "d-0") == 1, "it was put back, and has no try"


def test_an_agent_that_is_to_outlive_its_terminal_does(site: Site) -> None:
    """With nohup, the signal is ignored as the process starts."""
    site.start("e", program=("nohup", *SCANREADY))
    until(lambda: "waiting for targets" in site.log("e"))
    site.signal("e", signal.SIGHUP)
    listed = site.run("fleet", "agents", *site.at_broker("coordinator"))
    assert "e " in listed.stdout, listed
    assert site.is_alive("e")
    assert "ending" not in site.log("e")


def test_signals_without_a_meaning_are_told_and_end_nothing(site: Site) -> None:
    """Both ended the agent without a line."""
    site.start("b")
    until(lambda: "waiting for targets" in site.log("b"))
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
        site.signal("b", number)
        until(lambda: f"{number.name} is ignored" in site.log("b"))  # noqa: B023  # it is called before the next one
    assert len(site.log("b").splitlines()) == 3, site.log("b")
    site.end("b", signal.SIGTERM)
    assert site.exit_code("b") == 0


def test_one_process_has_the_name(site: Site, tmp_path: Path) -> None:
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    same_file = site.run(*agent_words(site, site.folder / "a.db"))
    assert same_file.returncode == 2
    assert "is the agent a with this file: stop it, or run only one" in same_file.stderr
    at_broker = broker_of(site.broker.url("a", tls=False), "a", PASSWORDS["a"], None)
    lines: list[str] = []
    second = Cancels(at_broker, "a", lambda _: None, Once(lines.append))
    with pytest.raises(NameTakenError, match="another process is a at"):
        second.hold(0.1)
    assert len(lines) == 1
    site.kill("a")
    second.hold(HANG)
    assert second._connection is not None
    second._disconnect()


def test_a_second_host_of_the_name_is_refused(site: Site, tmp_path: Path) -> None:
    """It waits first, as the first process may be a host that was cut off just now."""
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    told = site.run(*agent_words(site, tmp_path / "other.db"))
    assert told.returncode == 2
    assert told.stderr.count("another process is a at 127.0.0.1") == 2
    assert "waiting up to 45 s for its end" in told.stderr
    assert site.is_alive("a")


def agent_words(site: Site, file: Path) -> list[str]:
    words = ["fleet", "agent", "--name", "a", "--store", str(file), "--allow", "127.0.0.0/8"]
    return [*words, *site.at_broker("a")]
