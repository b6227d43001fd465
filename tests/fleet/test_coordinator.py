"""The coordinator takes messages of agents: each target ends, and no agent speaks for another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scanready.causes import common, fleet
from scanready.fleet.division import Estate
from scanready.fleet.engine import not_checked
from scanready.fleet.ledger import COMMAND, Ledger, stored_results
from scanready.fleet.messages import Heartbeat, Results, encode
from scanready.model import Agent, DeclaredAgent, Step, Target
from scanready.report.serialize import as_line
from scanready.store import NewRun, Store

pytest.importorskip("celery")

from scanready.fleet.connection import Broker
from scanready.fleet.coordinator import Coordinator

BOTH, ONLY_A = Target("h1", "ssh", 22), Target("h2", "ssh", 22, agents=("a",))
ESTATE = Estate((BOTH, ONLY_A), (DeclaredAgent("a"), DeclaredAgent("b")), Step.AUTH, 10.0)
A1, B1, A2, B2 = range(4)


class Fleet:
    """A coordinator without a broker."""

    def __init__(self, folder: Path) -> None:
        self.told: list[str] = []
        self.path = folder / "runs.db"
        new = NewRun("2026-01-01T00:00:00Z", COMMAND, "x.yaml", 2, "1", "{}", "{}")
        self.ledger = Ledger(self.path, new)
        broker = Broker("127.0.0.1", 1, "coordinator", "x", tls=False)
        self.coordinator = Coordinator(broker, ESTATE, self.ledger, set(), self.told.append, lambda _: None, 60.0)

    def hear(self, user: str, text: str) -> None:
        channel = SimpleNamespace(basic_ack=lambda _: None)
        self.coordinator._take(
            SimpleNamespace(body=text, properties={"user_id": user}, channel=channel, delivery_tag=1)
        )

    def results(self, agent: str, *lines: tuple[int, str], done: bool = True) -> str:
        return encode(Results(self.ledger.name, f"{agent}-0", agent, lines, done))

    def stored(self) -> set[tuple[str, str, str]]:
        with Store(self.path) as store:
            found = stored_results(store, store.find(self.ledger.name))
            return {(one["target"]["host"], one["agent"]["name"], one["cause"]["code"]) for one in found}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path)
    with made.ledger:
        yield made


def line(agent: str, target: Target) -> str:
    return as_line(not_checked(Agent(agent, "Linux"), target, common.OUT_OF_TIME, "silent"))


def test_results_are_stored(site: Fleet) -> None:
    site.hear("a", site.results("a", (A1, line("a", BOTH)), (A2, line("a", ONLY_A))))
    assert site.stored() == {("h1", "a", "scanready.out-of-time"), ("h2", "a", "scanready.out-of-time")}
    assert site.coordinator.missing == 1


def test_an_agent_has_no_say_on_a_target_that_is_not_assigned_to_it(site: Fleet) -> None:
    site.hear("b", site.results("b", (B2, line("b", ONLY_A)), (A1, line("a", BOTH)), done=False))
    assert site.stored() == set()
    assert site.told == [f"a result was refused: b has no target at the place {place}" for place in (B2, A1)]


def test_an_agent_does_not_speak_for_another(site: Fleet) -> None:
    site.hear("b", site.results("a", (A1, line("a", BOTH))))
    assert site.stored() == set()
    assert "it names the agent a, and its sender is b" in site.told[0]


def changed(text: str, **fields: Any) -> str:
    return json.dumps(json.loads(text) | fields)


def of_types(**fields: Any) -> str:
    """Return a result of a host whose result of a type has these fields."""
    return changed(line("a", BOTH), types=[json.loads(changed(line("a", BOTH), **fields))])


UNKNOWN = {"code": "x.y", "owner": "agent", "step": "auth", "meaning": "m", "remedy": "r", "also": 5}
UNREADABLE: dict[str, tuple[str, str]] = {
    "a newer schema": (changed(line("a", BOTH), schema=99), "a newer version of scanready wrote it"),
    "no JSON": ("{", "Expecting property name"),
    "too deep": (changed(line("a", BOTH)).replace('"facts": {}', f'"facts": {"[" * 9000}{"]" * 9000}'), "recursion"),
    "a number for a list": (changed(line("a", BOTH), cause=UNKNOWN), "also is not a list"),
    "another agent": (line("b", BOTH), "it names another agent"),
    "another target": (line("a", ONLY_A), "it is of another target"),
    "another agent below": (of_types(agent=json.loads(line("b", BOTH))["agent"]), "it names another agent"),
    "another target below": (of_types(target=json.loads(line("a", ONLY_A))["target"]), "it is of another target"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_result_that_cannot_be_read_ends_its_target(site: Fleet, name: str) -> None:
    text, why = UNREADABLE[name]
    site.hear("a", site.results("a", (A1, text), (A2, line("a", ONLY_A))))
    assert site.stored() == {("h1", "a", "scanready.limit"), ("h2", "a", "scanready.out-of-time")}
    assert why in site.told[0]
    assert site.coordinator.missing == 1


def test_a_message_of_a_newer_version_ends_its_batch(site: Fleet) -> None:
    newer = changed(site.results("a"), message=2)
    site.hear("b", newer)
    assert site.coordinator.missing == 3
    site.hear("a", newer)
    assert site.stored() == {(host, "a", "scanready.limit") for host in ("h1", "h2")}
    assert site.coordinator.missing == 1


def test_a_lost_agent_is_noticed_while_others_never_pause(site: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    connection: Any = SimpleNamespace(channel=lambda: SimpleNamespace(queue_declare=_nothing, queue_bind=_nothing))
    monkeypatch.setattr("scanready.fleet.coordinator.heard", _nothing)
    monkeypatch.setattr("scanready.fleet.coordinator.kombu.Producer", _nothing)
    monkeypatch.setattr(site.coordinator, "_send", _nothing)
    beat = encode(Heartbeat("a", "1", "Linux", "2026-01-01T00:00:00Z"))

    def drain_events(timeout: float) -> None:
        nonlocal now
        now += 1.0
        site.hear("a", beat)
        if now > began + 90:
            stopped.append(True)

    began, stopped = now, list[bool]()
    connection.drain_events = drain_events
    site.coordinator._work(connection, SimpleNamespace(is_set=lambda: bool(stopped)))  # type: ignore[arg-type]
    assert site.stored() == {("h1", "b", fleet.LOST.code)}


def _nothing(*_: object, **__: object) -> Callable[..., None]:
    return _nothing  # type: ignore[return-value]
