"""SMB before any login, against real Samba: the facts that smbclient, nmblookup and impacket tell, and a silent log."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from impacket.smbconnection import SMB_DIALECT, SessionError, SMBConnection
from impacket.spnego import MechTypes, SPNEGO_NegTokenInit

from fixtures.lab import samba
from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from fixtures.lab.samba import Samba
from fixtures.lab.samba_dc import SambaDC
from fixtures.limits import HANG
from scanready.model import Outcome, Owner, Report, Step, Verdict
from tests.ladder import PLENTY, account, check_of, climb, expect, passed, pasted, story, target

HEALTHY = [
    "smb3",
    "signing",
    "encrypted",
    "encrypted-gcm",
    "encrypted-share",
    "no-encryption",
    "smb2.1",
    "guest",
    "guest-always",
    "no-ntlm",
    "no-listing",
    "hidden-shares",
    "odd-shares",
    "dfs",
    "audited",
    "rpc",
]
NUMBERS = {"SMB 2.0.2": 0x0202, "SMB 2.1": 0x0210, "SMB 3.0": 0x0300, "SMB 3.0.2": 0x0302, "SMB 3.1.1": 0x0311}


def ready(lab: Lab, server: Samba | SambaDC, **more: Any) -> Report:
    return expect(climb(target("smb", server.hostname), lab.agent, **more), Verdict.READY)


def impackets(lab: Lab, server: Samba | SambaDC, dialect: object = None) -> dict[str, Any]:
    """Return the facts that impacket learns without an account, even where its anonymous login is refused."""

    def ask() -> dict[str, Any]:
        connection = SMBConnection(server.address, server.address, preferredDialect=dialect, timeout=HANG)
        inner = connection.getSMBServer()
        facts: dict[str, Any] = {"dialect": connection.getDialect()}
        if dialect is None:
            # impacket keeps the server's security mode from SMB 3 on; for SMB 2 it has only one flag: signing required.
            facts["mode"] = inner._Connection["ServerSecurityMode"] or (3 if inner._Connection["RequireSigning"] else 1)
            facts["guid"] = bytes(inner._Connection["ServerGuid"])
            offer = SPNEGO_NegTokenInit(inner._Connection["GSSNegotiateToken"])
            facts["mechanisms"] = [MechTypes[number].partition(" - ")[0] for number in offer["MechTypes"]]
        else:
            facts["mode"] = inner._dialects_parameters["SecurityMode"]
        with contextlib.suppress(SessionError):  # some servers refuse an anonymous login, after they sent their names
            connection.login("", "")
        facts["names"] = connection.getServerName(), connection.getServerDomain()
        if dialect is None:
            facts["dns"] = connection.getServerDNSHostName(), connection.getServerDNSDomainName()
        connection.close()
        return facts

    return dict(lab.agent.run(ask))


@pytest.mark.parametrize("variant", HEALTHY)
def test_our_facts_are_impackets(lab: Lab, variant: str) -> None:
    server = lab.samba(variant)
    facts, theirs = ready(lab, server).facts, impackets(lab, server)
    assert NUMBERS[facts["dialect"]] == theirs["dialect"]
    assert facts["signing"] == {1: "enabled", 3: "required"}[theirs["mode"]]
    assert facts["server_guid"].replace("-", "") != ""
    assert bytes.fromhex(_in_their_order(facts["server_guid"])) == theirs["guid"]
    assert (facts["netbios_name"], facts.get("domain", "")) == theirs["names"]
    assert facts["product"] == "Samba"
    assert theirs["mechanisms"] == ["NTLMSSP"]
    assert facts["auth_methods"] == ["NTLM"]
    assert abs(facts["clock_skew_seconds"]) <= 1


def _in_their_order(guid: str) -> str:
    """A GUID's first three fields are little endian."""
    first, second, third, *rest = guid.split("-")
    return "".join(bytes.fromhex(part)[::-1].hex() for part in (first, second, third)) + "".join(rest)


def test_a_domain_controllers_facts_are_impackets(lab: Lab) -> None:
    server = lab.samba_dc()
    facts, theirs = ready(lab, server).facts, impackets(lab, server)
    assert (facts["server_name"], facts["domain"]) == theirs["dns"]
    assert facts["netbios_name"] == theirs["names"][0]
    assert facts["signing"] == "required"
    assert theirs["mode"] == 3
    assert theirs["mechanisms"] == ["MS KRB5", "KRB5", "NTLMSSP"]
    assert facts["auth_methods"] == ["Kerberos", "NTLM"]


def smbclients(lab: Lab, server: Samba, *options: str) -> str:
    """Run smbclient without a user name; return its output and debug output."""
    command = ["smbclient", *samba.client(lab.directory), "-L", server.hostname, "-N", "-d", "5", *options]
    done = lab.agent.command(command)
    return done.stdout + done.stderr


@pytest.mark.parametrize("variant", HEALTHY)
def test_our_dialect_is_smbclients(lab: Lab, variant: str) -> None:
    server = lab.samba(variant)
    theirs = re.search(r"negotiated dialect\[(\w+)\]", smbclients(lab, server))
    assert theirs is not None
    ours = {"SMB3_11": "SMB 3.1.1", "SMB2_10": "SMB 2.1"}[theirs[1]]
    assert ready(lab, server).facts["dialect"] == ours
    assert (theirs[1] == "SMB2_10") is (variant == "smb2.1")


@pytest.mark.parametrize("variant", ["smb3", "signing", "encrypted", "encrypted-gcm", "no-encryption", "smb2.1"])
def test_our_cipher_is_that_of_a_session_of_smbclients(lab: Lab, variant: str) -> None:
    """The cipher equals the one that smbstatus lists on the server while smbclient's session lasts."""
    server = lab.samba(variant)
    login = ["-U", f"{server.user}%{PASSWORD}", "--client-protection=encrypt"]
    command = ["smbclient", *samba.client(lab.directory), f"//{server.hostname}/finance", *login]
    sessions = ""

    def listed() -> bool:
        nonlocal sessions
        sessions = server.administer("smbstatus -b")
        return server.user in sessions

    quiet: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(lab.agent.within(command), **quiet) as client:
        assert wait_until(lambda: listed() or client.poll() is not None)
        # A client that cannot encrypt is in the list, too, until it notices and leaves.
        stands = server.user in sessions and not wait_until(lambda: client.poll() is not None, 3)
        if stands:
            assert listed(), "once more: the first look may have come before the session was encrypted"
    cipher = ready(lab, server).facts["encryption"]
    assert stands is (cipher != "none"), "a client that must encrypt and cannot has no session"
    assert not stands or re.search(rf"{server.user} .*[ (]{cipher}[ )]", sessions), sessions


def test_our_names_are_nmblookups(lab: Lab) -> None:
    server = lab.samba("smb1")
    report = climb(target("smb", server.hostname), lab.agent)
    done = lab.agent.command(["nmblookup", *samba.client(lab.directory), "-A", server.address])
    theirs = re.findall(r"^\t(\S+)\s+<([0-9a-f]{2})> -", done.stdout, re.MULTILINE)
    names = next(check for check in report.checks if check.endpoint.endswith(":137/udp"))
    assert names.outcome is Outcome.PASSED
    assert names.summary == "NetBIOS names: " + ", ".join(f"{name}<{suffix.upper()}>" for name, suffix in theirs)
    assert report.facts["workgroup"] == samba.WORKGROUP


@pytest.mark.parametrize("variant", [*HEALTHY, "smb1"])
def test_a_ready_check_leaves_no_line_in_the_log(lab: Lab, variant: str) -> None:
    server = lab.samba(variant)
    before = server.log
    for depth in (Step.CONNECT, Step.HANDSHAKE, Step.AUTH, Step.ACCESS):
        report = climb(target("smb", server.hostname), lab.agent, depth=depth)
    assert report.footprint.login_attempts == report.footprint.probe_logins == 0
    impackets(
        lab, server, SMB_DIALECT if variant == "smb1" else None
    )  # a complete session after ours, so that ours is over
    logged = server.log[len(before) :]
    if variant == "audited":  # it logs impacket's anonymous logon, and none of ours
        assert logged.count("[NT_STATUS_OK]") == 1
    else:
        assert logged == ""


def test_one_connection(lab: Lab) -> None:
    report = ready(lab, lab.samba("smb3"))
    assert report.footprint.connections == 1, story(report)
    assert not [check for check in report.checks if "13" in check.endpoint.rpartition(":")[2]], "no NetBIOS"


def test_over_ipv6(lab: Lab) -> None:
    report = climb(target("smb", lab.samba("smb3").address6), lab.agent)
    expect(report, Verdict.READY)


# SMB 1


def test_smb1_only_is_limited_with_its_fix(lab: Lab) -> None:
    server = lab.samba("smb1")
    report = climb(target("smb", server.hostname), lab.agent)
    fix = "server min protocol = SMB2_02"
    expect(report, Verdict.LIMITED, "smb.smb1-only", step=Step.HANDSHAKE, owner=Owner.SERVER, fix=fix)
    assert report.facts["dialect"] == "SMB 1 (NT LM 0.12)"
    assert (report.facts["product"], report.facts["version"].partition("-")[0]) == ("Samba", _version(lab))
    theirs = impackets(lab, server, SMB_DIALECT)
    assert theirs["dialect"] == SMB_DIALECT
    assert (report.facts["signing"], theirs["mode"] & 0x0C) == ("disabled", 0)
    assert report.facts["netbios_name"] == theirs["names"][0]
    datagrams = next(check for check in report.checks if check.endpoint.endswith(":138/udp"))
    assert datagrams.outcome is Outcome.SKIPPED


def test_smb1_that_must_be_signed(lab: Lab) -> None:
    server = lab.samba("smb1-signing")
    report = climb(target("smb", server.hostname), lab.agent)
    expect(report, Verdict.LIMITED, "smb.smb1-only", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert (report.facts["signing"], impackets(lab, server, SMB_DIALECT)["mode"] & 0x0C) == ("required", 0x0C)


def _version(lab: Lab) -> str:
    return lab.agent.command(["smbd", "-V"]).stdout.split()[1].partition("-")[0]


# 139


@pytest.mark.parametrize("variant", ["smb3", "smb1"])
def test_139_where_it_is_asked_for(lab: Lab, variant: str) -> None:
    server = lab.samba(variant)
    report = climb(target("smb", server.hostname, samba.NETBIOS_SESSION), lab.agent)
    if variant == "smb1":
        expect(report, Verdict.LIMITED, "smb.smb1-only")
    else:
        expect(report, Verdict.READY)
    passed(report, Step.AUTH)
    assert report.facts["netbios_name"] == server.netbios_name


def test_nothing_but_139(lab: Lab) -> None:
    """A server that listens only on 139 (Windows 2000 and older, or Samba so configured) is blocked on 445."""
    server = lab.samba("netbios")
    report = climb(target("smb", server.hostname), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
    assert "139 answers as a NetBIOS session service" in check_of(report, Step.CONNECT).summary
    report = expect(climb(target("smb", server.hostname, samba.NETBIOS_SESSION), lab.agent), Verdict.READY)
    udp = {check.endpoint.rpartition(":")[2]: check.outcome for check in report.checks if "udp" in check.endpoint}
    assert udp == {"137/udp": Outcome.PASSED, "138/udp": Outcome.SKIPPED}
    assert "signing enabled" in check_of(report, Step.HANDSHAKE).summary


def test_names_that_a_firewall_keeps_are_skipped(lab: Lab) -> None:
    server = lab.samba("smb3")
    rules = f"ip daddr {server.address} udp dport {{137, 138}}"
    where = target("smb", server.hostname, samba.NETBIOS_SESSION)
    for what in ("drop", "reject with icmp type admin-prohibited"):
        with lab.policy(f"{rules} {what}"):
            report = expect(climb(where, lab.agent), Verdict.READY)
        assert [check.outcome for check in report.checks if check.endpoint.endswith("/udp")] == [Outcome.SKIPPED] * 2


@pytest.mark.parametrize(
    ("rule", "code", "owner"),
    [
        ("drop", "connect.filtered", Owner.NETWORK),
        ("reject with tcp reset", "connect.refused", Owner.SERVER),
        ("reject with icmp type admin-prohibited", "connect.rejected", Owner.NETWORK),
    ],
)
def test_a_closed_445_is_blocked_though_139_answers(lab: Lab, rule: str, code: str, owner: Owner) -> None:
    server = lab.samba("smb3")
    before = server.log
    with lab.policy(f"ip daddr {server.address} tcp dport {samba.SMB} {rule}"):
        report = climb(target("smb", server.hostname), lab.agent)
    expect(report, Verdict.BLOCKED, code, step=Step.CONNECT, owner=owner)
    look = check_of(report, Step.CONNECT)
    assert look.outcome is Outcome.SKIPPED
    assert look.endpoint.endswith(":139")
    assert "need 445: open that port" in look.summary
    assert server.log == before


def test_both_closed(lab: Lab) -> None:
    server = lab.samba("smb3")
    with lab.policy(f"ip daddr {server.address} tcp dport {{139, 445}} drop"):
        report = climb(target("smb", server.hostname), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.filtered", fix=f"ip daddr {server.address} tcp dport 445 accept")
    assert report.seconds < PLENTY / 2, "a host that is off does not cost the whole time"


def test_a_server_that_cannot_ask_its_dns(lab: Lab) -> None:
    """Samba looks its own name up before it answers, and again before the login: 4.0 s each (measured with 4.17).

    In 7 s, half of which are for the first answer, it is too slow. In 10 s it would have 4.0 s, a draw.
    """
    lab.dns()
    server = lab.samba("smb3", label="samba-asking")  # a new one: a shared server may know names already
    with lab.policy(f"ip saddr {server.address} udp dport 53 drop"):
        report = climb(target("smb", server.hostname), lab.agent, timeout=7.0)
    expect(report, Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert report.finding is not None
    assert "Samba waits like this if its own DNS servers do not answer" in report.finding.detail
    assert "DNS servers" in report.finding.cause.remedy
    assert ready(lab, server)


# Denied addresses and ways to log in


def test_the_agent_is_on_the_list_of_those_denied(lab: Lab) -> None:
    server = lab.samba("host-denied")
    for port in (samba.SMB, samba.NETBIOS_SESSION):
        report = climb(target("smb", server.hostname, port), lab.agent)
        fix = f"hosts allow = {lab.agent.address}"
        expect(report, Verdict.BLOCKED, "smb.host-denied", step=Step.HANDSHAKE, owner=Owner.SERVER, fix=fix)
        assert report.footprint.connections == 1
    assert f"Denied connection from {lab.agent.address}" in server.log


def test_a_share_without_a_credential_is_ready_and_not_touched(lab: Lab) -> None:
    server = lab.samba("audited")
    before = server.log
    report = climb(target("smb", server.hostname, share="no-such-share"), lab.agent)
    expect(report, Verdict.READY)
    assert check_of(report, Step.ACCESS).outcome is Outcome.SKIPPED
    assert server.log == before


# A DFS link


def test_a_link_leads_to_a_server_that_answers(lab: Lab) -> None:
    where = target(
        "smb", lab.samba("dfs").hostname, credential=account("scanuser"), share="namespace", path="finance/2026"
    )
    report = climb(where, lab.agent)
    behind = lab.samba("smb3").hostname
    fix = f"smb://{behind}/finance?path=2026"
    expect(report, Verdict.UNDECIDED, "smb.dfs-elsewhere", step=Step.ACCESS, owner=Owner.OPERATOR, fix=fix)
    passed(report, Step.LOGIN, Step.HANDSHAKE)
    assert check_of(report, Step.HANDSHAKE).endpoint == f"{behind}:445"
    assert report.footprint.login_attempts == 1


@pytest.mark.parametrize(("path", "rule"), [("gone", ""), ("finance", "drop"), ("finance", "reject with tcp reset")])
def test_a_link_leads_to_a_server_out_of_reach(lab: Lab, path: str, rule: str) -> None:
    behind = lab.samba("smb3")
    where = target("smb", lab.samba("dfs").hostname, credential=account("scanuser"), share="namespace", path=path)
    with lab.policy(f"ip daddr {behind.address} tcp dport 445 {rule}" if rule else ""):
        report = climb(where, lab.agent)
    expect(report, Verdict.BLOCKED, "smb.dfs-target-unreachable", step=Step.ACCESS, owner=Owner.NETWORK)
    if rule == "drop":
        assert report.finding is not None
        assert (
            pasted(report.finding.fix) == f"ip saddr {lab.agent.address} ip daddr {behind.address} tcp dport 445 accept"
        )


# Commands that show the same


@pytest.mark.parametrize(
    ("variant", "shows"),
    [
        ("smb1", "-m SMB3 fails"),
    ],
)
def test_smb1_only_is_confirmed_by_hand(lab: Lab, variant: str, shows: str) -> None:
    server = lab.samba(variant)
    report = climb(target("smb", server.hostname), lab.agent)
    assert report.cause is not None
    assert shows in report.cause.confirm
    ask: Callable[..., str] = lambda *more: smbclients(lab, server, *more)  # noqa: E731
    assert "Sharename" in ask("-m", "NT1", "--option", "client min protocol=NT1")
    assert "NT_STATUS_CONNECTION_" in ask("-m", "SMB3")
