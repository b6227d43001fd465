"""``scanready plan``: what would be contacted, and what it would cost. Touches nothing."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from typing import Any

import click

from scanready.catalogue.option import ALLOW_LOGIN_PROBE, USER
from scanready.cli import shell_completion
from scanready.cli.environment import or_inventory
from scanready.cli.job.options import option, selection_options, simple_format
from scanready.cli.job.plugin_problems import plugins_load
from scanready.cli.job.prepare import credential_of, types_exist
from scanready.cli.job.targets import selected_targets
from scanready.cli.output.outlet import show
from scanready.cli.output.terminal import look
from scanready.model import DEPTHS, Step, Target
from scanready.run.registry import catalogue
from scanready.wire.printable import visible

_HELP = """\
\b
Examples:
  scanready plan estate.yaml
  scanready plan estate.yaml --only tag=finance --json
  scanready plan mysql://db7 ssh://web1 --user er

Connections and logins are upper bounds, for a name of one address: a target that fails early
costs less, and so does one that needs no detour (TLS tried after clear text, a redirect, the
further nodes of a system). Target types that share a port of a host share its connection.
Where a host's answer would rest only on a handshake, one more connection is tried to a port
that no service uses.
"""


@click.command(help=_HELP)
@click.argument(
    "what",
    nargs=-1,
    metavar="INVENTORY|TARGET...",
    callback=or_inventory,
    shell_complete=shell_completion.files,
)
@selection_options
@option("--depth", type=click.Choice(DEPTHS), help="As for verify. [default: access]")
@option("--user", metavar="USER", help="Plan a login with this account.")
@option("--no-canary", is_flag=True, help="As for verify.")
@simple_format
@click.pass_context
def command(
    ctx: click.Context,
    what: tuple[str, ...],
    only: tuple[str, ...],
    types: tuple[str, ...],
    depth: str | None,
    user: str | None,
    no_canary: bool,
    yes: bool,
    format_: str,
    as_json: bool,
) -> None:
    """Plan."""
    types_exist(types)
    asked = Step(depth) if depth else None
    account = credential_of(None, None, user, None, None)
    targets, inventory = selected_targets(ctx, what, only, types, large=yes, account=account)
    plugins_load(targets)
    plan = plan_object(targets, asked or (inventory and inventory.depth) or Step.ACCESS, canary=not no_canary)
    show(json.dumps(plan, indent=2) + "\n" if as_json or format_ == "json" else _table(plan))


def plan_object(targets: list[Target], depth: Step, *, canary: bool) -> dict[str, Any]:
    """Return what verifying the targets costs at most, endpoint by endpoint, as JSON types."""
    endpoints: dict[tuple[str, int], list[Target]] = {}
    unbuilt: list[Target] = []
    for target in targets:
        row = catalogue().get(target.type)
        if row is None or row.broken:
            unbuilt.append(target)
            continue
        for place in row.places(target):
            endpoints.setdefault(place.endpoint, []).append(place)
    rows = [_endpoint(members, depth) for members in endpoints.values()]
    total = {key: sum(row[key] for row in rows) for key in ("connections", "login_attempts", "probe_logins")}
    hosts = {host for (host, _), members in endpoints.items() if not all(_hostless(one) for one in members)}
    probed = sorted(hosts) if canary else []
    used: Counter[str] = Counter(name for row in rows for name in row["credentials"])
    return {
        "schema": 1,
        "depth": depth.value,
        "endpoints": rows,
        "not_built": [_not_contacted(target) for target in unbuilt],
        "canary": {"port": _canary_port(), "hosts": len(probed)},
        "second_visits": _second_visits(list(endpoints.values()), depth),
        "credentials": dict(sorted(used.items())),
        "total": {"targets": len(targets), "hosts": len({host for host, _ in endpoints}), **total},
    }


def _second_visits(endpoints: list[list[Target]], depth: Step) -> dict[str, int]:
    """Targets that may be visited twice, and the connections of the first visits.

    Until a server has judged an account, one login is made with it at a time. A climb that meets another one's login
    ends politely before its own, and comes back once that is decided; so may all that share the account but one.
    Those of one endpoint climb one after the other, and never meet.
    """
    sharing: dict[tuple[str, str], list[list[int]]] = {}
    for members in endpoints if depth.height >= Step.LOGIN.height else ():
        here: dict[tuple[str, str], list[int]] = {}
        for target in members:
            if target.credential is not None:
                cost = catalogue()[target.type].cost
                connections = max(cost.connections, cost.with_credential - 1)
                here.setdefault(target.credential.guarded_by, []).append(connections)
        for account, costs in here.items():
            sharing.setdefault(account, []).append(costs)
    again: list[int] = []
    for places in sharing.values():
        if len(places) > 1:
            again += sorted(chain.from_iterable(places))[1:]
    return {"targets": len(again), "connections": sum(again)}


def _endpoint(members: list[Target], depth: Step) -> dict[str, Any]:
    """One host and port. Some types share a connection; the one that logs in needs its own besides."""
    shared: dict[object, int] = {}
    attempts = probes = 0
    for position, target in enumerate(members):
        row = catalogue()[target.type]
        cost = row.cost
        named = target.credential is not None or USER.of(target.options)  # whose methods are asked for
        # Whether there is a secret to it is not looked up for a plan.
        logs_in = target.credential is not None and depth.height >= Step.LOGIN.height
        key = row.speaks if cost.shared else position
        shared[key] = max(shared.get(key, 0), 1 if row.hostless else cost.connections)
        if logs_in or (named and depth.height >= Step.AUTH.height):
            shared[key] += cost.with_credential - cost.connections
        if logs_in:
            attempts += cost.login_attempts
        elif ALLOW_LOGIN_PROBE.of(target.options) is True:
            probes += 1  # the first word is a login, of an invented user here
        else:
            probes += cost.probe_logins
    costs = {target.type: catalogue()[target.type].cost for target in members}
    return {
        "host": members[0].host,
        "port": members[0].port,
        "types": [target.type for target in members],
        "connections": sum(shared.values()),
        "login_attempts": attempts,
        "probe_logins": probes,
        "credentials": sorted(
            {t.credential.name for t in members if t.credential and depth.height >= Step.LOGIN.height}
        ),
        "log": {name: cost.log for name, cost in costs.items() if cost.log},
    }


def _not_contacted(target: Target) -> dict[str, Any]:
    row = catalogue().get(target.type)
    why = row.broken if row else "not built in this version"
    return {"host": target.host, "type": target.type, "port": target.port, "reason": why}


def _hostless(target: Target) -> bool:
    return catalogue()[target.type].hostless


def _canary_port() -> int:
    from scanready.run.settings import CANARY_PORT

    return CANARY_PORT


def _table(plan: dict[str, Any]) -> str:
    from rich.text import Text

    from scanready.report.paper import Paper, counted, headed, pairs

    paper = Paper(look())
    table = headed()
    table.add_column("host", overflow="fold", min_width=8)
    table.add_column("port", justify="right", no_wrap=True)
    table.add_column("types", overflow="fold")
    for name in ("connections", "logins", "probe logins"):
        table.add_column(name, justify="right")
    table.add_column("credential", overflow="fold")
    for row in plan["endpoints"]:
        table.add_row(
            Text(visible(row["host"])),
            str(row["port"]),
            ", ".join(row["types"]),
            str(row["connections"]),
            str(row["login_attempts"]),
            str(row["probe_logins"]),
            Text(visible(", ".join(row["credentials"]))),
        )
    if plan["endpoints"]:
        paper.draw(table, Text(""))
    total, canary, second = plan["total"], plan["canary"], plan["second_visits"]
    contacted = total["targets"] - len(plan["not_built"])
    paper.draw(
        Text(
            f"{counted(contacted, 'target')} on {counted(total['hosts'], 'host')}, to depth {plan['depth']}: at most "
            f"{counted(total['connections'], 'connection')}, {counted(total['login_attempts'], 'login attempt')}, "
            f"{counted(total['probe_logins'], 'login')} with an invented account"
        )
    )
    if second["targets"]:
        paper.draw(
            Text(
                f"and at most {counted(second['connections'], 'connection')} more: "
                f"{counted(second['targets'], 'target')} may be visited twice, for no login begins while another one "
                "decides whether the account is good"
            )
        )
    if canary["hosts"]:
        paper.draw(
            Text(
                f"and a try at port {canary['port']} of at most {counted(canary['hosts'], 'host')} "
                "(--no-canary leaves it out)"
            )
        )
    if plan["not_built"]:
        kinds = Counter((entry["type"], entry["reason"]) for entry in plan["not_built"])
        for (name, reason), count in kinds.items():
            paper.draw(Text(visible(f"not contacted: {name} ({count}): {reason}", 1200)))
    notes: dict[str, dict[str, None]] = {}
    for name, note in [item for row in plan["endpoints"] for item in row["log"].items()]:
        notes.setdefault(note, {})[name] = None
    if notes:
        paper.draw(Text("\nin the targets' own logs"))
        paper.draw(pairs([(", ".join(names), note) for note, names in notes.items()]), indent=2)
    paper.draw(Text("\nnothing was contacted", "dim"))
    return paper.text()
