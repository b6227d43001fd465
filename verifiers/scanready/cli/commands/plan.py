"""``scanready plan``: list the connections and logins that a check would make. Contacts nothing."""

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
from scanready.model import DEPTHS, Step, Target
from scanready.run.registry import catalogue

_HELP = """\
\b
Examples:
  scanready plan estate.yaml
  scanready plan estate.yaml --only tag=finance --json
  scanready plan mysql://db7 ssh://web1 --user er

The numbers of connections and logins are upper bounds, for names with one address. A target
that fails early needs fewer. So does a target without detours, such as TLS after clear text,
a redirect or further nodes. Types on the same port of a host share a connection. If only a
handshake shows that a service answers, a further connection goes to an unused port.
"""


@click.command(help=_HELP)
@click.argument(
    "what",
    nargs=-1,
    metavar="INVENTORY|TARGET...",
    callback=or_inventory,
    shell_complete=shell_completion.inventories_and_targets,
)
@selection_options
@option("--depth", type=click.Choice(DEPTHS), help="As for verify. [default: access]")
@option("--user", metavar="USER", help="Include a login with this account.")
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
    reaches = asked or (inventory and inventory.depth) or Step.ACCESS
    plan = plan_object(targets, reaches, canary=not no_canary, master=inventory.master if inventory else None)
    if as_json or format_ == "json":
        show(json.dumps(plan, indent=2) + "\n")
        return
    from scanready.cli.output.plan_table import draw

    show(draw(plan))


def plan_object(targets: list[Target], depth: Step, *, canary: bool, master: str | None = None) -> dict[str, Any]:
    """Return the most connections and logins that a check of the targets makes, by endpoint, as JSON types.

    Args:
        master: the Master Server of the inventory; the agent itself needs it.
    """
    endpoints: dict[tuple[str, int], list[Target]] = {}
    contacted: dict[tuple[str, str, int], list[Target]] = {}
    unbuilt: list[Target] = []
    for target in targets:
        row = catalogue().get(target.type)
        if row is None or row.broken:
            unbuilt.append(target)
            continue
        for place in row.places(target):
            endpoints.setdefault(place.endpoint, []).append(place)
            contacted.setdefault((place.host, *_first_port(place)), []).append(place)
    rows = [_endpoint(members, depth) for members in contacted.values()]
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
        "guard": {"refused_logins_per_credential": 1} if used else {},
        "master": master,
        "total": {"targets": len(targets), "hosts": len({host for host, _ in endpoints}), **total},
    }


def _second_visits(endpoints: list[list[Target]], depth: Step) -> dict[str, int]:
    """Count the targets that may be visited twice, and the connections of their first visits.

    Until a server has accepted or refused an account, only one login at a time is made with it. A climb that finds
    another login under way closes its connection and returns after the decision. This may happen to all targets that
    share the account except one. Targets of one endpoint climb one after the other, so they never wait.
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


def _first_port(target: Target) -> tuple[str, int]:
    """Return transport and number of the port contacted first: that of a broker that names the port, or its own."""
    brokers = (broker for broker in catalogue()[target.type].brokers if broker.names(target))
    broker = next(brokers, None)
    return (broker.transport, broker.port or target.port) if broker else ("tcp", target.port)


def _endpoint(members: list[Target], depth: Step) -> dict[str, Any]:
    """Describe one host and port. Some types share a connection; a type that logs in needs one of its own."""
    shared: dict[object, int] = {}
    attempts = probes = 0
    for position, target in enumerate(members):
        row = catalogue()[target.type]
        cost = row.cost
        # The login methods of a named account are requested, even without a secret. A plan looks up no secret.
        named = target.credential is not None or USER.of(target.options)
        logs_in = target.credential is not None and depth.height >= Step.LOGIN.height
        key = row.speaks if cost.shared else position
        shared[key] = max(shared.get(key, 0), 1 if row.hostless else cost.connections)
        if logs_in or (named and depth.height >= Step.AUTH.height):
            shared[key] += cost.with_credential - cost.connections
        if logs_in:
            attempts += cost.login_attempts
        elif ALLOW_LOGIN_PROBE.of(target.options) is True:
            probes += 1  # the protocol begins with a login, here one with an invented user
        else:
            probes += cost.probe_logins
    costs = {target.type: catalogue()[target.type].cost for target in members}
    transport, port = _first_port(members[0])
    return {
        "host": members[0].host,
        "port": port,
        "protocol": transport,
        "types": [target.type for target in members],
        "further_ports": _further_ports(members, depth),
        "connections": sum(shared.values()),
        "login_attempts": attempts,
        "probe_logins": probes,
        "credentials": sorted(
            {t.credential.name for t in members if t.credential and depth.height >= Step.LOGIN.height}
        ),
        "log": {name: cost.log for name, cost in costs.items() if cost.log},
    }


def _further_ports(members: list[Target], depth: Step) -> list[dict[str, Any]]:
    """Return the further ports on which these types are contacted: of logins, brokers, and what brokers name."""
    from scanready.report.rules import rules

    wanted: dict[tuple[str, str], dict[str, Any]] = {}
    for target in members:
        cost, first = catalogue()[target.type].cost, _first_port(target)
        if cost.login_port and target.credential is not None and depth.height >= Step.LOGIN.height:
            ports, use = str(cost.login_port), cost.login_port_for
            wanted["tcp", ports] = {"protocol": "tcp", "ports": ports, "when": use, "why": f"a check uses it for {use}"}
        for rule in rules(target, lambda _: ""):
            if (rule.transport, rule.ports) != (first[0], str(first[1])):
                entry = {"protocol": rule.transport, "ports": rule.ports, "when": rule.when, "why": rule.why}
                wanted.setdefault((rule.transport, rule.ports), entry)
    return list(wanted.values())


def _not_contacted(target: Target) -> dict[str, Any]:
    row = catalogue().get(target.type)
    why = row.broken if row else "not built in this version"
    return {"host": target.host, "type": target.type, "port": target.port, "reason": why}


def _hostless(target: Target) -> bool:
    return catalogue()[target.type].hostless


def _canary_port() -> int:
    from scanready.run.settings import CANARY_PORT

    return CANARY_PORT
