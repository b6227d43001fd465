"""The Master's rows of the document, from this host: the ways there, and on the Master what must listen.

Node and Proxy Agents connect to the Master's 11117, the Master to the update server's 8843: both are climbed as any
target is. What the Master must take from others cannot be tried from itself, since its own firewall and the way stand
between; that somebody listens, and not on loopback alone, is in the kernel's table.
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
    """An agent's way to the Master."""
    answers: list[Answer] = []
    if asked.master is None:
        with Line("way to the Master", answers) as line:
            line.skip("not checked: no Master is named; --master HOST, or `agent: {master: HOST}` in the inventory")
        return answers
    return await _climb(asked, asked.master, "way to the Master")


async def way_to_updates(asked: Asked) -> list[Answer]:
    """The Master's way to the update server, which the document calls optional."""
    answers: list[Answer] = []
    if asked.update is None:
        with Line("way to updates", answers) as line:
            line.skip("not checked: the document does not say where the update server is; --update-server HOST")
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
    """On the Master: each port that the types of its own services have, for the agents and for browsers."""
    answers: list[Answer] = []
    for row in catalogue().built_in.values():
        if not row.serves:
            continue
        with Line(f"listens for {row.serves}", answers) as line:
            sockets = proc.tcp_sockets()
            if sockets is None:
                line.fail(common.LIMIT, "what listens here is not known on this platform")
                continue
            _judge(line, row, [entry for entry in sockets if entry.state == proc.LISTEN])
    return answers


def _judge(line: Line, row: TargetType, sockets: list[proc.Socket]) -> None:
    """Either port will do: with TLS on, the document permits to close the one in clear text."""
    ports = tuple(filter(None, (row.port, row.clear_port)))
    where = {port: sorted({str(entry.address) for entry in sockets if entry.port == port}) for port in ports}
    outside = {port: [at for at in found if not _is_loopback(at)] for port, found in where.items()}
    facts: Facts = {"listening": {str(port): found for port, found in where.items() if found}}
    names = " or ".join(map(str, ports))
    if any(outside.values()):
        told = "; ".join(f"{port} on {', '.join(found)}" for port, found in outside.items() if found)
        unencrypted = row.clear_port and not outside.get(row.port)
        line.ok(
            told + (f"; {row.port} does not listen: what {row.serves} send is not encrypted" if unencrypted else ""),
            **facts,
        )
    elif any(where.values()):
        told = "; ".join(f"{port} on {', '.join(found)}" for port, found in where.items() if found)
        line.fail(causes.LOOPBACK_ONLY, f"only on loopback: {told}", **facts)
    else:
        line.fail(causes.NOT_LISTENING, f"nothing listens on {names}, where the Master takes connections", **facts)


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    inner = getattr(found, "ipv4_mapped", None)
    return bool((inner or found).is_loopback)
