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
from scanready.fleet.messages import OWN_FILE, Batch, Heartbeat, Results, decode, encode
from scanready.fleet.names import HEARTBEAT
from scanready.model import Agent, DeclaredAgent, Step, Target
from scanready.report.parse import restored
from scanready.report.serialize import as_line
from scanready.store import NewRun, Store

pytest.importorskip("celery")

from scanready.fleet.connection import Broker
from scanready.fleet.coordinator import Coordinator
from scanready.fleet.outbox import Sent

BOTH, ONLY_A = Target("h1", "ssh", 22), Target("h2", "ssh", 22, agents=("a",))
ESTATE = Estate((BOTH, ONLY_A), (DeclaredAgent("a"), DeclaredAgent("b")), Step.AUTH, 10.0)
A1, B1, A2, B2 = range(4)


class Outbox:
    """Stand for the connection that batches are sent through."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.blocked = False
        self.full: set[str] = set()
        self.probes = 0

    def send(self, batch: Batch) -> Sent:
        """Keep the name of a batch."""
        if self.blocked:
            return Sent.BLOCKED
        if batch.agent in self.full:
            return Sent.FULL
        self.sent.append(batch.batch)
        return Sent.KEPT

    def is_blocked(self) -> bool:
        """Return what the test says."""
        return self.blocked

    def probe(self) -> bool:
        """Count it."""
        self.probes += 1
        return not self.blocked


class Fleet:
    """A coordinator without a broker."""

    def __init__(self, folder: Path) -> None:
        self.told: list[str] = []
        self.path = folder / "runs.db"
        new = NewRun("2026-01-01T00:00:00Z", COMMAND, "x.yaml", 2, "1", "{}", '{"token": "fedcba9876543210"}')
        self.ledger = Ledger(self.path, new)
        broker = Broker("127.0.0.1", 1, "coordinator", "x", tls=False)
        self.coordinator = Coordinator(broker, ESTATE, self.ledger, set(), self.told.append, lambda _: None, 60.0)

    def hear(self, user: str, text: str) -> None:
        channel = SimpleNamespace(basic_ack=lambda _: None)
        self.coordinator._take(
            SimpleNamespace(body=text, properties={"user_id": user}, channel=channel, delivery_tag=1, delivery_info={})
        )

    def results(self, agent: str, *lines: tuple[int, str], done: bool = True) -> str:
        return encode(Results(self.ledger.key, f"{agent}-0", agent, lines, done))

    def beat(self, agent: str, runs: tuple[str, ...] = (), since: str = "2026-01-01T00:00:00Z") -> None:
        """Deliver a heartbeat."""
        channel = SimpleNamespace(basic_ack=lambda _: None)
        self.coordinator._take_beat(
            SimpleNamespace(
                body=encode(Heartbeat(agent, "1", "Linux", since, runs)),
                properties={"user_id": agent},
                channel=channel,
                delivery_tag=1,
                delivery_info={"routing_key": HEARTBEAT},
            )
        )

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


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_result_that_cannot_be_read_ends_its_target_after_sound_ones(site: Fleet, name: str) -> None:
    """Sound results of an agent that was heard before are not restored."""
    text, why = UNREADABLE[name]
    site.hear("a", site.results("a", (A2, line("a", ONLY_A)), done=False))
    site.hear("a", site.results("a", (A2, line("a", ONLY_A)), (A1, text)))
    assert site.stored() == {("h1", "a", "scanready.limit"), ("h2", "a", "scanready.out-of-time")}
    assert why in site.told[0]


def test_only_the_first_result_of_an_agent_is_restored(site: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are stored as they came, and the store has the same as if each had been restored."""
    count = 0

    def counted(result: object) -> Any:
        nonlocal count
        count += 1
        return restored(result)

    monkeypatch.setattr("scanready.fleet.coordinator.restored", counted)
    for place, target in ((A2, ONLY_A), (A1, BOTH), (A1, BOTH)):
        site.hear("a", site.results("a", (place, line("a", target)), done=False))
    assert count == 1
    with Store(site.path) as store:
        kept = [json.loads(text) for text in store.results(store.find(site.ledger.name))]
    wanted = [json.loads(line("a", target)) for target in (BOTH, ONLY_A)]
    for one in (*kept, *wanted):
        del one["started"]
    assert sorted(kept, key=str) == sorted(wanted, key=str)


ODD: dict[str, Callable[[str], str]] = {
    "more tags": lambda text: text.replace('"tags":[]', '"tags":["prod"]'),
    "another name": lambda text: text.replace('"name":"ssh://h1:22"', '"name":"ssh://h9:22"'),
    "no number": lambda text: text.replace('"facts":{}', '"facts":{"n":NaN}', 1),
    "not ASCII": lambda text: text.replace("silent", "silent \u202e"),
    "half a character": lambda text: text.replace("silent", "silent \\ud800"),
    "another platform": lambda text: text.replace('"platform":"Linux"', '"platform":"Windows"'),
}


@pytest.mark.parametrize("name", ODD)
def test_an_unusual_result_is_stored_as_it_is_understood(site: Fleet, name: str) -> None:
    text = ODD[name](line("a", BOTH))
    assert text != line("a", BOTH), "it is unusual"
    site.hear("a", site.results("a", (A2, line("a", ONLY_A)), done=False))
    site.hear("a", site.results("a", (A1, text)))
    with Store(site.path) as store:
        (first,) = [text for text in store.results(store.find(site.ledger.name)) if "h1" in text]
    found = restored(json.loads(text))
    found.target = BOTH
    assert first == as_line(found)
    assert first.isascii()


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
    monkeypatch.setattr(site.coordinator, "_word_on", lambda _: None)
    monkeypatch.setattr("scanready.fleet.coordinator.heard", _nothing)
    site.coordinator._outbox = Outbox()  # type: ignore[assignment]
    beat = encode(Heartbeat("a", "1", "Linux", "2026-01-01T00:00:00Z", (site.ledger.key,)))

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


HINTS = {
    "no queue": (
        None,
        ", since the broker has no queue scanready.tasks.b: import the definitions that `scanready fleet",
    ),
    "connected": (
        SimpleNamespace(message_count=0, consumer_count=1),
        ", and its process is connected: see its log; if",
    ),
    "away": (SimpleNamespace(message_count=3, consumer_count=0), ": 1 of its targets"),
}


@pytest.mark.parametrize("why", HINTS)
def test_what_the_broker_knows_of_a_lost_agent_is_told(site: Fleet, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    told, words = HINTS[why]
    site.coordinator._connection = object()
    monkeypatch.setattr(site.coordinator, "_word_on", lambda _: told)
    site.coordinator._lose("b")
    assert site.told[0].startswith(f"no heartbeat of b for 60 s{words}")
    assert site.told[0].endswith("1 of its targets are undecided until it is back")


class Clock:
    """A clock that the test moves, and agents that send heartbeats by it."""

    def __init__(self, site: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site, self.now = site, time.monotonic()
        self.outbox = Outbox()
        self.queued, self.consumers = 0, 1
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        told = SimpleNamespace
        monkeypatch.setattr(
            site.coordinator, "_word_on", lambda _: told(message_count=self.queued, consumer_count=self.consumers)
        )
        site.coordinator._outbox = self.outbox  # type: ignore[assignment]

    def passes(self, seconds: float, *beating: str, runs: tuple[str, ...] = ()) -> None:
        """Let so many seconds pass, in which these agents send heartbeats."""
        until = self.now + seconds
        while self.now < until:
            self.now += 10.0
            for agent in beating:
                self.site.beat(agent, runs)
            while self.site.coordinator._send_some():
                pass
            self.site.coordinator._look_for_lost()


@pytest.fixture
def clock(site: Fleet, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(site, monkeypatch)


def test_a_batch_that_is_nowhere_is_sent_again_once_and_ends_undecided(site: Fleet, clock: Clock) -> None:
    clock.passes(90, "a", "b")
    assert sorted(clock.outbox.sent) == ["a-0", "a-0", "b-0", "b-0"]
    assert site.stored() == set()
    clock.passes(200, "a", "b")
    assert sorted(clock.outbox.sent) == ["a-0", "a-0", "b-0", "b-0"]
    assert site.stored() == {
        (host, agent, "agent.unanswered") for host, agent in (("h1", "a"), ("h1", "b"), ("h2", "a"))
    }
    assert site.coordinator.unanswered == site.coordinator.missing == 3
    assert not site.coordinator._is_waiting()


def test_only_missing_results_of_a_lost_batch_are_undecided(site: Fleet, clock: Clock) -> None:
    clock.passes(1)
    site.hear("a", site.results("a", (A1, line("a", BOTH)), done=False))
    clock.passes(400, "a", "b")
    assert ("h1", "a", "scanready.out-of-time") in site.stored()
    assert ("h2", "a", "agent.unanswered") in site.stored()


def test_a_batch_in_the_queue_or_in_hand_is_waited_for(site: Fleet, clock: Clock) -> None:
    clock.passes(1600, "a", "b", runs=(site.ledger.key,))
    clock.queued = 1
    clock.passes(1600, "a", "b")
    assert site.stored() == set()
    assert len(clock.outbox.sent) == 2


def test_no_agent_is_lost_while_the_broker_takes_no_messages(site: Fleet, clock: Clock) -> None:
    clock.passes(10, "a", "b")
    clock.outbox.blocked = True
    clock.passes(1000)
    assert site.stored() == set()
    assert site.told == [
        "the broker 127.0.0.1:1 takes no messages: its memory or its disk is short, see its log. "
        "No agent counts as lost meanwhile"
    ]
    clock.outbox.blocked = False
    clock.passes(30, "a")
    assert site.told[1:] == ["the broker 127.0.0.1:1 takes messages again"]
    clock.passes(100, "a", runs=(site.ledger.key,))
    assert site.coordinator.lost == ("b",)
    assert len(site.told) == 3


def test_the_broker_is_asked_seldom_and_only_if_agents_are_silent(site: Fleet, clock: Clock) -> None:
    clock.passes(600, "a", "b", runs=(site.ledger.key,))
    assert clock.outbox.probes == 0
    clock.passes(40, "a", runs=(site.ledger.key,))
    assert clock.outbox.probes == 1


def test_a_flood_of_heartbeats_makes_no_agent_lost_that_is_connected(site: Fleet, clock: Clock) -> None:
    def flood() -> None:
        for _ in range(500):
            site.beat("a", (site.ledger.key,))

    for _ in range(20):
        flood()
        clock.passes(10, runs=(site.ledger.key,))
    assert site.coordinator.lost == ()
    clock.consumers = 0
    flood()
    clock.passes(80)
    assert "b" in site.coordinator.lost
    assert [one for one in site.told if "too many heartbeats" in one] == [
        "a sends too many heartbeats; they are dropped. See who uses its password"
    ]


def test_a_flood_of_results_is_dropped_unread(site: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def decoded(text: str) -> Any:
        nonlocal read
        read += 1
        return decode(text)

    monkeypatch.setattr("scanready.fleet.coordinator.decode", decoded)
    for _ in range(5000):
        site.hear("a", site.results("a", done=False))
        site.hear("stranger", site.results("a"))
    assert read == site.coordinator._flood.most_results("a") < 2000
    site.hear("b", site.results("b", (B1, line("b", BOTH))))
    assert site.stored() == {
        ("h1", "b", "scanready.out-of-time"),
        ("h1", "a", "agent.unanswered"),
        ("h2", "a", "agent.unanswered"),
    }
    assert not site.coordinator._is_waiting()
    assert len(site.told) == 2


@pytest.mark.parametrize("place", [B2, 4, 10**9, 1 << 40, (1 << 40) + 1, 10**30])
def test_any_place_that_is_not_its_own_is_refused(site: Fleet, place: int) -> None:
    site.hear("b", site.results("b", (B1, line("b", BOTH))).replace(f'"place":{B1}', f'"place":{place}'))
    assert not {agent for host, agent, _ in site.stored()} - {"b"}
    assert len(site.told) <= 2


def test_hostile_results_do_not_fill_the_log(site: Fleet) -> None:
    for _ in range(200):
        site.hear("b", site.results("b", *[(B2, "x")] * 25, done=False))
    assert len(site.told) == 20


def test_a_full_queue_of_one_agent_does_not_hold_up_the_others(site: Fleet, clock: Clock) -> None:
    clock.outbox.full = {"a"}
    clock.passes(50, "a", "b", runs=(site.ledger.key,))
    assert clock.outbox.sent == ["b-0"]
    clock.outbox.full = set()
    clock.passes(20, "a", "b", runs=(site.ledger.key,))
    assert clock.outbox.sent == ["b-0", "a-0"]
    assert site.told == ["the queue of a is full: its batches are sent as it works"]


def test_two_processes_of_one_agent_are_told_once(site: Fleet, clock: Clock) -> None:
    for since in ("s1", "s2", "s1", "s2"):
        clock.passes(10)
        site.beat("a", since=since)
    assert site.told == ["two processes are a: stop one of them, or give each its own --name"]


def test_the_results_of_a_run_of_the_same_name_are_not_taken(site: Fleet) -> None:
    other = encode(Results(f"{site.ledger.name}.0123456789abcdef", "a-0", "a", ((A1, line("a", BOTH)),), True))
    site.hear("a", other)
    assert site.stored() == set()
    assert site.coordinator.missing == 3


def _nothing(*_: object, **__: object) -> Callable[..., None]:
    return _nothing  # type: ignore[return-value]


def test_an_agent_that_cannot_write_its_file_is_asked_again_by_a_continued_run(site: Fleet) -> None:
    why = f"{OWN_FILE}/var/a.db: the disk is full; free some space"
    site.hear("a", encode(Results(site.ledger.key, "a-0", "a", ((A1, line("a", BOTH)),), done=True, refused=why)))
    assert site.stored() == {("h1", "a", "scanready.out-of-time"), ("h2", "a", fleet.UNANSWERED.code)}
    assert site.coordinator.unanswered == 1
    assert site.told == [f"a refused a batch: {why}"]
