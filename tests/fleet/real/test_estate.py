"""Three agents check an estate through a real broker; they refuse messages with a reason."""

from __future__ import annotations

import json
import pickle
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.fleet.rabbitmq import RabbitMq
from fixtures.fleet.site import Servers, Site
from fixtures.limits import PATIENCE
from scanready.fleet.journal import Journal
from scanready.fleet.names import tasks_of
from tests.fleet.real.test_permissions import channel_of

amqp = pytest.importorskip("amqp")


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def targets_file(folder: Path, targets: list[dict[str, Any]], **rest: Any) -> str:
    file = folder / "targets.yaml"
    file.write_text(json.dumps({"targets": targets, **rest}))
    return str(file)


def test_three_agents_check_every_target(site: Site, servers: Servers) -> None:
    """The same targets without a broker have the same verdicts."""
    for name in "abc":
        site.start(name)
    patient = ("--timeout", "60")  # the agents and their servers share this machine
    told = site.verify(str(servers.inventory), "--agents", "a,b,c", *patient)
    assert told.returncode == 1, told.stderr
    answers = site.answers()
    local = site.run("verify", str(servers.inventory), "--format", "jsonl", "--no-store", "--depth", "auth", *patient)
    targets = {json.loads(line)["target"]["name"] for line in local.stdout.splitlines()}
    assert len(targets) > 40
    assert {(target, agent) for target, agent, *_ in answers} == {(one, agent) for one in targets for agent in "abc"}
    of_agents = [{(target, *rest) for target, agent, *rest in answers if agent == name} for name in "abc"]
    assert of_agents[0] == of_agents[1] == of_agents[2]
    queues = site.broker.control("list_queues", "-p", "scanready", "name")
    assert "scanready.results" not in queues


def test_each_agent_checks_the_targets_of_its_sites(site: Site, servers: Servers, tmp_path: Path) -> None:
    for name in "ab":
        site.start(name)
    agents = [{"name": "a", "sites": ["nyc"]}, {"name": "b", "sites": ["lon"]}]
    targets = [{"host": f"127.0.0.9{number}", "type": "http", "site": ("nyc", "lon")[number]} for number in (0, 1)]
    told = site.verify(targets_file(tmp_path, targets, agents=agents))
    found = {(host, agent) for host, agent, *_ in site.answers()}
    assert found == {("http://127.0.0.90:80", "a"), ("http://127.0.0.91:80", "b")}, told.stderr


def test_an_address_that_is_not_allowed_gets_no_packet(site: Site, servers: Servers, tmp_path: Path) -> None:
    site.start("a", "127.0.0.11/32")
    site.verify(targets_file(tmp_path, [{"host": "127.0.0.99", "type": "ssh", "port": 22}]), "--agents", "a")
    (result,) = site.results()
    assert (result["verdict"], result["cause"]["code"]) == ("undecided", "agent.not-allowed")
    assert "127.0.0.99 is in no network of --allow" in result["cause"]["detail"]


def test_no_secret_is_in_a_queue(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent is there, so the batch stays in its queue, where it is read raw."""
    secret = "canary-" + "of-the-queue"
    (tmp_path / "secret").write_text(secret)
    credentials = {"svc": {"username": "scan", "password": f"file:{tmp_path / 'secret'}"}}
    target = {"host": "127.0.0.98", "type": "postgresql", "database": "hr", "credential": "svc"}
    told = site.verify(
        targets_file(tmp_path, [target], credentials=credentials), "--agents", "b", "--agent-timeout", "2s"
    )
    assert told.returncode == 3, told.stderr
    (result,) = site.results()
    assert (result["verdict"], result["cause"]["code"]) == ("undecided", "agent.lost")
    channel = channel_of(site.broker, "b")
    body = channel.basic_get(tasks_of("b"), no_ack=True).body
    channel.connection.close()
    assert '\\"credential\\":\\"svc\\"' in body
    assert secret not in body
    assert "file:" not in body


def test_the_results_of_a_lost_agent_come_when_it_is_back(site: Site, servers: Servers) -> None:
    site.start("a")
    told = site.verify(str(servers.inventory), "--agents", "a,c", "--agent-timeout", "3s", "--only", "type=http")
    assert "lost: c; when it is back: `scanready fleet verify --resume" in told.stderr
    assert {cause for _, agent, _, cause in site.answers() if agent == "c"} == {"agent.lost"}
    site.start("c")
    told = site.verify("--resume", "last")
    answers = site.answers()
    assert "lost" not in told.stderr
    assert {(t, v, cause) for t, agent, v, cause in answers if agent == "c"} == {
        (t, v, cause) for t, agent, v, cause in answers if agent == "a"
    }


def test_a_lost_agent_loses_no_result_that_it_sent(site: Site, tmp_path: Path) -> None:
    """It is lost while one target of three is silent."""
    site.start("a")
    targets = [{"host": "127.0.0.1", "type": "http", "port": 9}, {"host": "127.0.0.2", "type": "http", "port": 9}]
    silent = socket.create_server(("127.0.0.1", 0))
    targets.append({"host": "127.0.0.1", "type": "ssh", "port": silent.getsockname()[1]})
    going = site.coordinator(
        targets_file(tmp_path, targets), "--agents", "a", "--agent-timeout", "12s", "--timeout", "100"
    )
    until(lambda: site.stored() == 2)
    site.kill("a")
    silent.close()
    assert going.wait(PATIENCE) in (1, 3)
    assert sorted(cause for *_, cause in site.answers()) == ["agent.lost", "connect.refused", "connect.refused"]


def give(broker: RabbitMq, body: bytes, **properties: Any) -> None:
    channel = channel_of(broker, "coordinator")
    channel.basic_publish_confirm(amqp.Message(body, **properties), "tasks", "task.a")
    channel.connection.close()


def task(text: str) -> tuple[bytes, dict[str, Any]]:
    headers = {"task": "scanready.check", "id": "x", "root_id": "x", "lang": "py", "argsrepr": "", "kwargsrepr": ""}
    body = json.dumps([[text], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    kinds = {"content_type": "application/json", "content_encoding": "utf-8", "correlation_id": "x"}
    return body.encode(), {**kinds, "application_headers": headers}


REFUSED = (
    ('{"message":2,"kind":"batch","run":"r","batch":"x"}', "has version 2; this scanready reads version 1"),
    (" " * (9 << 20), "at most 8,388,608 are allowed"),
    ("[" * 5000, "the message is not JSON"),
)


def test_a_message_that_is_refused_ends_no_worker(site: Site, servers: Servers) -> None:
    site.start("a")
    pickled = pickle.dumps([[""], {}, {}])
    headers = task("")[1]["application_headers"]
    kinds = {"content_type": "application/x-python-serialize", "content_encoding": "binary"}
    give(site.broker, pickled, application_headers=headers, **kinds)
    until(lambda: "Refusing to deserialize" in site.log("a") or "Can't decode" in site.log("a"))
    for text, words in REFUSED:
        body, properties = task(text)
        give(site.broker, body, **properties)
        until(lambda words=words: words in site.log("a"))  # type: ignore[misc]
    told = site.verify(str(servers.inventory), "--agents", "a", "--only", "type=http")
    assert site.is_alive("a")
    assert {agent for _, agent, *_ in site.answers()} == {"a"}, told.stderr


def test_a_batch_that_ends_the_agent_twice_is_not_begun_again(site: Site, tmp_path: Path) -> None:
    """The agent's file says that it was begun twice, and it was not finished."""
    targets = [{"host": "127.0.0.90", "type": "http"}, {"host": "127.0.0.91", "type": "http"}]
    going = site.coordinator(targets_file(tmp_path, targets), "--agents", "a")
    until(site.run_name)
    journal = Journal(site.folder / "a.db")
    for _ in range(2):
        journal.begin(site.run_key(), "a-0")
    site.start("a")
    assert going.wait(PATIENCE) == 3
    assert {cause for *_, cause in site.answers()} == {"scanready.bug"}
    assert "was begun 2 times" in site.results()[0]["cause"]["detail"]


def test_who_is_there_is_told(site: Site) -> None:
    site.start("b")
    until(lambda: site.run("fleet", "agents", *site.at_broker("coordinator")).stdout.startswith("b  "))
    assert "no agent" not in site.run("fleet", "status", *site.at_broker("coordinator")).stderr


def test_a_cancelled_run_ends_without_its_results(site: Site, tmp_path: Path) -> None:
    """The agent hears of it before it takes the batch."""
    targets = [{"host": f"127.0.1.{number}", "type": "http"} for number in range(1, 60)]
    going = site.coordinator(targets_file(tmp_path, targets), "--agents", "c", "--agent-timeout", "60s")
    cancel = ("fleet", "cancel", "last", "--store", str(site.store), *site.at_broker("coordinator"))
    until(lambda: site.run(*cancel).returncode == 0)
    time.sleep(1)
    site.start("c")
    assert going.wait(PATIENCE) in (1, 3, 4)
    assert len(site.results()) < 59
    told = (site.folder / "coordinator.log").read_text()
    assert f"cancelled: {site.run_name()} lacks 59 results" in told


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("amqps://a:wrong@127.0.0.1:{tls}", "refuses the login of a ("),
        ("amqps://a:x@127.0.0.1:1", "refuses the connection: start RabbitMQ there, or correct the port"),
        ("amqp://a:x@192.0.2.1", "in clear text: use amqps://"),
        ("amqps://a@127.0.0.1:{tls}", "--password-from"),
    ],
    ids=["wrong password", "no broker", "no TLS", "no password"],
)
def test_a_broker_that_cannot_be_used_is_told_at_once(site: Site, url: str, words: str) -> None:
    place = url.format(tls=site.broker.tls_port)
    authority = str(site.broker.authority.root)
    command = ("fleet", "agent", "--name", "a", "--allow", "127.0.0.0/8", "--ca-file", authority)
    told = site.run(*command, SCANREADY_BROKER=place)
    assert words in told.stderr
    assert told.returncode == 2


def test_an_untrusted_certificate_is_told_with_its_remedy(site: Site) -> None:
    told = site.run("fleet", "agents", *site.at_broker("coordinator")[:-2])
    assert "its certificate is not trusted" in told.stderr
    assert "--ca-file" in told.stderr
    assert told.returncode == 2
