"""``scanready types [TYPE]``: list the target types with their network requirements, sources and doubts."""

from __future__ import annotations

import json
from typing import Any

import click

from scanready.catalogue import TargetType
from scanready.cli import shell_completion
from scanready.cli.job.options import PROFILE, simple_format
from scanready.cli.job.plugin_problems import warn_of_plugins
from scanready.cli.messages import did_you_mean, fitting
from scanready.cli.output.outlet import show
from scanready.cli.output.terminal import look
from scanready.model import Step
from scanready.run.registry import about_judge, all_causes, catalogue, origin, plugin_names
from scanready.wire.printable import visible

#: The evidence shown for a type of another package that states none.
_FOREIGN = "its own package"
#: The same for a type whose package is broken; a line on stderr says why.
_BROKEN = "nothing: it cannot be used"
#: The remarks on ports that the document does not print.
_CONFIDENCE = {
    "corrected": "corrected: the document prints other ports",
    "inferred": "inferred: the document prints no port",
}
_LEGEND = """
columns: `no login` is the last step without a credential, `login` the last step with a credential
steps: auth, the login prompt is reached; login, the account is accepted; access, one bounded read works
cost: the maximum number of connections, without / with a credential
`scanready types TYPE` shows all steps, the documented requirements, caveats, and the log entries of a check"""
_HELP = """\
\b
Examples:
  scanready types
  scanready types nfs
  scanready types cloud            with its services and their endpoints
  scanready types --json
"""


@click.command(help=_HELP)
@click.argument("type_", metavar="[TYPE]", required=False, shell_complete=shell_completion.types)
@PROFILE
@simple_format
def command(type_: str | None, format_: str, as_json: bool) -> None:
    """Types."""
    known = catalogue()
    if type_ is not None and type_ not in known:
        near = did_you_mean(type_, known.names)
        raise click.UsageError(f"there is no target type {fitting(type_)!r}{near} (`scanready types` lists all)")
    rows = list(known) if type_ is None else [known[type_]]
    if as_json or format_ == "json":
        objects = [type_object(row) for row in rows]
        show(json.dumps(objects if type_ is None else objects[0], indent=2) + "\n")
    else:
        show(_table(rows) if type_ is None else _one(rows[0]), people=True)
    if plugin_names():
        all_causes()  # two plug-ins may claim one code
    warn_of_plugins(type_)


def type_object(row: TargetType) -> dict[str, Any]:
    """Return a row of the catalogue as JSON types."""
    wanted = row.requirements
    return {
        "type": row.name,
        "title": row.title,
        "port": row.port,
        "built": not row.broken,
        "package": _package(row.name),
        "steps": [step.value for step in row.steps],
        "steps_without_credential": [step.value for step in row.unaided],
        "proof": row.proof.value,
        "profile": about_judge().name,
        "requirements": [
            {
                "ports": line.ports,
                "transport": line.transport,
                "when": line.when.text,
                "source": line.source,
                "confidence": line.confidence,
                "doubt": line.doubt,
            }
            for line in wanted.lines
        ],
        "options": [option.name for option in row.options],
        "needs_agent": wanted.agent,
        "suits_agent": wanted.suits,
        "needs_client": wanted.client,
        "verifies_certificate": wanted.verifies_certificate,
        "footprint": {
            "connections": row.cost.connections,
            "connections_with_credential": row.cost.with_credential,
            "login_attempts_with_credential": row.cost.login_attempts,
            "probe_logins": row.cost.probe_logins,
            "log": row.cost.log,
        },
        "doubt": wanted.doubts,
        "proven_by": row.proven_by,
        "judges": [{"name": one.name, "kind": one.kind, "test": one.test} for one in row.judges],
        "no_other_judge": row.no_other_judge,
        **({"services": [_service(one) for one in _services(row)]} if row.hostless else {}),
    }


def _package(type_: str) -> dict[str, str] | None:
    """Return the package of a type; None for scanready itself. Name and version are empty if it has no metadata."""
    if (whose := origin(type_)) is None:
        return None
    return {"name": whose.package, "version": whose.version, "entry_point": whose.entry_point}


def _services(row: TargetType) -> tuple[Any, ...]:
    """Return the services of a type whose targets are services, not hosts; else nothing."""
    module = row.part("services") if row.hostless else None
    found: tuple[Any, ...] = module.SERVICES if module else ()
    return found


def _service(one: Any) -> dict[str, Any]:
    endpoints = [{"host": endpoint.host, "use": endpoint.use} for endpoint in one.endpoints]
    return {
        "service": one.name,
        "title": one.title,
        "endpoints": endpoints,
        "needs": list(one.needs),
        "source": one.source,
    }


def _table(rows: list[TargetType]) -> str:
    from rich.text import Text

    from scanready.report.paper import Paper, headed

    paper = Paper(look())
    table = headed()
    for name in ("type", "port"):
        table.add_column(name, no_wrap=True, justify="right" if name == "port" else "left")
    table.add_column("documented ports", overflow="fold", max_width=20)
    for name in ("no login", "login"):
        table.add_column(name, no_wrap=True)
    table.add_column("cost", no_wrap=True)
    table.add_column("verified against", overflow="fold")
    for row in rows:
        ports = ", ".join(dict.fromkeys(line.ports for line in row.requirements.lines))
        cost = f"{row.cost.connections}/{row.cost.with_credential}"
        port, proof = str(row.port or "-"), _BROKEN if row.broken else row.proven_by or _FOREIGN
        table.add_row(Text(visible(row.name)), port, ports, _last(row.unaided), _last(row.aided), cost, proof)
    paper.draw(table)
    judge = about_judge()
    paper.draw(Text(f"{_LEGEND}\nrequirements: {visible(judge.scanner)} (--profile {visible(judge.name)})"))
    return paper.text()


def _last(steps: tuple[Step, ...]) -> str:
    """Return the name of the last step."""
    return steps[-1].value if steps else "-"


def _one(row: TargetType) -> str:
    from rich.text import Text

    from scanready.report.paper import Paper, pairs

    paper = Paper(look())
    wanted = row.requirements
    paper.draw(Text.assemble((visible(row.name), "bold"), f": {visible(row.title)}"))
    lines = [
        *([("broken", row.broken)] if row.broken else []),
        *_brought_by(row.name),
        ("port", str(row.port or "no default: give one")),
        ("steps", f"{', '.join(row.unaided)}; {row.readiness}"),
        *([("with a credential", ", ".join(row.aided))] if row.aided else []),
    ]
    for line in wanted.lines:
        condition = f" ({line.when.text})" if line.when.text else ""
        confidence = "" if line.confidence == "stated" else f"; {_CONFIDENCE[line.confidence]}"
        lines.append(("requires", f"{line.ports}/{line.transport}{condition}"))
        lines.append(("source", f"{visible(line.source)}{confidence}"))
    if wanted.agent:
        lines.append(("agent", f"must run {wanted.agent}"))
    if wanted.suits:
        lines.append(
            (
                "agent",
                f"newer scanner documentation requires {wanted.suits}; for scanready this is only a recommendation",
            )
        )
    if wanted.client:
        lines.append(("agent", f"must have the client {wanted.client}"))
    options = [f"{one.name} (the URL's path)" if one.name == row.path else one.name for one in row.options]
    lines += [("options", ", ".join(options))] if options else []
    certificate = "a bad one limits the target" if wanted.verifies_certificate else "a bad one is only reported"
    lines += [("certificate", certificate)] if row.tls or wanted.verifies_certificate else []
    lines.append(("footprint", _cost(row)))
    lines += [("in the target's log", row.cost.log)] if row.cost.log else []
    lines += [("caveat", wanted.doubts)] if wanted.doubts else []
    lines += [("verified against", row.proven_by)] if row.proven_by else []
    lines += _judges(row)
    paper.draw(pairs(lines), indent=2)
    if row.hostless:
        paper.draw(Text("\nservices: write one in place of a host, as in cloud://s3?region=eu-west-1"))
    for one in _services(row):
        needs = f"; needs {', '.join(one.needs)}" if one.needs else ""
        paper.draw(Text.assemble("\n", (one.name, "bold"), f": {one.title}{needs}"))
        endpoints = [(endpoint.host, endpoint.use) for endpoint in one.endpoints]
        paper.draw(pairs([*endpoints, ("source", one.source)]), indent=2)
    return paper.text()


def _judges(row: TargetType) -> list[tuple[str, str]]:
    """Return the lines about the independent programs that the type was tested against."""
    named = [
        (words, ", ".join(one.name for one in row.judges if one.kind == kind))
        for kind, words in (("server", "reference servers"), ("client", "reference clients"))
    ]
    lines = [line for line in named if line[1]]
    return lines + ([("no other reference", row.no_other_judge)] if row.no_other_judge else [])


def _brought_by(type_: str) -> list[tuple[str, str]]:
    """Return the lines about the package of a type that does not belong to scanready."""
    if (package := _package(type_)) is None:
        return []
    named = f"{package['name']} {package['version']}".strip() or "without metadata"
    return [("package", named), ("entry point", package["entry_point"])]


def _cost(row: TargetType) -> str:
    from scanready.report.paper import counted

    cost = row.cost
    words = [f"{counted(cost.connections, 'connection')} ({cost.with_credential} with a credential)"]
    if cost.login_attempts:
        words.append(f"{counted(cost.login_attempts, 'login attempt')} with a credential")
    if cost.probe_logins:
        words.append(f"{counted(cost.probe_logins, 'login')} with an invented account")
    return "; ".join(words)
