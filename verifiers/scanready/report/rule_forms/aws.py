"""Write firewall rules for an AWS security group."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from typing import Any

from scanready.remedies.quoting import plain
from scanready.report.look import Look
from scanready.report.rules import Rule

from .form import Form, without_condition


def permissions(rules: Sequence[Rule], look: Look) -> str:
    """Return the ``--ip-permissions`` of ``aws ec2 authorize-security-group-ingress``, for the group of the targets.

    Each protocol and port range occurs once, with all its sources. Conditional and unfit rules are left out, as JSON
    has no comments.
    """
    found: dict[tuple[str, int, int], dict[str, list[str]]] = {}
    for rule in rules:
        if not without_condition(rule):
            sources = found.setdefault((rule.transport, *rule.span), {})
            sources.setdefault(rule.source, []).append(f"{rule.host} {' '.join(rule.types)}")
    made = []
    for (transport, first, last), sources in found.items():
        permission: dict[str, Any] = {"IpProtocol": transport, "FromPort": first, "ToPort": last}
        for source, names in sources.items():
            kind, cidr = ("Ipv6Ranges", "CidrIpv6") if ":" in source else ("IpRanges", "CidrIp")
            about = plain("scan agent to " + " / ".join(dict.fromkeys(names)), 250)
            permission.setdefault(kind, []).append({cidr: str(ipaddress.ip_network(source)), "Description": about})
        made.append(permission)
    return json.dumps(made, indent=2) + "\n"


FORM = Form(permissions, "AWS security group", leaves_out=without_condition)
