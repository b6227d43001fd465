"""The rules that a target needs follow from the catalogue, its options and its result; each form writes them."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from scanready.catalogue import Seen
from scanready.model import Step, Target
from scanready.remedies.quoting import plain
from scanready.report.endpoints import where
from scanready.report.look import Look
from scanready.report.rule_forms import FORMS
from scanready.report.rules import Rule, best_source, merged, rules, rules_of_result
from scanready.report.serialize import as_object
from tests.ladder import TYPES
from tests.report.reports import blocked

#: The ports that rpcbind may assign to a program without a pinned port.
ASSIGNED = "600-65535"
AGENT = "10.0.1.5"


def of(target: Target, known: Seen | None = None) -> list[Rule]:
    return rules(target, lambda _: AGENT, known)


def ports(found: list[Rule], *, conditional: bool = False) -> set[str]:
    return {f"{rule.transport} {rule.ports}" for rule in found if bool(rule.when) is conditional}


def test_every_condition_of_the_requirements_can_be_decided() -> None:
    lines = [(row, line) for row in TYPES for line in row.requirements.lines]
    assert len({line.when.text for _, line in lines}) > 3
    for row, line in lines:
        assert line.when.holds(Target("h", row.name, row.port), Seen()) in (True, False, None)


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row.name)
def test_every_type_has_its_own_port_first(row: Any) -> None:
    found = of(Target("10.0.0.7", row.name, row.port))
    assert (found[0].transport, found[0].ports) == ("tcp", str(row.port))
    assert all(rule.source == AGENT and rule.destination == "10.0.0.7" and rule.why for rule in found)


def test_a_port_of_its_own_wins() -> None:
    assert ports(of(Target("db7", "postgresql", 5433))) == {"tcp 5433"}


def test_windows_takes_the_new_range_for_granted_and_the_old_one_under_a_condition() -> None:
    found = of(Target("10.0.0.7", "windows", 135))
    assert ports(found) == {"tcp 135", "tcp 49152-65535"}
    assert ports(found, conditional=True) == {"tcp 139", "tcp 445", "tcp 1024-65535"}
    assert {rule.when for rule in found} == {"", "Windows Server 2003R2 and older"}


@pytest.mark.parametrize(
    ("version", "certain"),
    [("10.0.17763", {"tcp 135", "tcp 49152-65535"}), ("5.2.3790", {"tcp 135", "tcp 139", "tcp 445", "tcp 1024-65535"})],
)
def test_windows_that_tells_its_version_leaves_no_condition(version: str, certain: set[str]) -> None:
    found = of(Target("10.0.0.7", "windows", 135), Seen(facts={"version": version}))
    assert ports(found) == certain
    assert not ports(found, conditional=True)


def test_nfs_by_version() -> None:
    broker = {"udp 2049", "tcp 111", "udp 111", f"tcp {ASSIGNED}", f"udp {ASSIGNED}"}
    assert ports(of(Target("nas", "nfs", 2049, {"nfs_version": "4"}))) == {"tcp 2049"}
    assert ports(of(Target("nas", "nfs", 2049, {"nfs_version": 3}))) == {"tcp 2049"} | broker
    assert ports(of(Target("nas", "nfs", 2049)), conditional=True) == broker


def test_nfs_names_what_rpcbind_told() -> None:
    found = [("nas", 111, "tcp"), ("nas", 20048, "tcp"), ("nas", 32803, "tcp"), ("nas", 32803, "udp")]
    known = Seen(("10.0.0.9", "fd00::9"), (("10.0.0.9", 2049, "tcp"), *found))
    rules_ = of(Target("nas", "nfs", 2049), known)
    assert ports(rules_) == {"tcp 2049", "udp 2049", "tcp 111", "udp 111", "tcp 20048", "tcp 32803", "udp 32803"}
    assert {rule.destination for rule in rules_} == {"10.0.0.9", "fd00::9"}


def test_nfs_over_udp_is_on_the_target_s_own_port() -> None:
    assert "udp 20490" in ports(of(Target("nas", "nfs", 20490, {"nfs_version": 3})))


def test_a_server_of_version_4_only_needs_one_port() -> None:
    """Some register with rpcbind for convenience; then 111 answered."""
    found = (("nas", 2049, "tcp"), ("nas", 111, "tcp"), ("nas", 111, "udp"), ("nas", 2049, "udp"))
    known = Seen(("10.0.0.9",), found, {"nfs_versions": ["4.1", "4.2"]})
    assert ports(of(Target("nas", "nfs", 2049), known)) == {"tcp 2049"}
    assert not ports(of(Target("nas", "nfs", 2049), known), conditional=True)


def test_ports_that_are_pinned_stand_for_the_range() -> None:
    some = {"nfs_version": 3, "mountd_port": "20048"}
    assert {"tcp 20048", "udp 20048", f"tcp {ASSIGNED}"} <= ports(of(Target("nas", "nfs", 2049, some)))
    all_ = {**some, "nlockmgr_port": "32803,32769", "status_port": "32765", "rquotad_port": "875"}
    found = ports(of(Target("nas", "nfs", 2049, all_)))
    assert {"tcp 32803", "tcp 32769", "udp 875"} <= found
    assert f"tcp {ASSIGNED}" not in found
    known = Seen(("10.0.0.9",), (("nas", 111, "tcp"), ("nas", 30000, "tcp")), {"nfs_versions": ["3"]})
    assert "tcp 30000" in ports(of(Target("nas", "nfs", 2049, all_), known)), "what was found counts"
    assert "tcp 32803" not in ports(of(Target("nas", "nfs", 2049, all_), known))


def test_wmi_with_a_fixed_port_needs_no_dynamic_one() -> None:
    found = of(Target("10.0.0.7", "windows", 135, {"wmi_port": 24158}), Seen(facts={"version": "10.0.17763"}))
    assert ports(found) == {"tcp 135", "tcp 24158"}


def test_the_console_needs_80_only_without_443() -> None:
    console = Target("er", "console", 443)
    assert ports(of(console)) == {"tcp 443"}
    assert ports(of(console), conditional=True) == {"tcp 80"}
    answered = Seen(("10.0.0.3",), (("10.0.0.3", 443, "tcp"),))
    assert ports(of(console, answered)) == {"tcp 443"}
    assert not ports(of(console, answered), conditional=True)


def test_a_named_instance_needs_the_browser_and_its_port() -> None:
    target = Target("sql1", "mssql", 1433, {"instance": "HR"})
    assert ports(of(target)) == {"udp 1434", "tcp 49152-65535"}
    known = Seen(("10.0.0.3",), (("sql1", 1434, "udp"), ("10.0.0.3", 50123, "tcp")))
    assert ports(of(target, known)) == {"udp 1434", "tcp 50123"}


def test_a_redirect_leads_to_a_rule_of_its_own() -> None:
    known = Seen(("10.0.0.3",), (("10.0.0.3", 1521, "tcp"), ("10.0.0.4", 1522, "tcp")))
    found = of(Target("ora1", "oracle", 1521), known)
    assert [(rule.destination, rule.ports) for rule in found] == [("10.0.0.3", "1521"), ("10.0.0.4", "1522")]
    assert found[1].why == "ora1 redirects to it"


def test_a_proxy_stands_in_for_the_target() -> None:
    found = of(Target("intranet", "https", 443, {"proxy": "http://user@proxy.corp:3128"}))
    assert [(rule.destination, rule.ports) for rule in found] == [("proxy.corp", "3128")]


def test_types_that_need_the_same_share_a_rule_and_certain_beats_conditional() -> None:
    one = Rule(AGENT, "10.0.0.1", "fs", "tcp", "445", ("windows",), "Windows Server 2003R2 and older", "why 1")
    other = Rule(AGENT, "10.0.0.1", "fs", "tcp", "445", ("smb",), "", "why 2")
    assert merged([one, other]) == [Rule(AGENT, "10.0.0.1", "fs", "tcp", "445", ("windows", "smb"), "", "why 2")]


def test_the_source_is_of_the_destinations_family() -> None:
    assert best_source(("10.0.1.5", "fd00::5"), "fd00::9") == "fd00::5"
    assert best_source(("10.0.1.5",), "fd00::9") == "10.0.1.5"
    assert best_source((), "db7") == "AGENT"


def test_the_rules_of_a_result() -> None:
    report = blocked("db7")
    assert report.finding_step is Step.CONNECT
    found = rules_of_result(as_object(report))
    assert [rule.sentence for rule in found] == ["permit tcp from 10.0.1.5 to 10.0.0.7 (db7) port 5432"]


HOSTILE = Rule(AGENT, "10.0.0.1", "a\"; drop\n'$(id)`\u202e’", "tcp", "445", ("smb",), "", "=why")
NAMED = Rule(AGENT, "db7", "db7", "tcp", "5432", ("postgresql",), "", "why")
SIX = Rule("fd00::5", "fd00::9", "nas", "udp", "600-65535", ("nfs",), "NFSv3 and older", "why")
RULES = [HOSTILE, NAMED, SIX]


def test_nftables_has_nothing_but_rules_and_comments() -> None:
    text = FORMS["nftables"].write(RULES, Look(), "inet other input")
    assert "table inet other {\n  chain input {" in text
    lines = [line.strip() for line in text.splitlines() if "dport" in line]
    assert re.fullmatch(
        r'ip saddr 10\.0\.1\.5 ip daddr 10\.0\.0\.1 tcp dport 445 accept comment "[\w ().=/+@:-]*"', lines[0]
    )
    assert lines[1].startswith("# its address is unknown")
    assert lines[2].startswith(
        "# only for NFSv3 and older: ip6 saddr fd00::5 ip6 daddr fd00::9 udp dport 600-65535 accept"
    )


ZONED = Rule("fe80::5", "fe80::9%eth0", "fe80::9%eth0", "tcp", "22", ("ssh",), "", "why")
FROM_A_ZONE = Rule("fe80::5%eth0", "10.0.0.9", "web1", "tcp", "22", ("ssh",), "", "why")
MIXED = Rule(AGENT, "fd00::9", "nas", "tcp", "22", ("ssh",), "", "why")
SOURCELESS = Rule("AGENT", "10.0.0.9", "web2", "tcp", "22", ("ssh",), "", "why")
UNFIT = [ZONED, FROM_A_ZONE, MIXED, SOURCELESS]
REASONS = [
    "the address has an IPv6 zone",
    "the address has an IPv6 zone",
    "source and destination have different IP versions",
    "the agent's address is unknown",
]


def test_a_rule_that_no_firewall_takes_is_a_comment_with_the_reason() -> None:
    lines = [line.strip() for line in FORMS["nftables"].write(UNFIT, Look()).splitlines() if "dport" in line]
    assert lines[0] == (
        "# the address has an IPv6 zone, which is valid on one host only: "
        'ip6 saddr fe80::5 ip6 daddr fe80::9 tcp dport 22 accept comment "fe80::9_eth0 ssh"'
    )
    windows = [line for line in FORMS["windows"].write(UNFIT, Look()).splitlines() if "New-NetFirewallRule" in line]
    for made in (lines, windows):
        assert [line.startswith(f"# {reason}") for line, reason in zip(made, REASONS, strict=True)] == [True] * 4
    assert json.loads(FORMS["aws"].write(UNFIT, Look())) == []
    rows = csv.DictReader(io.StringIO(FORMS["csv"].write(UNFIT, Look()), newline=""))
    for row, reason in zip(rows, REASONS, strict=True):
        assert row["reason"].startswith(f"why; {reason}")
    for chain, address in (("ip filter forward", "fd00::9"), ("ip6 filter forward", "10.0.0.1")):
        six = Rule("fd00::5", "fd00::9", "nas", "tcp", "22", ("ssh",))
        lines = [line.strip() for line in FORMS["nftables"].write([HOSTILE, six], Look(), chain).splitlines()]
        (comment,) = [line for line in lines if line.startswith("# a table of the family ip")]
        assert address in comment
    assert "2 rules that no firewall accepts: the address has" in FORMS["table"].write(UNFIT, Look())


def test_windows_quotes_what_is_not_ours() -> None:
    lines = FORMS["windows"].write(RULES, Look()).splitlines()
    made = [line for line in lines if line.startswith("New-NetFirewallRule")]
    assert len(made) == 2
    for line in made:
        assert re.fullmatch(
            r"New-NetFirewallRule -DisplayName '[\w ./:-]+' -Direction Inbound -Action Allow -Protocol TCP "
            r"-LocalPort \d+ -RemoteAddress 10\.0\.1\.5",
            line,
        )
    assert all(line.startswith(("#", "New-NetFirewallRule")) or not line for line in lines)
    assert any(line.startswith("# only for NFSv3 and older: New-NetFirewallRule") for line in lines)


def test_aws_permissions_have_the_shape_of_the_api() -> None:
    """Members and patterns of IpPermission, IpRange and Ipv6Range in the EC2 API."""
    certain = Rule("fd00::5", "fd00::9", "nas", "tcp", "2049", ("nfs",))
    permissions = json.loads(FORMS["aws"].write([*RULES, certain], Look()))
    assert [(one["IpProtocol"], one["FromPort"], one["ToPort"]) for one in permissions] == [
        ("tcp", 445, 445),
        ("tcp", 5432, 5432),
        ("tcp", 2049, 2049),
    ]
    assert permissions[0]["IpRanges"][0]["CidrIp"] == "10.0.1.5/32"
    assert permissions[2]["Ipv6Ranges"][0]["CidrIpv6"] == "fd00::5/128"
    for one in permissions:
        for entry in one.get("IpRanges", []) + one.get("Ipv6Ranges", []):
            assert re.fullmatch(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}", entry["Description"])


def test_csv_and_json_say_the_condition() -> None:
    rows = list(csv.DictReader(io.StringIO(FORMS["csv"].write(RULES, Look()), newline="")))
    assert [row["condition"] for row in rows] == ["", "", "NFSv3 and older"]
    assert rows[0]["reason"] == "'=why"
    objects = json.loads(FORMS["json"].write(RULES, Look()))["rules"]
    assert objects[2]["ports"] == [600, 65535]
    assert (objects[1]["resolved"], objects[1]["when"], objects[2]["when"]) == (False, None, "NFSv3 and older")


def test_the_table_says_what_is_missing() -> None:
    text = FORMS["table"].write(RULES, Look())
    assert text.isprintable() or all(char.isprintable() or char == "\n" for char in text)
    assert "names without an address: db7" in text
    assert "only for NFSv3 and older" in text


def test_plain_leaves_nothing_that_a_console_acts_on() -> None:
    assert set(plain("".join(map(chr, range(0x300))))) <= set(
        "_ ./:()@=+[]-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    )


def test_a_cloud_is_its_endpoints_and_what_a_run_found_of_each() -> None:
    target = Target("sharepoint", "cloud", 443, {"tenant": "contoso"})
    names = ["login.microsoftonline.com", "contoso.sharepoint.com", "graph.microsoft.com"]
    assert [place.host for place in where(target)] == names
    checks = [
        {"step": "resolve", "endpoint": name, "outcome": "passed", "facts": {"addresses": [f"20.0.0.{number}"]}}
        for number, name in enumerate(names, 1)
    ]
    result = {
        "target": {"host": "sharepoint", "type": "cloud", "port": 443, "options": {"tenant": "contoso"}},
        "agent": {"addresses": ["10.0.1.5"]},
        "checks": checks,
        "facts": {},
    }
    found = rules_of_result(result)
    assert [(rule.host, rule.destination, rule.ports, rule.source) for rule in found] == [
        (name, f"20.0.0.{number}", "443", "10.0.1.5") for number, name in enumerate(names, 1)
    ]


def test_a_cloud_behind_a_proxy_is_the_proxy() -> None:
    target = Target("sharepoint", "cloud", 443, {"tenant": "contoso", "proxy": "proxy.corp:3128"})
    found = merged(rule for place in where(target) for rule in rules(place, lambda _: "10.0.1.5"))
    assert [(rule.destination, rule.ports) for rule in found] == [("proxy.corp", "3128")]


def test_the_update_server_is_the_masters() -> None:
    (rule,) = rules(Target("updates.example", "update", 8843), lambda _: "10.0.1.5")
    assert rule.when == "the Master Server, and only if updates are not copied manually"
