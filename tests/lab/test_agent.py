"""`scanready agent` where it can be shown: in a container, behind a firewall, without a resolver, on a Master."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import Namespace, wait_until
from fixtures.lab.server import listening
from fixtures.limits import HANG
from scanready.model import Outcome, Step, Verdict
from scanready.report.schema import fitness_schema
from tests.lab import cli
from tests.ladder import climb, expect, pasted, target

ROOT = Path(__file__).parent.parent.parent
SCANREADY = (sys.executable, "-m", "scanready", "agent")
SOURCE = {"PYTHONPATH": str(ROOT / "verifiers")}


class Told:
    """Parse the output of ``scanready agent``: its checks by subject."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        assert done.stdout, done.stderr
        self.code = done.returncode
        self.object = json.loads(done.stdout)
        jsonschema.validate(self.object, fitness_schema())
        self.checks: dict[str, dict[str, Any]] = {}
        for check in self.object["checks"]:
            self.checks.setdefault(check["subject"], check)

    def expect(self, subject: str, outcome: str, code: str | None = None, owner: str | None = None) -> dict[str, Any]:
        """Assert the outcome, cause and owner of one check, and return it."""
        check = self.checks[subject]
        assert (check["outcome"], check["cause"]) == (outcome, code), check
        if code:
            (cause,) = [cause for cause in self.object["causes"] if cause["subject"] == subject]
            assert (cause["code"], cause["owner"]) == (code, owner)
        return check


def ask(where: Namespace, *arguments: str, before: tuple[str, ...] = ()) -> Told:
    words = ("--json", "--timeout", "6", *arguments)
    if before:
        return Told(where.command([*before, *SCANREADY, *words], env=SOURCE))
    return Told(cli.scanready(where, "agent", *words, env=SOURCE))


def ask_here(*before: str) -> Told:
    done = subprocess.run(
        [*before, *SCANREADY, "--json"], env={**os.environ, **SOURCE}, capture_output=True, text=True, timeout=HANG
    )
    return Told(done)


# the vantage point ----------------------------------------------------------------------------------------------

CONTAINED = ("unshare", "--pid", "--fork", "--mount", "--mount-proc")
DOCKERS = "\n".join(
    (
        "set -e",
        "ip link add eth0 type veth peer name host0",
        "ip link set host0 up",
        "ip addr add 172.17.0.5/16 dev eth0",
        "ip link set eth0 up",
        "ip route add default via 172.17.0.1",
        'exec "$@"',
    )
)


def test_on_this_machine() -> None:
    """The container fact agrees with the kernel's inode number of the first PID namespace."""
    inode = subprocess.check_output(["stat", "-L", "-c", "%i", f"/proc/{os.getpid()}/ns/pid"], text=True)
    first = inode.strip() == str(0xEFFFFFFC)  # PROC_PID_INIT_INO, include/linux/proc_ns.h
    contained = "a PID namespace of its own" in ask_here().checks["vantage point"]["facts"]["container"]
    assert contained is not first


@pytest.mark.usefixtures("lab")
def test_in_a_pid_namespace_with_the_file_that_podman_leaves() -> None:
    script = 'mount -t tmpfs none /run && touch /run/.containerenv && exec "$@"'
    told = ask_here(*CONTAINED, "sh", "-c", script, "sh")
    check = told.expect("vantage point", "warned", "agent.container", "agent")
    assert {"a PID namespace of its own", "/run/.containerenv"} <= set(check["facts"]["container"])
    assert (told.object["verdict"], told.code) == ("limited", 0)


@pytest.mark.usefixtures("lab")
def test_behind_the_bridge_of_docker() -> None:
    told = ask_here(*CONTAINED, "--net", "sh", "-c", DOCKERS, "sh")
    check = told.expect("vantage point", "warned", "agent.container", "agent")
    assert check["facts"]["translated"].startswith("Docker's default bridge")
    assert "172.17.0.5/16" in told.object["agent"]["networks"]


def test_another_network_namespace_than_the_hosts(lab: Lab) -> None:
    check = ask(lab.agent).expect("vantage point", "warned", "agent.container", "agent")
    assert "a network namespace of its own" in check["facts"]["container"]


# the path to the Master ------------------------------------------------------------------------------------------


def test_a_master_that_is_reached(lab: Lab) -> None:
    master = lab.misbehaving("half-open", 11117)
    told = ask(lab.agent, "--role", "node", "--master", master.hostname)
    check = told.expect("path to the Master", "passed")
    assert check["facts"]["verdict"] == "ready"
    assert "connection-level proof" in check["summary"]
    assert set(told.checks) == {"platform", "vantage point", "subnets", "resolvers", "clock", "path to the Master"}
    assert told.code == 0


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("tcp dport 11117 drop", "connect.filtered"),
        ("tcp dport 11117 reject with icmpx type admin-prohibited", "connect.rejected"),
    ],
)
def test_a_master_behind_a_firewall(lab: Lab, rule: str, code: str) -> None:
    master = lab.misbehaving("half-open", 11117)
    with lab.policy(f"ip daddr {master.address} {rule}"):
        told = ask(lab.agent, "--master", master.hostname)
    told.expect("path to the Master", "failed", code, "network")
    assert (told.object["verdict"], told.object["cause"]["code"], told.code) == ("blocked", code, 1)
    assert (
        pasted(told.object["cause"]["fix"])
        == f"ip saddr {lab.agent.address} ip daddr {master.address} tcp dport 11117 accept"
    )


def test_a_master_that_does_not_run(lab: Lab) -> None:
    told = ask(lab.agent, "--master", lab.host("no-master").hostname)
    told.expect("path to the Master", "failed", "connect.refused", "server")
    assert told.code == 1


def test_a_web_server_on_its_port(lab: Lab) -> None:
    other = lab.misbehaving("banner", 11117, "http")
    told = ask(lab.agent, "--master", other.hostname)
    told.expect("path to the Master", "failed", "handshake.other-protocol", "operator")


def test_an_inventory_names_the_master_and_its_targets(lab: Lab, tmp_path: Path) -> None:
    master = lab.misbehaving("half-open", 11117)
    inventory = tmp_path / "estate.yaml"
    inventory.write_text(
        f"agent: {{name: nyc, master: {master.hostname}}}\n"
        f"targets: [postgresql://{master.hostname}, 'imap://{lab.agent.gateway}']\n"
    )
    told = ask(lab.agent, str(inventory))
    told.expect("path to the Master", "passed")
    placed = told.expect("subnets", "passed")["facts"]["targets"]
    assert {host: where["same_subnet"] for host, where in placed.items()} == {
        master.hostname: False,
        lab.agent.gateway: True,
    }


# on a Master ----------------------------------------------------------------------------------------------------

LISTENER = "import socket, sys, time; s = socket.create_server(('127.0.0.1', 11117)); time.sleep(600)"


@pytest.fixture
def loopback(lab: Lab) -> Iterator[Namespace]:
    """Start a machine whose agent port listens only on loopback."""
    host = lab.host("loopback-master")
    process = host.popen([sys.executable, "-c", LISTENER])
    assert wait_until(lambda: 11117 in listening(process.pid))
    yield host
    process.terminate()
    process.wait(10)


def test_a_port_that_listens_on_loopback_alone(loopback: Namespace) -> None:
    told = ask(loopback, "--role", "master")
    told.expect("listens for agents", "failed", "agent.loopback-only", "agent")
    told.expect("listens for browsers", "failed", "agent.not-listening", "agent")
    told.expect("way to updates", "skipped")
    assert told.code == 1


def test_what_listens_on_all_addresses(lab: Lab) -> None:
    master = lab.misbehaving("half-open", 11117)
    told = ask(master.host, "--role", "master")
    told.expect("listens for agents", "passed")
    console = lab.nginx()
    told = ask(console.host, "--role", "master")
    told.expect("listens for agents", "failed", "agent.not-listening", "agent")
    told.expect("listens for browsers", "passed")


def test_the_way_to_the_update_server(lab: Lab) -> None:
    server = lab.nginx().site("good")
    here = lab.host("no-master")
    assert ask(here, "--role", "master", "--update-server", f"{server.hostname}:443").checks["way to updates"][
        "outcome"
    ] in ("passed", "warned"), "this host need not trust the lab's authority"
    with lab.policy(f"ip daddr {server.address} tcp dport 8843 drop"):
        told = ask(here, "--role", "master", "--update-server", server.hostname)
    told.expect("way to updates", "failed", "connect.filtered", "network")


# resolver, clock, ports -----------------------------------------------------------------------------------------


def test_dns_servers(lab: Lab) -> None:
    server = lab.dns()
    assert "answers in" in ask(lab.agent).expect("resolvers", "passed")["summary"]
    with lab.policy(f"ip daddr {server.address} udp dport 53 drop"):
        told = ask(lab.agent)
    told.expect("resolvers", "warned", "agent.no-resolver", "agent")


def test_the_clock_of_a_real_web_server(lab: Lab) -> None:
    site = lab.nginx().site("good")
    check = ask(lab.agent, "--clock-from", site.hostname).expect("clock", "passed")
    assert abs(check["facts"]["clock_skew_seconds"]) < 30


def test_the_clock_of_a_real_file_server(lab: Lab) -> None:
    server = lab.samba("smb3")
    told = ask(lab.agent, "--clock-from", f"smb://{server.hostname}")
    assert abs(told.expect("clock", "passed")["facts"]["clock_skew_seconds"]) < 30


def test_root_without_the_right_to_low_ports(lab: Lab) -> None:
    told = ask(lab.agent, before=("setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"))
    told.expect("source ports < 1024", "warned", "agent.no-privileged-ports", "agent")


# at every target ------------------------------------------------------------------------------------------------


def test_the_rung_of_a_target_elsewhere_and_of_one_beside(lab: Lab) -> None:
    """Debian's sshd greets as Debian's; whether that is this agent's own depends on what the tests run on."""
    report = expect(climb(target("unix", lab.openssh("password").hostname), lab.agent), Verdict.READY)
    rung = report.checks[0]
    assert (rung.step, rung.outcome) == (Step.AGENT, Outcome.PASSED)
    assert "no subnet in common with the target" in rung.summary
    assert rung.facts["same_subnet"] is False
    assert rung.facts["same_platform"] is report.agent.distribution.startswith(report.facts["os"])
    beside = climb(target("unix", lab.agent.gateway), lab.agent)
    assert beside.facts["same_subnet"] is True
    assert "in the target's subnet 10.77.0.0/24" in beside.checks[0].summary
