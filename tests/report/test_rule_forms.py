"""Each form of firewall rules is valid in its language, with any names of hosts."""

from __future__ import annotations

import csv
import io
import ipaddress
import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.report.look import Look
from scanready.report.rule_forms import FORMS
from scanready.report.rules import Rule

AGENT = "10.0.1.5"
HOSTILE = Rule(AGENT, "10.0.0.1", "a\"; reboot\n'$(id)`\\\u202e’", "tcp", "445", ("smb",), "", "why\nso")
NAMED = Rule(AGENT, "db7", "db7", "tcp", "5432", ("postgresql",), "", "why")
CONDITIONAL = Rule("fd00::5", "fd00::9", "nas", "udp", "600-65535", ("nfs",), "NFSv3 and older\n-j DROP", "why")
SIX = Rule("fd00::5", "fd00::9", "nas", "tcp", "2049", ("nfs",))
RANGE = Rule(AGENT, "10.0.0.8", "win1", "tcp", "49152-65535", ("windows",))
ZONED = Rule("fe80::5", "fe80::9%eth0", "fe80::9%eth0", "tcp", "22", ("ssh",))
MIXED = Rule(AGENT, "fd00::9", "nas", "tcp", "22", ("ssh",))
SOURCELESS = Rule("AGENT", "10.0.0.9", "web2", "tcp", "22", ("ssh",))
RULES = [HOSTILE, NAMED, CONDITIONAL, SIX, RANGE, ZONED, MIXED, SOURCELESS]
NAMES = st.text(st.characters() | st.sampled_from("\"'`$\\\n\r;&|<>(){}[]!#%=-+@ \u2028\u202e\x00"), max_size=60)


def commands(text: str) -> Iterator[list[str]]:
    """Return the words of each command in a shell text; comments are left out."""
    for line in text.splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def iptables(rules: list[Rule], *chain: str) -> list[list[str]]:
    return list(commands(FORMS["iptables"].write(rules, Look(), *chain)))


def test_iptables_commands_are_the_words_of_the_manual() -> None:
    made = iptables(RULES)
    assert [words[0] for words in made] == ["iptables", "ip6tables", "iptables"]
    assert " ".join(made[0][1:13]) == "-I FORWARD -s 10.0.1.5/32 -d 10.0.0.1/32 -p tcp -m tcp --dport 445"
    assert " ".join(made[1][1:7]) == "-I FORWARD -s fd00::5/128 -d fd00::9/128"
    assert made[2][made[2].index("--dport") + 1] == "49152:65535"
    for words in made:
        assert len(words) == 19
        assert words[13:16:2] == ["-m", "--comment"]
        assert words[17:] == ["-j", "ACCEPT"]
        assert re.fullmatch(r"[\w ().:/@=+\[\]-]{1,100}", words[16])


def test_iptables_goes_into_the_chain_that_is_named() -> None:
    assert [words[2] for words in iptables([SIX], "INPUT")] == ["INPUT"]
    chain = FORMS["iptables"].chain
    assert chain is not None
    assert [chain.fits(name) for name in ("INPUT", "DOCKER-USER", "", "-j", "A B", "a;b", "ä")] == [True, True] + 5 * [
        False
    ]


@given(host=NAMES, when=NAMES, type_=NAMES)
def test_no_name_adds_a_word_to_a_command(host: str, when: str, type_: str) -> None:
    certain = Rule(AGENT, "10.0.0.1", host, "tcp", "22", (type_,))
    (words,) = iptables([certain])
    assert (len(words), words[0], words[-2:]) == (19, "iptables", ["-j", "ACCEPT"])
    assert not iptables([Rule(AGENT, "10.0.0.1", host, "tcp", "22", (type_,), when or "x")])
    assert not iptables([Rule(AGENT, host or "x", host, "tcp", "22", (type_,))])


def test_a_rule_that_cannot_be_loaded_is_a_comment_with_the_reason() -> None:
    lines = FORMS["iptables"].write(RULES, Look()).splitlines()
    reasons = [line for line in lines[3:] if line.startswith("# ")]
    for reason, start in zip(
        reasons,
        [
            "# its address is unknown (--resolve looks it up): iptables",
            "# only for NFSv3 and older_-j DROP: ip6tables",
            "# the address has an IPv6 zone",
            "# source and destination have different IP versions",
            "# the agent's address is unknown (set it with --source): iptables -I FORWARD -s AGENT-ADDRESS/32",
        ],
        strict=True,
    ):
        assert reason.startswith(start)


def template(rules: list[Rule]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FORMS["azure"].write(rules, Look()))
    return found


def test_azures_template_has_the_members_and_limits_that_azure_documents() -> None:
    """Members of ``Microsoft.Network/networkSecurityGroups/securityRules``; limits of a rule."""
    made = template(RULES)
    assert list(made) == ["$schema", "contentVersion", "metadata", "parameters", "resources"]
    assert made["metadata"]["description"].startswith("Save as rules.json, then: az deployment group create")
    assert [resource["properties"]["destinationPortRange"] for resource in made["resources"]] == [
        "445",
        "2049",
        "49152-65535",
    ]
    first = made["parameters"]["firstPriority"]
    assert 100 <= first["minValue"] <= first["defaultValue"] <= first["maxValue"] <= 4096
    for number, resource in enumerate(made["resources"]):
        assert resource["type"] == "Microsoft.Network/networkSecurityGroups/securityRules"
        name = re.fullmatch(r"\[concat\(parameters\('networkSecurityGroup'\), '/([\w.-]+\w)'\)\]", resource["name"])
        assert name
        assert len(name[1]) <= 80
        found = resource["properties"]
        assert found["priority"] == f"[add(parameters('firstPriority'), {number})]"
        assert first["maxValue"] + number <= 4096
        assert (found["direction"], found["access"], found["sourcePortRange"]) == ("Inbound", "Allow", "*")
        assert found["protocol"] in ("Tcp", "Udp")
        assert re.fullmatch(r"[\w ./:()@=+\[\]-]{1,140}", found["description"])
        assert not found["description"].startswith("["), "an expression of the template language"
        families = {
            ipaddress.ip_network(one).version
            for one in (found["sourceAddressPrefix"], *found["destinationAddressPrefixes"])
        }
        assert len(families) == 1, "Azure takes no rule of two families"


def test_azure_takes_many_hosts_in_one_rule() -> None:
    many = [Rule(AGENT, f"10.1.{n >> 8}.{n & 255}", f"h{n}", "tcp", "22", ("ssh",)) for n in range(2500)]
    made = template(many)["resources"]
    assert [len(one["properties"]["destinationAddressPrefixes"]) for one in made] == [1000, 1000, 500]
    assert len({one["name"] for one in made}) == 3


@given(host=NAMES)
def test_no_name_leaves_its_string_in_azures_template(host: str) -> None:
    (resource,) = template([Rule(AGENT, "10.0.0.1", host, "tcp", "22", ("ssh",))])["resources"]
    assert resource["properties"]["destinationAddressPrefixes"] == ["10.0.0.1/32"]
    assert resource["properties"]["description"].startswith("scan agent to ")


@pytest.mark.parametrize("name", ["aws", "azure"])
def test_a_form_without_comments_says_what_it_leaves_out(name: str) -> None:
    reason = FORMS[name].leaves_out
    assert reason is not None
    assert not reason(SIX)
    assert reason(CONDITIONAL).startswith("needed only for NFSv3")
    assert reason(ZONED).startswith("the address has an IPv6 zone")
    assert bool(reason(NAMED)) is (name == "azure"), "a security group of AWS needs no destination"


def test_no_cell_of_the_table_has_several_lines() -> None:
    text = FORMS["csv"].write(RULES, Look())
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == len(RULES) + 1 == text.count("\r\n")
    assert not any("\n" in cell or "\r" in cell for row in rows for cell in row)
    assert rows[1][-1] == "why so"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nftables", "# On the firewall, as a file for `nft -f`"),
        ("iptables", "# On the firewall, in a root shell:"),
        ("windows", "# Run each part on the host that it names, in an elevated PowerShell."),
    ],
)
def test_the_first_line_says_where_it_is_pasted(name: str, says: str) -> None:
    assert FORMS[name].write(RULES, Look()).splitlines()[0].startswith(says)
