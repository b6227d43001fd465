"""The rules of ``scanready firewall``, loaded as they are into a firewall that lets nothing else through."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import Namespace
from tests.lab import cli

ROOT = Path(__file__).parent.parent.parent
CLOSED = """
table inet filter
delete table inet filter
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    udp dport 53 accept comment "Samba is silent for ten seconds where it cannot ask for its own name"
  }
}
"""


@contextlib.contextmanager
def closed(router: Namespace) -> Iterator[None]:
    """Drop all forwarded packets except replies, the servers' DNS queries and flows that are permitted later."""
    router.nft(CLOSED)
    try:
        yield
    finally:
        router.nft("delete table inet filter")


def scanready(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT / "verifiers"), "NO_COLOR": "1"}
    return cli.scanready(lab.agent, *arguments, env=environment)


def verdicts(lab: Lab, target: str, *options: str) -> dict[str, str | None]:
    done = scanready(lab, "check", target, "--format", "jsonl", "--timeout", "30", *options)
    print(done.stdout, done.stderr)  # shown if the test fails
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert results, done.stderr
    return {result["verdict"]: result["cause"] and result["cause"]["code"] for result in results}


def targets(lab: Lab) -> dict[str, str]:
    return {
        "ssh": f"ssh://{lab.openssh('password').hostname}",
        "postgresql": f"postgresql://{lab.postgresql('scram').hostname}",
        "smb": f"smb://{lab.samba('smb3').hostname}",
        "mysql over IPv6": f"mysql://[{lab.mariadb('tls').address6}]",
        "nfs 3": f"nfs://{lab.nfs('both').hostname}/export?nfs_version=3",
        "nfs 4": f"nfs://{lab.nfs('both').hostname}/export?nfs_version=4",
    }


@pytest.mark.parametrize("what", ["ssh", "postgresql", "smb", "mysql over IPv6", "nfs 3", "nfs 4"])
def test_with_the_rules_it_can_be_scanned_and_without_it_cannot(lab: Lab, what: str, tmp_path: Path) -> None:
    target = targets(lab)[what]
    open_ = verdicts(lab, target)
    assert set(open_) <= {"ready", "scannable"}, "the server itself is fine"
    made = scanready(lab, "firewall", target, "--resolve", "--format", "nftables")
    assert made.returncode == 0, made.stderr
    assert " accept " in made.stdout
    file = tmp_path / "rules.nft"
    file.write_text(made.stdout)
    lab.topology.router.command(["nft", "-c", "-f", file], check=True)
    with closed(lab.topology.router):
        assert verdicts(lab, target) == {"blocked": "connect.filtered"}
        lab.topology.router.nft(made.stdout)
        assert verdicts(lab, target) == open_


@pytest.mark.parametrize("chain", ["inet filter forward", "ip filter forward", "ip6 filter forward"])
def test_nft_takes_the_whole_of_it_whatever_the_addresses(lab: Lab, chain: str, tmp_path: Path) -> None:
    targets_ = ("ssh://[fe80::1%lo]", "ssh://[fd00::9]", "ssh://10.0.0.9", "ssh://no-name", "nfs://10.0.0.9")
    for sources in ((), ("--source", "10.0.1.5"), ("--source", "fe80::5%lo"), ("--source", "fd00::5")):
        made = scanready(lab, "firewall", *targets_, *sources, "--format", "nftables", "--chain", chain)
        assert made.returncode == 0, made.stderr
        assert made.stdout.count(" dport ") >= 4
        file = tmp_path / "rules.nft"
        file.write_text(made.stdout)
        lab.topology.router.command(["nft", "-c", "-f", file], check=True)


def test_a_run_names_the_ports_of_the_day(lab: Lab, tmp_path: Path) -> None:
    target = targets(lab)["nfs 3"]
    run = tmp_path / "run.json"
    done = scanready(lab, "check", target, "--format", "json", "-o", str(run))
    assert done.returncode == 0, done.stderr
    made = scanready(lab, "firewall", target, "--from", str(run), "--json")
    rules = json.loads(made.stdout)["rules"]
    assert {tuple(rule["ports"]) for rule in rules if rule["transport"] == "tcp"} >= {
        (2049, 2049),
        (111, 111),
        (20048, 20048),
        (32803, 32803),
        (32765, 32765),
    }
    assert all(first == last for first, last in (rule["ports"] for rule in rules)), "no ranges: each port is known"
    assert {rule["source"] for rule in rules} == {"10.77.0.2"}
    assert {rule["destination"] for rule in rules} == {lab.nfs("both").address}
    with closed(lab.topology.router):
        lab.topology.router.nft(scanready(lab, "firewall", target, "--from", str(run), "--format", "nftables").stdout)
        assert set(verdicts(lab, target)) == {"scannable"}


def test_the_ranges_do_where_nothing_is_known(lab: Lab) -> None:
    """The rules come only from the catalogue, without a contact: an address, and the whole range of rpcbind's ports."""
    target = f"nfs://{lab.nfs('both').address}/export?nfs_version=3"
    with closed(lab.topology.router):
        made = scanready(lab, "firewall", target, "--format", "nftables")
        assert "dport 600-65535 accept" in made.stdout
        lab.topology.router.nft(made.stdout)
        assert set(verdicts(lab, target)) == {"scannable"}


def test_the_hand_over_of_a_blocked_run_is_the_same_rule(lab: Lab, tmp_path: Path) -> None:
    """Each report format gives the network's owner the same rule, and that rule makes the target ready."""
    target = targets(lab)["ssh"]
    address = lab.openssh("password").address
    with closed(lab.topology.router):
        reports = {name: tmp_path / f"report.{name}" for name in ("md", "html", "csv")}
        options = [f"--report={name}={file}" for name, file in reports.items()]
        assert scanready(lab, "check", target, "--timeout", "30", *options).returncode == 1
        rule = f"ip saddr 10.77.0.2 ip daddr {address} tcp dport 22 accept"
        assert rule in reports["md"].read_text()
        assert rule in reports["html"].read_text()
        where = f"{address} ({lab.openssh('password').hostname})"
        assert f"permit tcp from 10.77.0.2 to {where} port 22" in reports["csv"].read_text()
        lab.topology.router.nft(f"table inet filter {{ chain forward {{\n{rule}\n}}\n}}")
        assert set(verdicts(lab, target)) == {"ready"}


def test_resolving_touches_names_only_where_ports_are_known(lab: Lab) -> None:
    """``--resolve`` opens no connection to a target whose port the catalogue knows; without it, nothing at all is."""
    server = lab.openssh("password", label="untouched")
    before = server.log
    for options in ((), ("--resolve",)):
        made = scanready(lab, "firewall", f"ssh://{server.hostname}", *options)
        assert made.returncode == 0
        assert (server.address in made.stdout) is bool(options)
    assert server.log == before
