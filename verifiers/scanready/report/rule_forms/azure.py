"""Write firewall rules for an Azure network security group, as a Resource Manager template.

Each rule is a separate resource below an existing group, so a deployment adds the rules and does not change the other
rules of the group. The limits are those that Azure documents: a priority is 100 to 4096 and unique in its direction, a
description has at most 140 characters, a name at most 80.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanready.remedies.quoting import plain
from scanready.report.look import Look
from scanready.report.rules import Rule

from .form import Form, without_condition

_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
_TYPE, _VERSION = "Microsoft.Network/networkSecurityGroups/securityRules", "2020-11-01"
_WHERE = (
    "Save as rules.json, then: az deployment group create --resource-group RESOURCE-GROUP --template-file rules.json "
    "--parameters networkSecurityGroup=NAME"
)
_GROUP, _FIRST = "networkSecurityGroup", "firstPriority"
_DESCRIPTION = 140
#: The most addresses of one rule; Azure allows 4000 in all rules of a group.
_MOST_ADDRESSES = 1000
_LOWEST, _HIGHEST, _USUAL = 100, 4096, 1000

_Key = tuple[str, str, str]  # transport, ports, source


def template(rules: Sequence[Rule], look: Look) -> str:
    """Return the template: one rule for each protocol, port range and source, with every destination.

    Conditional and unfit rules, and rules without an address, are left out, as JSON has no comments.
    """
    resources = [_resource(number, *grouped) for number, grouped in enumerate(_groups(rules))]
    document = {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "metadata": {"description": _WHERE},
        "parameters": {
            _GROUP: {"type": "string"},
            _FIRST: {
                "type": "int",
                "defaultValue": _USUAL,
                "minValue": _LOWEST,
                "maxValue": max(_LOWEST, _HIGHEST - len(resources) + 1),
            },
        },
        "resources": resources,
    }
    return json.dumps(document, indent=2) + "\n"


def _left_out(rule: Rule) -> str:
    return without_condition(rule) or ("" if rule.resolved else "its address is unknown (--resolve looks it up)")


def _groups(rules: Sequence[Rule]) -> Iterator[tuple[_Key, Mapping[str, list[str]]]]:
    """Yield the destinations of each protocol, port range and source, each with its names."""
    found: dict[_Key, dict[str, list[str]]] = {}
    for rule in rules:
        if not _left_out(rule):
            destinations = found.setdefault((rule.transport, rule.ports, rule.source), {})
            destinations.setdefault(rule.destination, []).append(f"{rule.host} {' '.join(rule.types)}")
    for key, destinations in found.items():
        every = list(destinations)
        for at in range(0, len(every), _MOST_ADDRESSES):
            yield key, {address: destinations[address] for address in every[at : at + _MOST_ADDRESSES]}


def _resource(number: int, key: _Key, destinations: Mapping[str, list[str]]) -> dict[str, Any]:
    transport, ports, source = key
    names = dict.fromkeys(name for several in destinations.values() for name in several)
    return {
        "type": _TYPE,
        "apiVersion": _VERSION,
        "name": f"[concat(parameters('{_GROUP}'), '/scan-agent-{number + 1}-{transport}-{ports}')]",
        "properties": {
            "description": plain(f"scan agent to {' / '.join(names)}", _DESCRIPTION),
            "priority": f"[add(parameters('{_FIRST}'), {number})]",
            "direction": "Inbound",
            "access": "Allow",
            "protocol": {"tcp": "Tcp", "udp": "Udp"}[transport],
            "sourceAddressPrefix": str(ipaddress.ip_network(source)),
            "sourcePortRange": "*",
            "destinationAddressPrefixes": [str(ipaddress.ip_network(address)) for address in destinations],
            "destinationPortRange": ports,
        },
    }


FORM = Form(template, "Azure network security group", leaves_out=_left_out)
