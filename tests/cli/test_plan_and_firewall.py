"""`plan` and `firewall` list the same ports with the same conditions, for every target type."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scanready.run.registry import catalogue
from scanready.targets.db2 import verify as db2
from scanready.targets.informix import answers as informix
from scanready.targets.mssql import browser
from scanready.targets.sybase import verify as sybase
from scanready.targets.teradata import nodes
from tests.cli.in_process import call

#: Targets of types that have several ways to be reached, instead of the bare host.
SPECIAL = {
    "nfs": ("nfs://h/x", "nfs://h/x?version=3", "nfs://h/x?version=4"),
    "mssql": ("mssql://h", "mssql://h/HR", "mssql://h:1500/HR"),
    "http": ("http://h", "http://h?proxy=gate:3128"),
    "https": ("https://h", "https://h?proxy=gate:3128"),
    "ews": ("ews://h", "ews://h?autodiscover=true"),
    "cloud": ("cloud://s3",),
    "smb": ("smb://h/s",),
}
TARGETS = [target for row in catalogue() for target in SPECIAL.get(row.name, (f"{row.name}://h",))]
Port = tuple[str, str, str, str]


def planned(plan: Any) -> set[Port]:
    """Host, protocol, ports and condition of each port that a plan lists, without the detours."""
    found = {(row["host"], row["protocol"], str(row["port"]), "") for row in plan["endpoints"]}
    for row in plan["endpoints"]:
        found |= {(row["host"], one["protocol"], one["ports"], one["when"]) for one in row["further_ports"]}
    return found


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def permitted(rules: Any) -> set[Port]:
    return {(rule["host"], rule["transport"], _span(*rule["ports"]), rule["when"] or "") for rule in rules}


@pytest.mark.parametrize("account", ["", "svc@"])
@pytest.mark.parametrize("target", TARGETS)
def test_both_have_the_same_ports(target: str, account: str) -> None:
    text = target.replace("://", f"://{account}")
    plan, rules = call("plan", text, "--json"), call("firewall", text, "--json")
    assert (plan.exit_code, rules.exit_code) == (0, 0), plan.output + rules.output
    listed = json.loads(plan.output)
    contacted = {(row["host"], row["protocol"], str(row["port"])) for row in listed["endpoints"]}
    # A check contacts the target's own port whatever a scan needs it for.
    found = {(*port, "" if port in contacted else when) for *place, when in permitted(json.loads(rules.output)["rules"])
             for port in [tuple(place)]}  # fmt: skip
    assert planned(listed) == found


def test_every_type_is_compared() -> None:
    assert {target.partition("://")[0] for target in TARGETS} == set(catalogue().names)


def test_a_login_on_windows_needs_the_port_of_the_admin_share() -> None:
    rules = json.loads(call("firewall", "windows://svc@h", "--json").output)["rules"]
    (admin,) = [rule for rule in rules if rule["ports"] == [445, 445]]
    assert admin["when"] == "Windows Server 2003R2 and older, or the test of ADMIN$ after a login"


def test_a_proxy_is_the_endpoint() -> None:
    (row,) = json.loads(call("plan", "https://h?proxy=gate:3128", "--json").output)["endpoints"]
    assert (row["host"], row["port"], row["proxy_for"]) == ("gate", 3128, ["h"])
    assert "gate (proxy for h)" in call("plan", "https://h?proxy=gate:3128").output


@pytest.mark.parametrize(
    ("target", "ports"),
    [
        ("db2://h", {("tcp", str(db2.TLS_PORT))}),
        ("db2://h:50000", set()),
        ("sybase://h", {("tcp", str(port)) for port in sybase.USUAL_PORTS}),
        ("sybase://h:5000", set()),
        ("informix://h", {("tcp", str(informix.DRDA_PORT))}),
        ("teradata://h", {("tcp", str(nodes.HTTPS)), ("tcp", "1025")}),
        ("mssql://h", {("udp", str(browser.PORT)), ("tcp", "1024-65535")}),
        ("mssql://h/HR", set()),
        ("ews://h", set()),
        ("ews://h?autodiscover=true", {("tcp", "80"), ("tcp", "443")}),
        ("ssh://h", set()),
    ],
)
def test_the_plan_lists_the_contacts_of_special_cases(target: str, ports: set[tuple[str, str]]) -> None:
    (row,) = json.loads(call("plan", target, "--json").output)["endpoints"]
    assert {(one["protocol"], one["ports"]) for one in row["detours"]} == ports
    assert all(one["when"] in " ".join(call("plan", target).output.split()) for one in row["detours"])
