"""The faults of a real RabbitMQ: each gives one line that names the fault, the user or host, and the change."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("amqp")

from fixtures.fleet.rabbitmq import RabbitMq, hold_ports
from fixtures.fleet.site import PASSWORDS, Site
from fixtures.limits import PATIENCE
from scanready.fleet.connection import LOST, Broker, BrokerError, heard, opened
from scanready.fleet.coordinator import demand_queues
from scanready.fleet.faults import explained
from scanready.fleet.presence import cancel, heartbeats
from tests.fleet.real.test_estate import targets_file, until

#: Words of RabbitMQ, of the libraries or of Python, which say nothing to those who run scanready.
RAW = ("REFUSED", "FORCED", "NOT_", "logfile", "inequivalent", "vhost '", "Errno", "unexpectedly", "None", "[SSL")
IMPORT = "import the definitions that `scanready fleet broker` prints"
PORTS = "correct the port in --broker (5671 for amqps://, 5672 for amqp://)"


def at(running: RabbitMq, user: str = "coordinator", password: str = "") -> Broker:
    """Return the broker for a user."""
    secret, authority = password or PASSWORDS.get(user, "x"), str(running.authority.root)
    return Broker("127.0.0.1", running.tls_port, user, secret, ca_file=authority)


def fault(broker: Broker, act: Callable[[Broker], object] = opened) -> str:
    """Return the line of a fault after the broker's place; no word in it is raw."""
    with pytest.raises(BrokerError) as raised:
        act(broker)
    line, head = str(raised.value), f"the broker {broker.netloc}"
    assert [word for word in RAW if word in line] == [], line
    assert "\n" not in line
    assert line.startswith(head), line
    return line.removeprefix(head).removeprefix(":").strip()


@contextlib.contextmanager
def permitted(running: RabbitMq, *words: str) -> Iterator[None]:
    """Give the coordinator other permissions; none at all without words."""
    place = ("-p", "scanready", "coordinator")
    running.control(*(("set_permissions", *place, *words) if words else ("clear_permissions", *place)))
    try:
        yield
    finally:
        running.control("import_definitions", str(running.folder / "definitions.json"))


@contextlib.contextmanager
def certified(running: RabbitMq, start: float, end: float) -> Iterator[None]:
    """Give the broker a certificate of another time."""
    folder = running.authority.directory
    kept = {path: path.read_bytes() for path in folder.glob("broker.*")}
    made = running.authority.issue("other", ["localhost", "127.0.0.1"], start=start, end=end)
    for path in (made.chain, made.leaf, made.key):
        shutil.copy(path, folder / path.name.replace("other", "broker"))
    running.control("eval", "ssl:clear_pem_cache().")
    try:
        yield
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
        running.control("eval", "ssl:clear_pem_cache().")


@contextlib.contextmanager
def peer(answer: bytes) -> Iterator[int]:
    """Answer each connection with the same bytes, and end it; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock, _ = server.accept()
                    with sock, contextlib.suppress(OSError):
                        sock.recv(1 << 16)
                        sock.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_a_port_without_a_service(broker: RabbitMq) -> None:
    with contextlib.ExitStack() as held:
        (free,) = hold_ports(1, held)
        told = fault(replace(at(broker), port=free))
    assert told.startswith("refuses the connection: start RabbitMQ there, or correct")


@pytest.mark.parametrize(("user", "password"), [("a", "wrong"), ("nobody", "x")], ids=["password", "user"])
def test_a_login_that_is_refused(broker: RabbitMq, user: str, password: str) -> None:
    """RabbitMQ does not say which of both is wrong."""
    assert fault(at(broker, user, password)) == (
        f"refuses the login of {user} (no such user, or a wrong password): correct --password-from, or set the "
        f"password with `rabbitmqctl change_password {user}`"
    )


def test_permissions_that_are_missing(broker: RabbitMq) -> None:
    with permitted(broker):
        assert fault(at(broker)) == f'does not permit coordinator to use the virtual host "scanready": {IMPORT}'
    with permitted(broker, "^$", "^$", "^$"):
        line = fault(at(broker), lambda one: heartbeats(one, 0.1, print))
        assert line.startswith("does not permit coordinator to use the queue scanready.heartbeat.")
        assert line.endswith(f": {IMPORT}")
        assert fault(at(broker), lambda one: cancel(one, "r", ["a"])) == (
            f"does not permit coordinator to use the exchange tasks: {IMPORT}"
        )


@pytest.mark.parametrize("act", [lambda one: demand_queues(one, ["a"]), lambda one: heartbeats(one, 0.1, print)])
def test_a_command_of_the_coordinator_with_the_user_of_an_agent(
    broker: RabbitMq, act: Callable[[Broker], object]
) -> None:
    line = fault(at(broker, "a"), act)
    assert line.startswith("does not permit a to use the queue scanready.heartbeat.")
    assert line.endswith(": this command needs the user coordinator: name it in --broker, with its password")


def test_the_user_of_an_agent_leaves_no_run(site: Site) -> None:
    file = targets_file(site.folder, [{"host": "127.0.0.1", "type": "http"}])
    told = site.run("fleet", "verify", file, "--agents", "a", "--store", str(site.store), *site.at_broker("a"))
    assert told.returncode == 2
    assert "this command needs the user coordinator" in told.stderr
    assert site.run_name() == ""


def test_definitions_that_were_not_imported(broker: RabbitMq) -> None:
    broker.control("delete_vhost", "scanready")
    try:
        assert fault(at(broker)) == f'has no virtual host "scanready": {IMPORT}'
        broker.control("add_vhost", "scanready")
        broker.control("set_permissions", "-p", "scanready", "coordinator", ".*", ".*", ".*")
        assert fault(at(broker), lambda one: heartbeats(one, 0.1, print)) == f"has no exchange results: {IMPORT}"
        broker.control("set_permissions", "-p", "scanready", "a", ".*", ".*", ".*")
        line = fault(at(broker, "a"), _reads_its_queue)
        assert line == f"has no queue scanready.cancel.a: {IMPORT} with --agents a"
    finally:
        broker.control("import_definitions", str(broker.folder / "definitions.json"))


def _reads_its_queue(broker: Broker) -> None:
    with opened(broker) as connection:
        try:
            heard(connection, "scanready.cancel.a", print, 1)
        except LOST as error:
            raise BrokerError(explained(broker, error)) from error


@pytest.mark.parametrize("limit", ["user", "vhost"])
def test_a_limit_of_connections(broker: RabbitMq, limit: str) -> None:
    place = ("coordinator",) if limit == "user" else ("-p", "scanready")
    broker.control(f"set_{limit}_limits", *place, '{"max-connections": 0}')
    try:
        line = fault(at(broker))
    finally:
        broker.control(f"clear_{limit}_limits", *place, *(["all"] if limit == "user" else []))
    assert line.startswith("takes no further connection of coordinator, since a limit is reached: raise it (`rabbitmq")


def test_a_certificate_that_is_not_trusted(broker: RabbitMq) -> None:
    line = fault(replace(at(broker), ca_file=None))
    assert line.startswith("its certificate is not trusted (")
    assert line.endswith("): name its authority's file in --ca-file")


@pytest.mark.parametrize("host", ["127.1", "::ffff:127.0.0.1"], ids=["name", "address"])
def test_a_certificate_of_another_name(broker: RabbitMq, host: str) -> None:
    line = fault(replace(at(broker), host=host))
    assert line == f"its certificate is not for {host}: write a name of the certificate in --broker"


@pytest.mark.parametrize(
    ("start", "end", "words"), [(-30, -1, "has expired"), (1, 30, "is not valid yet")], ids=["expired", "not yet"]
)
def test_a_certificate_of_another_time(broker: RabbitMq, start: float, end: float, words: str) -> None:
    with certified(broker, start, end):
        line = fault(at(broker))
    assert line == f"its certificate, or that of its authority, {words}: renew it there, or correct the clock here"


def test_the_ports_of_tls_and_of_clear_text_are_exchanged(broker: RabbitMq) -> None:
    assert fault(replace(at(broker), port=broker.port)) == f"answers without TLS (wrong version number): {PORTS}"
    line = fault(replace(at(broker), tls=False))
    assert line == f"ended the connection before it was open: {PORTS}, or see the log of RabbitMQ"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"AMQP\x00\x01\x00\x00",
        b"",
    ],
    ids=["http", "ssh", "another AMQP", "nothing"],
)
def test_another_service(broker: RabbitMq, answer: bytes) -> None:
    with peer(answer) as port:
        line = fault(replace(at(broker), port=port, tls=False))
    assert line == f"ended the connection before it was open: {PORTS}, or see the log of RabbitMQ"


def test_a_connection_that_the_broker_ends(broker: RabbitMq) -> None:
    def read(place: Broker) -> None:
        with opened(place) as connection:
            channel = connection.channel()
            broker.control("close_all_connections", "--vhost", "scanready", "maintenance")
            try:
                channel.queue_declare("scanready.tasks.a", passive=True)
            except LOST as error:
                raise BrokerError(explained(place, error)) from error

    assert fault(at(broker), read) == "ended the connection on demand (maintenance): see its log for who asked"


def test_a_queue_of_another_version(broker: RabbitMq) -> None:
    def declare(place: Broker) -> None:
        with opened(place) as connection:
            for after in (100_000, 200_000):
                try:
                    connection.channel().queue_declare(
                        "scanready.results.r", durable=True, auto_delete=False, arguments={"x-expires": after}
                    )
                except LOST as error:
                    raise BrokerError(explained(place, error)) from error

    assert fault(at(broker), declare) == (
        "has the queue scanready.results.r with the settings of another version (x-expires 100000, not 200000): delete "
        "it when it is empty (`rabbitmqctl delete_queue --vhost scanready scanready.results.r`)"
    )


def test_an_agent_whose_broker_goes_and_comes_writes_two_lines(site: Site) -> None:
    """Celery's worker would write a screen of its own, the warnings and traces of Python included."""
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    site.broker.stop()
    until(lambda: "trying again" in site.log("a"))
    site.broker.start()
    until(lambda: "results are sent again" in site.log("a"))
    lines = site.log("a").splitlines()
    assert len(lines) == 3
    assert all(line.startswith("scanready: ") for line in lines)
    assert [word for word in RAW if word in site.log("a")] == []


def test_an_agent_whose_password_changes_ends_with_the_reason(site: Site) -> None:
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    try:
        site.broker.control("change_password", "a", "another")
        site.broker.control("close_all_connections", "--vhost", "scanready", "maintenance")
        until(lambda: not site.is_alive("a"))
    finally:
        site.broker.control("change_password", "a", PASSWORDS["a"])
    assert site.exit_code("a") == 2
    assert "Traceback" not in site.log("a")
    assert "refuses the login of a (no such user, or a wrong password)" in site.log("a").splitlines()[-1]


def test_an_agent_with_results_in_hand_ends_when_its_login_is_refused(site: Site, tmp_path: Path) -> None:
    """It waited for its results to leave, took no batch meanwhile, and ended when the password was right again."""
    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        silent = {"host": "127.0.0.1", "type": "ssh", "port": server.getsockname()[1]}
        going = site.coordinator(targets_file(tmp_path, [silent]), "--agents", "a", "--timeout", "15")
        with server.accept()[0]:
            try:
                site.broker.control("change_password", "a", "another")
                site.broker.control("close_all_user_connections", "a", "maintenance")
                until(lambda: not site.is_alive("a"))
            finally:
                site.broker.control("change_password", "a", PASSWORDS["a"])
    assert site.exit_code("a") == 2
    assert "refuses the login of a (no such user, or a wrong password)" in site.log("a").splitlines()[-1]
    assert site.log("a").count("go back to the broker") == 1, site.log("a")
    site.start("a")
    assert going.wait(PATIENCE) in (1, 3, 4)
    assert {agent for _, agent, *_ in site.answers()} == {"a"}


def test_a_pickled_message_is_told_without_its_body(site: Site) -> None:
    from tests.fleet.real.test_estate import give, task

    site.start("a")
    until(lambda: "waiting for targets" in site.log("a"))
    headers = task("")[1]["application_headers"]
    kinds = {"content_type": "application/x-python-serialize", "content_encoding": "binary"}
    give(site.broker, b"canary-of-the-body", application_headers=headers, **kinds)
    until(lambda: "a message was refused: Refusing to deserialize" in site.log("a"))
    assert "canary-of-the-body" not in site.log("a")
    assert len(site.log("a").splitlines()) == 2
