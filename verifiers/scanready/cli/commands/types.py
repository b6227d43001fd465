"""``scanready types [TYPE]``: the network requirements as data, with their source and what is doubtful in them."""

from __future__ import annotations

import json
from typing import Any

import click

from scanready.catalogue import BY_NAME, TYPES, TargetType
from scanready.cli import shell_completion
from scanready.cli.job.options import simple_format
from scanready.cli.messages import did_you_mean, fitting
from scanready.cli.output.outlet import show
from scanready.cli.output.terminal import look
from scanready.model import Step
from scanready.targets.cloud.services import SERVICES, CloudService

_LEGEND = """
alone: the last step without a credential; login: with one; cost: connections at most, without and with a credential
`scanready types TYPE` has all steps, the document's own lines, what is doubtful, and what the target logs"""
_HELP = """\
\b
Examples:
  scanready types
  scanready types nfs
  scanready types cloud            with its services, and the endpoints of each
  scanready types --json
"""


@click.command(help=_HELP)
@click.argument("type_", metavar="[TYPE]", required=False, shell_complete=shell_completion.types)
@simple_format
def command(type_: str | None, format_: str, as_json: bool) -> None:
    """Types."""
    from scanready.run.registry import ENTRY_POINTS, built_in

    if type_ is not None and type_ not in BY_NAME:
        raise click.UsageError(f"no target type {fitting(type_)!r}{did_you_mean(type_, BY_NAME)}")
    rows = TYPES if type_ is None else (BY_NAME[type_],)
    if as_json or format_ == "json":
        objects = [type_object(row, built_in(row.name)) for row in rows]
        show(json.dumps(objects if type_ is None else objects[0], indent=2) + "\n")
    elif type_ is None:
        from importlib.metadata import entry_points

        show(_table({row: built_in(row.name) for row in rows}, sorted(entry_points(group=ENTRY_POINTS).names)))
    else:
        show(_one(rows[0], built_in(type_)))


def type_object(row: TargetType, built: bool) -> dict[str, Any]:
    """Return a row of the catalogue as JSON types; ``built`` says whether this version can verify it."""
    return {
        "type": row.name,
        "title": row.title,
        "port": row.port,
        "built": built,
        "steps": [step.value for step in row.steps],
        "steps_without_credential": [step.value for step in row.unaided],
        "proof": row.proof.value,
        "requirements": [
            {"ports": line.ports, "transport": line.transport, "when": line.when, "source": line.source}
            for line in row.requirements
        ],
        "options": [*([row.path] if row.path else []), *row.options],
        "needs_agent": row.needs_agent,
        "suits_agent": row.suits,
        "needs_client": row.needs_client,
        "verifies_certificate": row.verifies_certificate,
        "footprint": {
            "connections": row.cost.connections,
            "connections_with_credential": row.cost.with_credential,
            "login_attempts_with_credential": row.cost.login_attempts,
            "probe_logins": row.cost.probe_logins,
            "log": row.cost.log,
        },
        "doubt": row.doubt,
        "proven_by": row.proven_by,
        **({"services": [_service(one) for one in SERVICES]} if row.hostless else {}),
    }


def _service(one: CloudService) -> dict[str, Any]:
    endpoints = [{"host": endpoint.host, "use": endpoint.use} for endpoint in one.endpoints]
    return {
        "service": one.name,
        "title": one.title,
        "endpoints": endpoints,
        "needs": list(one.needs),
        "source": one.source,
    }


def _table(rows: dict[TargetType, bool], others: list[str]) -> str:
    from rich.text import Text

    from scanready.report.console import Paper, headed

    paper = Paper(look())
    table = headed()
    for name in ("type", "port"):
        table.add_column(name, no_wrap=True, justify="right" if name == "port" else "left")
    table.add_column("ports of the document", overflow="fold", max_width=20)
    for name in ("alone", "login"):
        table.add_column(name, no_wrap=True)
    table.add_column("cost", no_wrap=True)
    table.add_column("what proved it", overflow="fold")
    for row, built in rows.items():
        ports = ", ".join(dict.fromkeys(line.ports for line in row.requirements))
        reach = (_last(row.unaided), _last(row.aided)) if built else ("not built", "")
        cost = f"{row.cost.connections}/{row.cost.with_credential}"
        table.add_row(row.name, str(row.port), ports, *reach, cost, row.proven_by)
    paper.draw(table)
    if others:
        paper.draw(Text(f"\nfrom other packages: {', '.join(fitting(name) for name in others)}"))
    paper.draw(Text(_LEGEND))
    return paper.text()


def _last(steps: tuple[Step, ...]) -> str:
    """As far as one gets."""
    return steps[-1].value if steps else "-"


def _one(row: TargetType, built: bool) -> str:
    from rich.text import Text

    from scanready.report.console import Paper, pairs

    paper = Paper(look())
    paper.draw(Text.assemble((row.name, "bold"), f": {row.title}", "" if built else "  (not built in this version)"))
    lines = [
        ("port", str(row.port)),
        ("steps", f"{', '.join(row.unaided)}; {row.readiness}"),
        *([("with a credential", ", ".join(row.aided))] if row.aided else []),
    ]
    for line in row.requirements:
        condition = f" ({line.when})" if line.when else ""
        lines.append(("requires", f"{line.ports}/{line.transport}{condition}"))
        lines.append(("source", line.source))
    if row.needs_agent:
        lines.append(("agent", f"must run {row.needs_agent}"))
    if row.suits:
        lines.append(("agent", f"{row.suits}, as later documents of the scanner ask for; not demanded"))
    if row.needs_client:
        lines.append(("agent", f"needs the client {row.needs_client}"))
    options = [*([f"{row.path} (the URL's path)"] if row.path else []), *row.options]
    lines += [("options", ", ".join(options))] if options else []
    certificate = "a faulty one limits" if row.verifies_certificate else "a faulty one is told as a fact"
    lines += [("certificate", certificate)] if row.tls or row.verifies_certificate else []
    lines.append(("footprint", _cost(row)))
    lines += [("its log", row.cost.log)] if row.cost.log else []
    lines += [("doubtful", row.doubt)] if row.doubt else []
    lines += [("what proved it", row.proven_by)] if row.proven_by else []
    paper.draw(pairs(lines), indent=2)
    if row.hostless:
        paper.draw(Text("\nservices: a target's host is one of them, as in cloud://s3?region=eu-west-1"))
    for one in SERVICES if row.hostless else ():
        needs = f"; needs {', '.join(one.needs)}" if one.needs else ""
        paper.draw(Text.assemble("\n", (one.name, "bold"), f": {one.title}{needs}"))
        endpoints = [(endpoint.host, endpoint.use) for endpoint in one.endpoints]
        paper.draw(pairs([*endpoints, ("source", one.source)]), indent=2)
    return paper.text()


def _cost(row: TargetType) -> str:
    cost = row.cost
    words = [f"connections {cost.connections}, with a credential {cost.with_credential}"]
    if cost.login_attempts:
        words.append(f"login attempts with a credential {cost.login_attempts}")
    if cost.probe_logins:
        words.append(f"logins with an invented account {cost.probe_logins}")
    return "; ".join(words)
