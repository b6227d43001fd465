"""Check the Master Server's requirements from this host: the path to it, and on the Master its listening ports.

Node and Proxy Agents connect to the Master's port 11117, and the Master to port 8843 of the update server. Both are
checked like any target. The Master cannot test connections from other hosts, which cross its firewall and the network.
It can read in the kernel's table whether a service listens, and whether it listens only on loopback.
"""

from __future__ import annotations

import dataclasses
import ipaddress

from scanready.catalogue import TargetType
from scanready.causes import agent as causes
from scanready.causes import common
from scanready.model import Facts, Target, Verdict
from scanready.run.engine import Run
from scanready.run.registry import catalogue

from . import proc
from .question import Answer, Line
from .request import Asked


async def way_there(asked: Asked) -> list[Answer]:
    """Check an agent's path to the Master."""
    answers: list[Answer] = []
    if asked.master is None:
        with Line("path to the Master", answers) as line:
            line.skip("not checked: no Master is named; use --master HOST, or `agent: {master: HOST}` in the inventory")
        return answers
    return await _climb(asked, asked.master, "path to the Master")


async def way_to_updates(asked: Asked) -> list[Answer]:
    """Check the Master's path to the update server, which the requirements call optional."""
    answers: list[Answer] = []
    if asked.update is None:
        with Line("way to updates", answers) as line:
            line.skip("not checked: the requirements do not name the update server; use --update-server HOST")
        return answers
    return await _climb(asked, asked.update, "way to updates")


async def _climb(asked: Asked, target: Target, subject: str) -> list[Answer]:
    answers: list[Answer] = []
    with Line(subject, answers, target) as line:
        async with Run(dataclasses.replace(asked.settings, agent=asked.agent)) as run:
            report = await run.verify(target)
        steps = {check.step.value: check.outcome.value for check in report.checks}
        facts = {"target": str(target), "verdict": report.verdict.value, "reached": report.reached, "steps": steps}
        finding = report.finding
        if finding is None:
            told = [check.summary for check in report.checks if check.step is report.reached]
            line.ok(f"{target}: {told[0] if told else report.verdict}", **facts)
        elif report.verdict is Verdict.LIMITED:
            line.warn(finding.cause, f"{target}: {finding.detail}", finding.fix, **facts)
        else:
            line.fail(finding.cause, f"{target}: {finding.detail}", finding.fix, **facts)
    return answers


async def listening(asked: Asked) -> list[Answer]:
    """Check on the Master that a service listens on each port for agents and browsers."""
    answers: list[Answer] = []
    for row in catalogue().built_in.values():
        if not row.serves:
            continue
        with Line(f"listens for {row.serves}", answers) as line:
            sockets = proc.tcp_sockets()
            if sockets is None:
                line.fail(common.LIMIT, "scanready cannot list the listening ports on this platform")
                continue
            _judge(line, row, [entry for entry in sockets if entry.state == proc.LISTEN])
    return answers


def _judge(line: Line, row: TargetType, sockets: list[proc.Socket]) -> None:
    """Judge one service. One open port is enough: with TLS, the requirements permit closing the clear-text port."""
    ports = tuple(filter(None, (row.port, row.clear_port)))
    where = {port: sorted({str(entry.address) for entry in sockets if entry.port == port}) for port in ports}
    outside = {port: [at for at in found if not _is_loopback(at)] for port, found in where.items()}
    facts: Facts = {"listening": {str(port): found for port, found in where.items() if found}}
    names = " or ".join(map(str, ports))
    if any(outside.values()):
        told = "; ".join(f"{port} on {', '.join(found)}" for port, found in outside.items() if found)
        unencrypted = row.clear_port and not outside.get(row.port)
        line.ok(
            told + (f"; {row.port} does not listen: traffic from {row.serves} is not encrypted" if unencrypted else ""),
            **facts,
        )
    elif any(where.values()):
        told = "; ".join(f"{port} on {', '.join(found)}" for port, found in where.items() if found)
        line.fail(causes.LOOPBACK_ONLY, f"only on loopback: {told}", **facts)
    else:
        line.fail(
            causes.NOT_LISTENING, f"no service listens on {names}, where the Master must accept connections", **facts
        )


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    inner = getattr(found, "ipv4_mapped", None)
    return bool((inner or found).is_loopback)
