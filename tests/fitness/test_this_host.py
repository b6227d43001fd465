"""Each question asked of this machine, and of one made worse: outcome, cause, owner."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fixtures.limits import HANG
from scanready.catalogue import Driver
from scanready.clients import libraries as drivers
from scanready.fitness import client_programs, libraries, machine, ports, proc, subnets
from scanready.fitness.question import Answer
from scanready.model import Agent, Credential, Outcome, Owner, Target, Verdict
from scanready.net import open_files, sockets
from scanready.report.fitness import as_object, draw
from scanready.report.look import Look
from scanready.report.schema import fitness_schema
from scanready.run.registry import catalogue
from scanready.targets.ssh import client
from tests.fitness.helpers import ask, asked, examined, expect
from tests.ladder import target

ROOT = Path(__file__).parent.parent.parent
LINUX = Agent("proxy", "Linux", ("10.0.1.5",), networks=("10.0.1.5/24",))


def scanready(*arguments: str, before: tuple[str, ...] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-m", "scanready", "agent", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "verifiers"), **environment},
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )


def answers(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """By subject; of several with one, the first."""
    found: dict[str, dict[str, Any]] = {}
    for check in json.loads(done.stdout)["checks"]:
        found.setdefault(check["subject"], check)
    return found


# the whole ------------------------------------------------------------------------------------------------------


def test_the_object_keeps_to_its_schema() -> None:
    fitness = examined(asked(target("windows", "127.0.0.1"), target("postgresql", "127.0.0.1")))
    jsonschema.validate(as_object(fitness), fitness_schema())
    if fitness.asked.agent.platform != "Windows":
        assert fitness.verdict is Verdict.BLOCKED
        finding = fitness.findings[0].finding
        assert finding is not None
        assert finding.cause.code == "agent.platform-mismatch"


def test_what_is_shown_says_what_to_do() -> None:
    fitness = examined(asked(target("windows", "127.0.0.1")))
    shown = draw(fitness, Look(width=100))
    for word in ("as a Proxy Agent", "blocked", "agent.platform-mismatch, platform", "owner", "remedy"):
        assert word in shown
    assert "confirm" in draw(fitness, Look(width=100, verbosity=1))
    assert "platform  " not in draw(fitness, Look(width=100, verbosity=-1)).partition("blocked")[0]


def test_an_undecided_answer_leaves_with_3_and_a_usage_error_with_2() -> None:
    assert scanready("--clock-from", "http://127.0.0.1:1").returncode == 3
    without = scanready("--role", "node")
    assert without.returncode == 2
    assert "name the Master with --master HOST" in without.stderr
    assert scanready("--master", "https://x").returncode == 2
    assert scanready("a.yaml", "b.yaml").returncode == 2


def test_an_inventory_names_types_master_and_agent(tmp_path: Path) -> None:
    inventory = tmp_path / "estate.yaml"
    text = "agent: {name: nyc, master: 127.0.0.1}\ncredentials: {c: {username: u, password: env:NOT_SET_ANYWHERE}}\n"
    inventory.write_text(text + "targets:\n  - {host: 127.0.0.1, type: imap, credential: c}\n")
    done = scanready(str(inventory), "--json", "--timeout", "2")
    found = json.loads(done.stdout)
    assert found["agent"]["name"] == "nyc"
    assert answers(done)["platform"]["facts"]["serves"] == ["imap"]
    assert answers(done)["path to the Master"]["facts"]["target"] == "master://127.0.0.1:11117"
    assert "not checked: the Master's Web Console reports no time" in answers(done)["clock"]["summary"]


# platform and clients -------------------------------------------------------------------------------------------


def test_the_types_that_it_can_serve() -> None:
    (answer,) = ask(machine.look, asked())
    expect(answer, Outcome.PASSED)
    served = set(answer.facts["serves"])
    assert {"postgresql", "unix", "nfs"} <= served
    assert ("windows" in served) is (answer.facts["system"] == "Windows")
    assert "master" not in served, "the scanner's own servers are no targets"


def test_shares_would_be_better_off_elsewhere() -> None:
    (answer,) = ask(machine.look, asked(target("smb", "127.0.0.1")))
    expect(answer, Outcome.PASSED)
    assert (
        "the requirements allow smb from this agent; newer scanner documentation requires a Windows agent"
        in answer.summary
    )


def test_a_windows_target_wants_another_agent() -> None:
    about = asked(target("windows", "127.0.0.1"), target("mysql", "127.0.0.1"))
    (answer,) = ask(machine.look, about)
    expect(answer, Outcome.FAILED, "agent.platform-mismatch", Owner.AGENT)
    assert answer.facts["serves"] == ["mysql"]


def program(name: str, *targets: Target) -> Answer:
    """Return the answer about one program of the agent."""
    (found,) = (answer for answer in ask(client_programs.look, asked(*targets)) if answer.endpoint == name)
    return found


def test_the_ssh_client_with_its_algorithms() -> None:
    answer = program("ssh client")
    expect(answer, Outcome.PASSED)
    assert "curve25519-sha256" in answer.facts["kex"]
    assert "ssh-ed25519" in answer.facts["host_key"]
    assert answer.facts["ssh_client"].startswith("OpenSSH")


def test_without_an_ssh_client(tmp_path: Path) -> None:
    done = scanready("--json", PATH=str(tmp_path))
    found = json.loads(done.stdout)
    assert (done.returncode, found["verdict"]) == (1, "blocked")
    assert (found["cause"]["code"], found["cause"]["owner"]) == ("agent.client-missing", "agent")
    assert "unix and ssh targets need it" in found["cause"]["detail"]


def test_an_ssh_client_that_does_not_run(tmp_path: Path) -> None:
    broken = tmp_path / "ssh"
    broken.write_text("#!/bin/sh\necho 'symbol lookup error: undefined symbol: EVP_x' >&2\nexit 127\n")
    broken.chmod(0o755)
    found = json.loads(scanready("--json", PATH=str(tmp_path)).stdout)
    assert (found["cause"]["code"], found["cause"]["owner"]) == ("agent.client-broken", "agent")
    assert "undefined symbol: EVP_x; unix and ssh targets need it" in found["cause"]["detail"]
    found = json.loads(scanready("mysql://127.0.0.1:1", "--json", PATH=str(tmp_path)).stdout)
    assert "agent.client-broken" not in json.dumps(found)


def test_who_has_no_ssh_targets_needs_no_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = program("ssh client", target("mysql", "127.0.0.1"))
    expect(answer, Outcome.SKIPPED)


def test_a_client_without_retired_algorithms(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {slot: frozenset(["modern"]) for slot in ("kex", "host_key", "cipher", "mac")}
    monkeypatch.setattr(client, "present", lambda: client.Client("ssh", "OpenSSH_12.0", known, None))
    answer = program("ssh client")
    expect(answer, Outcome.PASSED)
    assert "ssh-dss" in answer.facts["cannot"]
    assert "cannot be read" in answer.summary


def test_a_notes_client_is_for_notes_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanready.targets.notes.client._folders", lambda: iter([(str(tmp_path), ("notes",))]))
    expect(program("Notes client"), Outcome.SKIPPED)
    wanted = target("notes", "127.0.0.1")
    expect(program("Notes client", wanted), Outcome.WARNED, "agent.client-missing", Owner.AGENT)
    (tmp_path / "notes").touch()
    (tmp_path / "notes.ini").write_text("[Notes]\nKeyFileName=gone.id\n")
    expect(program("Notes client", wanted), Outcome.WARNED, "notes.no-id", Owner.AGENT)
    (tmp_path / "gone.id").touch()
    expect(program("Notes client", wanted), Outcome.PASSED)


# libraries ------------------------------------------------------------------------------------------------------


def test_the_libraries_are_really_imported() -> None:
    found = ask(libraries.look, asked())
    there = expect(found[0], Outcome.PASSED).facts["drivers"]
    assert {"paramiko", "psycopg", "oracledb", "impacket"} <= set(there)
    limits = expect(found[-1], Outcome.PASSED).facts["limits"]
    assert "12.1" in limits["oracledb"]
    assert "chacha20-poly1305@openssh.com" in found[-1].facts["paramiko_lacks"]


def test_what_is_missing_or_broken_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    (tmp_path / "ibm_db.py").write_text("raise ImportError('libdb2.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "ibm_db", raising=False)
    found = drivers.look([("paramiko", "paramiko", None), ("ibm_db", "ibm_db", None)])
    assert "missing" in found["paramiko"]
    assert "libdb2.so.1" in found["ibm_db"]["broken"]


@pytest.mark.parametrize("raises", ["ValueError('no')", "SystemExit(3)"])
def test_a_library_that_raises_anything_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raises: str
) -> None:
    (tmp_path / "acme_queue_client.py").write_text(f"raise {raises}")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = drivers.look([("acme_queue_client", "acme", None), ("click", "click", None)])
    assert found["acme_queue_client"]["broken"].startswith(raises.partition("(")[0])
    assert "version" in found["click"]


def test_a_module_driver_that_raises_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_driver.py").write_text("def facts(module): return {'a': module}\ndef limits(*_): return 1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = drivers.look([("click", "click", "acme_driver"), ("rich", "rich", None)])
    assert "acme_driver: TypeError" in found["click"]["broken"]
    assert "version" in found["rich"]
    one = drivers.Library(Driver("click", "click", ""), ("queue",), "acme_driver")
    text, facts = libraries._limits_of(one, {})
    assert "acme_driver fails: ZeroDivisionError" in text
    assert facts == {}


@pytest.fixture
def no_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, dict[str, Any]] = {one.driver.module: {"version": "1.0"} for one in drivers.known(catalogue())}
    state["paramiko"]["algorithms"] = {slot: [] for slot in ("kex", "host_key", "cipher", "mac")}
    state["psycopg"] = {"broken": "no libpq"}
    monkeypatch.setattr(drivers, "installed", lambda known: state)


@pytest.mark.usefixtures("no_psycopg")
def test_a_missing_library_is_a_finding_where_somebody_would_log_in() -> None:
    nobody, somebody = Target("127.0.0.1", "postgresql", 5432), Credential("c", "u", "p")
    absent = expect(ask(libraries.look, asked(nobody))[1], Outcome.SKIPPED)
    assert "postgresql (psycopg is broken (no libpq): pip install 'scanready[db]')" in absent.summary
    somewhere = asked(Target("127.0.0.1", "postgresql", 5432, credential=somebody))
    expect(ask(libraries.look, somewhere)[1], Outcome.FAILED, "agent.driver-missing", Owner.AGENT)


def test_libraries_that_hang_are_our_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(_: object) -> None:
        raise TimeoutError("the driver did not return within 45.0 s and was killed")

    monkeypatch.setattr(drivers, "installed", hang)
    (answer,) = ask(libraries.look, asked())
    expect(answer, Outcome.FAILED, "scanready.limit", Owner.SCANREADY)


def test_tls_as_the_system_permits_it() -> None:
    (answer,) = ask(libraries.look_at_tls, asked())
    assert expect(answer, Outcome.PASSED).facts["tls_minimum_of_handshakes"] == "TLSv1"


# ports and files ------------------------------------------------------------------------------------------------


def test_ports_below_1024(monkeypatch: pytest.MonkeyPatch) -> None:
    (answer,) = ask(ports.look_below_1024, asked())
    if os.geteuid() == 0:
        assert expect(answer, Outcome.PASSED).facts["bound"] < 1024
    monkeypatch.setattr(sockets, "_reserve", lambda sock: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    expect(ask(ports.look_below_1024, asked())[0], Outcome.WARNED, "agent.no-privileged-ports", Owner.AGENT)
    expect(ask(ports.look_below_1024, asked(target("mysql", "127.0.0.1")))[0], Outcome.SKIPPED)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    expect(ask(ports.look_below_1024, asked())[0], Outcome.SKIPPED)


def test_the_ephemeral_range(monkeypatch: pytest.MonkeyPatch) -> None:
    (answer,) = ask(ports.look_at_range, asked())
    assert answer.facts["first"] < answer.facts["last"] <= 65535
    monkeypatch.setattr(proc, "local_port_range", lambda: (40000, 41000))
    few = expect(ask(ports.look_at_range, asked())[0], Outcome.WARNED, "agent.few-ports", Owner.AGENT)
    assert few.finding is not None
    assert few.finding.fix is not None
    assert few.finding.fix.splitlines()[1] == "net.ipv4.ip_local_port_range = 32768 60999"
    monkeypatch.setattr(proc, "local_port_range", lambda: None)
    expect(ask(ports.look_at_range, asked())[0], Outcome.SKIPPED)


def test_few_open_files() -> None:
    done = scanready("--json", before=("sh", "-c", 'ulimit -n 256; exec "$@"', "sh"))
    files = answers(done)["open files"]
    assert (files["outcome"], files["cause"]) == ("warned", "agent.few-descriptors")
    assert files["facts"] == {"soft": 256, "hard": 256}
    assert "96 targets at once" in files["summary"]
    cause = next(cause for cause in json.loads(done.stdout)["causes"] if cause["subject"] == "open files")
    assert cause["owner"] == "agent"


def test_platforms_without_such_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "limits", lambda: None)
    expect(ask(ports.look_at_descriptors, asked())[0], Outcome.SKIPPED)


# subnets --------------------------------------------------------------------------------------------------------


def test_targets_in_and_out_of_the_subnets() -> None:
    about = asked(target("mysql", "127.0.0.1"), target("mysql", "198.51.100.7"), target("mysql", "no-such.invalid"))
    (answer,) = ask(subnets.look, about)
    expect(answer, Outcome.PASSED)
    told = {host: found["same_subnet"] for host, found in answer.facts["targets"].items()}
    assert told == {"127.0.0.1": True, "198.51.100.7": False, "no-such.invalid": None}
    assert "1 of 3 target hosts in these subnets, the requirements recommend all; 1 not resolved" in answer.summary


def test_where_interfaces_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "aix7")
    expect(ask(subnets.look, asked())[0], Outcome.SKIPPED)


# the kernel's tables --------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.byteorder != "little", reason="the literal tables are of a little-endian machine")
def test_the_table_of_sockets() -> None:
    text = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:2B6D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100\n"
        "   1: 00000000000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 2\n"
        "   2: nonsense\n"
    )
    found = list(proc.sockets_of(text))
    assert [(str(entry.address), entry.port, entry.state) for entry in found] == [
        ("127.0.0.1", 11117, proc.LISTEN),
        ("::1", 443, proc.LISTEN),
    ]


@pytest.mark.skipif(sys.byteorder != "little", reason="the literal tables are of a little-endian machine")
def test_the_table_of_routes() -> None:
    head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n"
    beside = "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\n"
    default = "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\n"
    assert str(proc.gateway_of(head + beside + default)) == "172.17.0.1"
    assert proc.gateway_of(head + beside) is None
    assert proc.gateway_of("") is None


def test_a_socket_that_listens_is_in_the_table() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [entry for entry in proc.tcp_sockets() or [] if entry.port == port and entry.state == proc.LISTEN]
    assert [str(entry.address) for entry in found] == ["127.0.0.1"]
