"""The rules of ``scanready firewall --format iptables``, run as they are on a router that lets nothing else through."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import Namespace
from tests.peers.running import demand

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = ("iptables", "ip6tables")


@contextlib.contextmanager
def closed(router: Namespace) -> Iterator[None]:
    """Nothing is forwarded but replies, in either family; the last rule of the chain drops the rest."""
    rules = ("-I FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", "-A FORWARD -j DROP")
    try:
        for program in PROGRAMS:
            for rule in rules:
                router.command([program, *rule.split()], check=True)
        yield
    finally:
        for program in PROGRAMS:
            router.command([program, "-F", "FORWARD"], check=True)


def scanready(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ROOT / "verifiers"), "NO_COLOR": "1"}
    return lab.agent.command([sys.executable, "-m", "scanready", *arguments], env=environment)


def verdict(lab: Lab, target: str) -> str:
    done = scanready(lab, "check", target, "--format", "json", "--timeout", "8")
    (result,) = json.loads(done.stdout)["results"]
    return str(result["verdict"])


@pytest.fixture
def router(lab: Lab) -> Namespace:
    demand("iptables", [program for program in PROGRAMS if shutil.which(program) is None])
    return lab.topology.router


@pytest.mark.parametrize("family", [4, 6])
def test_with_the_rules_it_can_be_scanned_and_without_it_cannot(lab: Lab, router: Namespace, family: int) -> None:
    host = lab.openssh("password")
    target = f"ssh://{host.address}" if family == 4 else f"ssh://[{host.address6}]"
    open_ = verdict(lab, target)
    assert open_ == "ready"
    made = scanready(lab, "firewall", target, "--format", "iptables")
    assert made.returncode == 0, made.stderr
    with closed(router):
        assert verdict(lab, target) == "blocked"
        router.command(["sh", "-e", "-c", made.stdout], check=True)
        assert verdict(lab, target) == open_


def test_iptables_takes_each_rule_of_the_catalogue(lab: Lab, router: Namespace) -> None:
    """Those under a condition, too, and ranges and comments as the loaded chain shows them."""
    targets = ("nfs://10.0.0.9", "windows://10.0.0.8", "mssql://10.0.0.7/HR", "ssh://[fd00::9]", "smb://no-name")
    sources = ("--source", "10.0.1.5", "--source", "fd00::5")
    made = scanready(lab, "firewall", *targets, *sources, "--format", "iptables")
    lines = [re.sub("^# only for [^:]*: ", "", line) for line in made.stdout.splitlines()]
    rules = [shlex.split(line) for line in lines if line.startswith("ip")]
    assert len(rules) > 10
    try:
        for words in rules:
            router.command(words, check=True)
        shown = router.command(["iptables", "-S", "FORWARD"], check=True).stdout
        assert "--dport 49152:65535" in shown
        assert '--comment "10.0.0.7 mssql"' in shown
    finally:
        for program in PROGRAMS:
            router.command([program, "-F", "FORWARD"], check=True)
