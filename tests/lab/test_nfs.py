"""nfs against real rpcbind, statd and NFS-Ganesha with a firewall between, compared with rpcinfo and showmount."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from fixtures.lab.nfs import FIREWALLS, Nfs, firewall
from scanready.model import Outcome, Owner, Report, Step, Verdict
from scanready.run.engine import verify
from scanready.run.settings import Settings
from tests.lab import cli
from tests.ladder import PLENTY, check_of, climb, expect, pasted, story, target

DYNAMIC = {"mountd 20048", "nlockmgr 32803", "status 32765", "rquotad 875"}


# A firewall (one of the lab's, or a rule), and the options of a target behind it.
ASKED: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("rest-dropped", {"export": "/export", "nfs_version": 3}),
    ("rest-dropped", {"export": "/export"}),
    ("rest-rejected", {"nfs_version": 3}),
    ("rest-refused", {"nfs_version": 3}),
    ("mountd-dropped", {"nfs_version": 3}),
    ("mountd-dropped", {}),
    ("locks-dropped", {"nfs_version": 3}),
    ("rpcbind-dropped", {"nfs_version": 3}),
    ("rpcbind-dropped", {}),
    ("rpcbind-rejected", {"nfs_version": 3}),
    ("all-but-nfs-dropped", {"nfs_version": 3}),
    ("rpcbind-tcp-dropped", {"export": "/export", "nfs_version": 3}),
    ("rpcbind-udp-dropped", {"export": "/export", "nfs_version": 3}),
    ("udp-dropped", {"export": "/export", "nfs_version": 3}),
    ("udp-rejected", {"export": "/export", "nfs_version": 3}),
    ("nfs-dropped", {}),
    ("tcp dport 2049 drop", {"export": "/export"}),
)
POLICIES = tuple(dict.fromkeys(policy for policy, _ in ASKED))

Behind = Callable[..., tuple[Report, str]]


@pytest.fixture(scope="module")
def behind(lab: Lab) -> Behind:
    """Climb behind every firewall; return a function that gives a target's report and the server's address.

    There is one server with one address for each firewall. All climbs run concurrently, because each dropped packet
    costs a timeout.
    """
    server = lab.nfs("both", "climbed", addresses=len(POLICIES))
    where = dict(zip(POLICIES, server.host.addresses, strict=True))

    async def every() -> list[Report]:
        plenty = Settings(timeout=PLENTY)
        climbs = (verify(target("nfs", where[policy], **options), plenty) for policy, options in ASKED)
        return await asyncio.gather(*climbs)

    rules = [firewall(name, to) if name in FIREWALLS else f"ip daddr {to} {name}" for name, to in where.items()]
    with lab.policy("\n".join(rules)):
        found = lab.agent.run(lambda: asyncio.run(every()))

    def look_up(policy: str, **options: Any) -> tuple[Report, str]:
        return found[ASKED.index((policy, options))], where[policy]

    return look_up


def asked(lab: Lab, server: Nfs, policy: str = "", **options: Any) -> Report:
    where = target("nfs", server.address, **options)
    with lab.policy(firewall(policy, server.address)) if policy else contextlib.nullcontext():
        return climb(where, lab.agent)


def rules(address: str, *ports: tuple[int, str]) -> set[str]:
    """The rules that a firewall is missing."""
    return {f"ip saddr 10.77.0.2 ip daddr {address} {transport} dport {port} accept" for port, transport in ports}


def test_everything_open_is_ready_and_nobody_logs_anything(lab: Lab) -> None:
    server = lab.nfs("both")
    before = server.log
    report = expect(asked(lab, server), Verdict.READY)
    assert report.facts["nfs_versions"] == ["3", "4.0", "4.1", "4.2"]
    assert {"20048/tcp", "20048/udp", "32803/tcp", "32803/udp", "32765/tcp", "32765/udp", "875/tcp", "875/udp"} <= set(
        report.facts["ports"]
    )
    assert server.log == before


THIRD_VERSION = ["both", "v3", "krb5", "no-lock", "no-quota", "no-statd", "tcp-only", "lock-over-udp", "other-paths"]


@pytest.mark.parametrize("variant", [*THIRD_VERSION, "unusual", "for-others"])
def test_what_rpcinfo_and_showmount_say(lab: Lab, variant: str) -> None:
    server = lab.nfs(variant)
    before = server.log
    report = asked(lab, server)
    assert server.log == before, "neither ganesha nor rpcbind nor statd has a word about it"
    listed = lab.agent.command(["rpcinfo", "-p", server.address]).stdout
    rows = re.findall(r"^ +(\d+) +(\d+) +(tcp|udp) +(\d+)", listed, re.MULTILINE)
    theirs = {f"{port}/{transport}" for program, _, transport, port in rows if int(program) != 100000}
    assert theirs - {"2049/tcp"} == set(report.facts["ports"]) - {"111/tcp", "111/udp"}
    assert f"rpcbind lists {len(rows)} registrations" in story(report)
    shown = lab.agent.command(["showmount", "-e", "--no-headers", server.address]).stdout
    assert {line.split()[0] for line in shown.splitlines()} == set(report.facts["exports"])


@pytest.mark.parametrize("variant", [*THIRD_VERSION, "v4-registered"])
def test_the_versions_are_those_that_rpcinfo_gets_an_answer_of(lab: Lab, variant: str) -> None:
    server = lab.nfs(variant)
    report = asked(lab, server)
    theirs = set()
    for version in ("2", "3", "4"):
        asking = ["rpcinfo", "-T", "tcp", server.address, "100003", version]
        if "ready and waiting" in lab.agent.command(asking).stdout:
            theirs.add(version)
    ours = report.facts.get("nfs_versions") or check_of(report, Step.HANDSHAKE).facts["nfs_versions"]
    assert theirs == {version.partition(".")[0] for version in ours}


@pytest.mark.parametrize("version", [None, 3, 4])
def test_an_export_that_may_be_read_is_scannable(lab: Lab, version: int | None) -> None:
    server = lab.nfs("both")
    before = server.log
    options: dict[str, Any] = {"nfs_version": version} if version else {}
    report = expect(asked(lab, server, export="/export", **options), Verdict.SCANNABLE)
    assert f"NFSv{3 if version == 3 else 4}" in check_of(report, Step.ACCESS).summary
    assert report.facts["source_port_below_1024"] is True
    if version == 4:
        assert report.footprint.connections == 1, "NFSv4 is one connection to one port"
    assert server.log == before


def test_pinned_ports_are_compared_with_those_of_rpcbind(lab: Lab) -> None:
    pinned = {"mountd_port": "20048", "nlockmgr_port": "32803", "status_port": "32765", "rquotad_port": "875"}
    expect(asked(lab, lab.nfs("both"), **pinned), Verdict.READY)
    expect(asked(lab, lab.nfs("both"), **{**pinned, "nlockmgr_port": "32769,32803"}), Verdict.READY)
    report = asked(lab, lab.nfs("both"), nlockmgr_port="32769", mountd_port="20048")
    expect(report, Verdict.LIMITED, "nfs.port-differs", step=Step.HANDSHAKE, owner=Owner.SERVER)
    detail = "rpcbind reports nlockmgr on port 32803, and the inventory says 32769 (`nlockmgr_port`)"
    assert detail in str(report.finding)


def test_a_server_of_version_4_alone_is_ready_without_rpcbind(lab: Lab) -> None:
    expect(asked(lab, lab.nfs("v4")), Verdict.READY)
    expect(asked(lab, lab.nfs("v4"), export="/export"), Verdict.SCANNABLE)
    expect(asked(lab, lab.nfs("v4-registered")), Verdict.READY)
    expect(asked(lab, lab.nfs("v4"), "all-but-nfs-dropped"), Verdict.READY)


def test_version_3_asked_of_a_server_of_version_4(lab: Lab) -> None:
    report = asked(lab, lab.nfs("v4"), nfs_version=3)
    expect(report, Verdict.BLOCKED, "nfs.version-not-offered", step=Step.HANDSHAKE, owner=Owner.SERVER)
    report = asked(lab, lab.nfs("v3"), nfs_version=4)
    expect(report, Verdict.BLOCKED, "nfs.version-not-offered", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_dynamic_ports_dropped_block_version_3(behind: Behind) -> None:
    """The check names the blocked ports in less than half its timeout; showmount hangs for 134 seconds (measured)."""
    report, address = behind("rest-dropped", export="/export", nfs_version=3)
    expect(report, Verdict.BLOCKED, "nfs.port-blocked", owner=Owner.NETWORK)
    assert report.seconds < PLENTY / 2
    _names_every_dynamic_port(address, report)


def test_dynamic_ports_dropped_limit_a_target_that_version_4_reaches(behind: Behind) -> None:
    report, address = behind("rest-dropped", export="/export")
    expect(report, Verdict.LIMITED, "nfs.port-blocked", owner=Owner.NETWORK)
    assert report.seconds < PLENTY / 2
    assert "over NFSv4" in check_of(report, Step.ACCESS).summary
    _names_every_dynamic_port(address, report)


def _names_every_dynamic_port(address: str, report: Report) -> None:
    assert report.finding is not None
    for name in DYNAMIC:
        for transport in ("tcp", "udp"):
            assert f"{name}/{transport}" in report.finding.detail
    ports = [(port, transport) for port in (20048, 32803, 32765, 875) for transport in ("tcp", "udp")]
    assert set(pasted(report.finding.fix).splitlines()) == rules(address, *ports)


@pytest.mark.parametrize(("query", "code", "verdict"), [("?version=3", 1, "blocked"), ("", 0, "limited")])
def test_dynamic_ports_dropped_by_the_command_line(lab: Lab, query: str, code: int, verdict: str) -> None:
    server = lab.nfs("both")
    command = ["check", f"nfs://{server.address}/export{query}", "--json"]
    command += ["--timeout", str(PLENTY)]
    with lab.policy(firewall("rest-dropped", server.address)):
        done = cli.scanready(lab.agent, *command)
    assert done.returncode == code, done.stderr
    (result,) = json.loads(done.stdout)["results"]
    assert result["seconds"] < PLENTY / 2
    assert (result["verdict"], result["cause"]["code"], result["cause"]["owner"]) == (
        verdict,
        "nfs.port-blocked",
        "network",
    )
    ports = [(port, transport) for port in (20048, 32803, 32765, 875) for transport in ("tcp", "udp")]
    assert set(pasted(result["cause"]["fix"]).splitlines()) == rules(server.address, *ports)


def test_rejected_ports_are_named_at_once(behind: Behind) -> None:
    report, address = behind("rest-rejected", nfs_version=3)
    expect(report, Verdict.BLOCKED, "nfs.port-blocked", owner=Owner.NETWORK)
    _names_every_dynamic_port(address, report)
    assert report.seconds < PLENTY / 2


def test_ports_reset_by_a_firewall_are_told_from_dead_services(behind: Behind) -> None:
    report, address = behind("rest-refused", nfs_version=3)
    expect(report, Verdict.LIMITED, "nfs.port-blocked", owner=Owner.NETWORK)  # mountd answers over UDP
    ports = [(port, "tcp") for port in (20048, 32803, 32765, 875)]
    assert report.finding is not None
    assert set(pasted(report.finding.fix).splitlines()) == rules(address, *ports)


@pytest.mark.parametrize(
    ("policy", "version", "verdict"),
    [
        ("mountd-dropped", 3, Verdict.BLOCKED),
        ("mountd-dropped", None, Verdict.LIMITED),
        ("locks-dropped", 3, Verdict.LIMITED),
        ("rpcbind-dropped", 3, Verdict.BLOCKED),
        ("rpcbind-dropped", None, Verdict.LIMITED),
        ("rpcbind-rejected", 3, Verdict.BLOCKED),
        ("all-but-nfs-dropped", 3, Verdict.BLOCKED),
    ],
)
def test_one_port_dropped(behind: Behind, policy: str, version: int | None, verdict: Verdict) -> None:
    report, _ = behind(policy, **({"nfs_version": version} if version else {}))
    expect(report, verdict, "nfs.port-blocked", owner=Owner.NETWORK, fix="accept")
    assert report.seconds < PLENTY / 2
    named = {"mountd-dropped": "20048/tcp", "locks-dropped": "32803/tcp"}.get(policy, "111/tcp")
    assert report.finding is not None
    assert named in report.finding.detail


@pytest.mark.parametrize("policy", ["rpcbind-tcp-dropped", "rpcbind-udp-dropped"])
def test_rpcbind_over_one_transport_is_enough(behind: Behind, policy: str) -> None:
    expect(behind(policy, export="/export", nfs_version=3)[0], Verdict.SCANNABLE)


def test_udp_alone_never_blocks(lab: Lab, behind: Behind) -> None:
    report, _ = behind("udp-dropped", export="/export", nfs_version=3)
    expect(report, Verdict.LIMITED, "nfs.udp-silent", owner=Owner.NETWORK, fix="udp dport")
    report, _ = behind("udp-rejected", export="/export", nfs_version=3)
    expect(report, Verdict.LIMITED, "nfs.port-blocked", owner=Owner.NETWORK, fix="udp dport")
    report = asked(lab, lab.nfs("lock-over-udp"), "udp-dropped", export="/export", nfs_version=3)
    expect(report, Verdict.LIMITED, "nfs.udp-silent", owner=Owner.NETWORK)


def test_the_port_itself_dropped(behind: Behind) -> None:
    report, _ = behind("nfs-dropped")
    expect(report, Verdict.BLOCKED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix="tcp dport 2049")


def test_the_port_dropped_over_tcp_alone(behind: Behind) -> None:
    """The requirement is "2049 (TCP or UDP)": NFSv3 can be mounted over UDP, and few clients try that."""
    report, _ = behind("tcp dport 2049 drop", export="/export")
    expect(report, Verdict.LIMITED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix="tcp dport 2049")
    assert "NFS answers over UDP" in story(report)
    assert "over NFSv3" in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize(
    ("variant", "with_3", "without", "code", "owner"),
    [
        ("stale", Verdict.LIMITED, Verdict.LIMITED, "nfs.stale-registration", Owner.SERVER),
        ("forgotten", Verdict.BLOCKED, Verdict.LIMITED, "nfs.not-registered", Owner.SERVER),
        ("no-lock", Verdict.LIMITED, Verdict.LIMITED, "nfs.not-registered", Owner.SERVER),
        ("denied", Verdict.BLOCKED, Verdict.LIMITED, "nfs.rpcbind-denied", Owner.SERVER),
    ],
)
def test_the_servers_own_faults(
    lab: Lab, variant: str, with_3: Verdict, without: Verdict, code: str, owner: Owner
) -> None:
    server = lab.nfs(variant)
    expect(asked(lab, server, nfs_version=3), with_3, code, owner=owner)
    expect(asked(lab, server, export="/export"), without, code, owner=owner)
    expect(asked(lab, server, nfs_version=4, export="/export"), Verdict.SCANNABLE)


def test_an_rpcbind_that_refuses_is_asked_once(lab: Lab) -> None:
    server = lab.nfs("denied")
    before = len(server.log)
    asked(lab, server)
    assert wait_until(lambda: "unauthorized host" in server.log[before:])
    assert server.log[before:].count("unauthorized host") == 1


@pytest.mark.parametrize("variant", ["no-quota", "no-statd", "tcp-only", "lock-over-udp", "other-paths"])
def test_what_a_scan_can_do_without(lab: Lab, variant: str) -> None:
    expect(asked(lab, lab.nfs(variant), export="/export"), Verdict.SCANNABLE)


@pytest.mark.parametrize("version", [3, 4])
def test_kerberos_alone(lab: Lab, version: int) -> None:
    for server, export in ((lab.nfs("both"), "/kerberos"), (lab.nfs("krb5"), "/export")):
        report = asked(lab, server, export=export, nfs_version=version)
        expect(report, Verdict.BLOCKED, "nfs.kerberos-only", owner=Owner.SERVER)
        assert report.finding_step in (Step.AUTH, Step.ACCESS)
        assert report.finding is not None
        assert "krb5" in report.finding.detail


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("export", ["/elsewhere", "/nosuch"])
def test_an_export_for_others_looks_like_none_here(lab: Lab, export: str, version: int) -> None:
    report = asked(lab, lab.nfs("both"), export=export, nfs_version=version)
    fix = f"{export} 10.77.0.2(ro,sync,no_subtree_check)"
    expect(report, Verdict.BLOCKED, "nfs.export-hidden", step=Step.ACCESS, owner=Owner.SERVER, fix=fix)


@pytest.mark.parametrize("variant", ["for-others", "v4-for-others"])
def test_a_server_that_has_nothing_for_this_agent(lab: Lab, variant: str) -> None:
    server = lab.nfs(variant)
    before = server.log
    report = asked(lab, server)
    expect(report, Verdict.LIMITED, "nfs.export-not-for-agent", step=Step.AUTH, owner=Owner.SERVER)
    assert server.log == before
    fix = "/export 10.77.0.2(ro,sync,no_subtree_check)"
    expect(asked(lab, server, export="/export"), Verdict.BLOCKED, "nfs.export-hidden", owner=Owner.SERVER, fix=fix)


@pytest.mark.parametrize("version", [None, 3, 4])
def test_an_export_that_takes_nobody_by_name(lab: Lab, version: int | None) -> None:
    """An export with sec=none maps every client to the anonymous user; the check uses AUTH_NONE and can scan it."""
    options: dict[str, Any] = {"nfs_version": version} if version else {}
    report = asked(lab, lab.nfs("unusual"), export="/anonymous", **options)
    expect(report, Verdict.SCANNABLE)


@pytest.mark.parametrize("version", [3, 4])
def test_a_directory_that_may_be_listed_and_not_entered(lab: Lab, version: int) -> None:
    report = asked(lab, lab.nfs("unusual"), export="/no-entry", nfs_version=version, uid=61001, gid=61001)
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER)
    assert "/no-entry" in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize("version", [3, 4])
def test_a_directory_that_everybody_lists_and_others_own(lab: Lab, version: int) -> None:
    """A squashed root can list the home directories and cannot read in them: the target is limited."""
    server = lab.nfs("unusual")
    before = server.log
    report = asked(lab, server, export="/homes", nfs_version=version, uid=0, gid=0)
    fix = "/homes 10.77.0.2(ro,sync,no_subtree_check,no_root_squash)"
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER, fix=fix)
    assert "may not read the first 2 entries" in check_of(report, Step.ACCESS).summary
    expect(asked(lab, server, export="/homes", nfs_version=version, uid=61001, gid=61001), Verdict.SCANNABLE)
    assert server.log == before


@pytest.mark.parametrize("version", [3, 4])
def test_a_directory_of_another_uid(lab: Lab, version: int) -> None:
    server = lab.nfs("both")
    report = asked(lab, server, export="/private", nfs_version=version, uid=0, gid=0)
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, fix="no_root_squash")
    expect(asked(lab, server, export="/private", nfs_version=version, uid=61001, gid=61001), Verdict.SCANNABLE)


def test_paths_that_only_one_version_knows(lab: Lab) -> None:
    server = lab.nfs("both")
    expect(asked(lab, server, export="/only-v3"), Verdict.SCANNABLE)
    expect(asked(lab, server, export="/only-v4"), Verdict.SCANNABLE)
    expect(asked(lab, lab.nfs("other-paths"), export="/srv/export"), Verdict.SCANNABLE)


def test_sessions_alone_are_our_limit(lab: Lab) -> None:
    server = lab.nfs("v4.1")
    expect(asked(lab, server), Verdict.READY)
    expect(asked(lab, server, export="/export"), Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS)


def test_a_process_without_privileges_says_so_and_does_not_blame_the_server(lab: Lab) -> None:
    server = lab.nfs("both")

    def unprivileged(export: str) -> str:
        script = [sys.executable, "-m", "scanready", "check", f"nfs://{server.address}{export}?version=3", "--json"]
        return lab.agent.command(["setpriv", "--bounding-set=-net_bind_service", *script]).stdout

    assert '"verdict":"scannable"' in unprivileged("/export")
    for output in (unprivileged("/reserved"), unprivileged("/elsewhere")):
        assert '"verdict":"undecided"' in output
        assert "nfs.unprivileged-port" in output


def test_over_ipv6(lab: Lab) -> None:
    server = lab.nfs("both")
    report = climb(target("nfs", server.address6, export="/export", nfs_version=3), lab.agent)
    expect(report, Verdict.SCANNABLE)


def test_a_hung_service_is_not_blocked_by_a_firewall(lab: Lab) -> None:
    server = lab.nfs("both")
    with server.paused("statd"):
        report = climb(target("nfs", server.address, export="/export"), lab.agent, timeout=6.0)
    assert report.verdict in (Verdict.LIMITED, Verdict.UNDECIDED), story(report)
    assert report.finding is not None
    assert report.finding.cause.code != "nfs.port-blocked"
    assert check_of(report, Step.ACCESS).outcome is Outcome.PASSED
