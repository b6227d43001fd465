"""Write rules for the Windows firewall of each target."""

from __future__ import annotations

from collections.abc import Sequence

from scanready.remedies.fixes import Fix, on_target
from scanready.remedies.quoting import HOST, PORTS, POWERSHELL_TEXT, Place, plain
from scanready.report.look import Look
from scanready.report.rules import Rule

from .form import Form, unfit

_PERMIT_INBOUND = Fix(
    "New-NetFirewallRule -DisplayName {name} -Direction Inbound -Action Allow "
    "-Protocol {transport} -LocalPort {ports} -RemoteAddress {agent}",
    at=on_target("in an elevated PowerShell"),
    name=POWERSHELL_TEXT,
    transport=Place("TCP", lambda text: text.upper() if text in ("tcp", "udp") else None),
    ports=PORTS,
    agent=HOST.called("AGENT-ADDRESS"),
)


def commands(rules: Sequence[Rule], look: Look) -> str:
    """Return ``New-NetFirewallRule`` commands for each target, to be run there as an administrator."""
    lines = ["# Run each part on the host that it names, in an elevated PowerShell."]
    for host in dict.fromkeys(rule.host for rule in rules):
        host_rules = [rule for rule in rules if rule.host == host]
        lines += ["", f"# on {plain(host)}"]
        for rule in host_rules:
            name = plain(f"Scan agent {rule.source} {' '.join(rule.types)} {rule.transport} {rule.ports}")
            text = _PERMIT_INBOUND.line(name=name, transport=rule.transport, ports=rule.ports, agent=rule.source)
            reason = unfit(rule) or (f"only for {plain(rule.when)}" if rule.when else "")
            lines.append(f"# {reason}: {text}" if reason else text)
    return "\n".join([*lines, ""])


FORM = Form(commands, "Windows PowerShell")
