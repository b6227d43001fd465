"""``scanready plan``: list the connections and logins that a check would make. Contacts nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import Any

import click

from scanready.catalogue.option import ALLOW_LOGIN_PROBE, USER
from scanready.cli import shell_completion
from scanready.cli.general_settings import or_inventory
from scanready.cli.job.account import AskedAccount, credential_of
from scanready.cli.job.guard_options import NO_LOGIN
from scanready.cli.job.options import PROFILE, agent_options, bound_options, option, selection_options, simple_format
from scanready.cli.job.plugin_problems import plugins_load
from scanready.cli.job.prepare import types_exist
from scanready.cli.job.targets import selected_targets
from scanready.cli.messages import fitting, means_a_file
from scanready.cli.output.outlet import show
from scanready.cli.plan_agent import plan_agent
from scanready.cli.plan_time import plan_time
from scanready.cli.share import AskedAgent, Share
from scanready.model import DEPTHS, Credential, Step, Target
from scanready.run.registry import catalogue
from scanready.run.settings import MAX_ATTEMPTS
from scanready.run.validation import MOST_ATTEMPTS

_HELP = """\
\b
Examples:
  scanready plan estate.yaml
  scanready plan estate.yaml --only tag=finance --json
  scanready plan mysql://db7 ssh://web1 --user er
  scanready plan estate.yaml --as proxy-nyc          the targets of this agent
  scanready plan estate.yaml --as proxy-paris --address 10.8.0.5/24 --platform windows
  scanready plan --validate *.yaml                   before a commit: only the problems

The numbers of connections and logins are upper bounds, for names with one address. A target
that fails early needs fewer. So does a target without detours, such as TLS after clear text,
a redirect or further nodes. Types on the same port of a host share a connection. If only a
handshake shows that a service answers, a further connection goes to an unused port.

The expected time has two ends: every target answers at once, and no target answers at all.
--half-open, --connect-rate and --per-net are as for verify.

--as takes the share of an agent of the inventory. An agent that the inventory does not
declare is described with --address and --platform. It takes the targets that have neither
`agents` nor `site`; --site adds the targets of a site.

--validate reads each file as an inventory and prints its problems, as FILE:LINE:COLUMN. Exit
code 0: all are right; 2: one has a problem; 4: one has no target.
"""


@click.command(help=_HELP)
@click.argument(
    "what",
    nargs=-1,
    metavar="INVENTORY|TARGET...",
    callback=or_inventory,
    shell_complete=shell_completion.inventories_and_targets,
)
@PROFILE
@selection_options
@agent_options
@option("--depth", type=click.Choice(DEPTHS), help="As for verify. [default: access]")
@NO_LOGIN
@option("--user", metavar="USER", help="Include a login with this account.")
@option("--no-canary", is_flag=True, help="As for verify.")
@option("--max-attempts", type=click.IntRange(1, MOST_ATTEMPTS), default=MAX_ATTEMPTS, help="As for verify.")
@bound_options
@option("--validate", is_flag=True, help="Print no plan, only the problems of the inventories; takes several files.")
@simple_format
@click.pass_context
def command(
    ctx: click.Context,
    what: tuple[str, ...],
    only: tuple[str, ...],
    types: tuple[str, ...],
    as_name: str | None,
    addresses: tuple[str, ...],
    platform: str | None,
    sites: tuple[str, ...],
    depth: str | None,
    user: str | None,
    no_login: bool,
    no_canary: bool,
    max_attempts: int,
    half_open: int | None,
    connect_rate: int | None,
    per_net: int | None,
    yes: bool,
    validate: bool,
    format_: str,
    as_json: bool,
) -> None:
    """Plan."""
    types_exist(types)
    asked = AskedAgent(as_name, addresses, platform, sites)
    account = credential_of(None, AskedAccount(user=user))

    def read(what: tuple[str, ...]) -> tuple[list[Target], Share]:
        found = selected_targets(ctx, what, only, types, large=yes, account=account, asked=asked, elsewhere=validate)
        plugins_load(found[0])
        return found

    if validate:
        ctx.exit(_validated(what, read))
    targets, share = read(what)
    inventory = share.inventory
    reaches = (Step(depth) if depth else None) or (inventory and inventory.depth) or Step.ACCESS
    master = inventory.master if inventory else None
    asked_for = {"canary": not no_canary, "login": not no_login}
    plan = plan_object(targets, reaches, master=master, max_attempts=max_attempts, **asked_for)
    if inventory and inventory.agents:
        plan["fleet"] = _of_fleet(targets, reaches, login=not no_login)
    bounds = half_open, connect_rate, per_net
    plan["time"] = plan_time(plan, targets, bounds, inventory.timeout if inventory else None)
    plan |= plan_agent(share, asked.addresses, targets)
    if as_json or format_ == "json":
        show(json.dumps(plan, indent=2) + "\n")
        return
    from scanready.cli.output.plan_table import draw

    show(draw(plan), people=True)


def _validated(files: tuple[str, ...], read: Callable[[tuple[str, ...]], object]) -> int:
    """Read each file as an inventory, print its problems, and return the exit code: the first that is not 0.

    Raises:
        click.UsageError: an argument is no inventory.
    """
    for file in files:
        if not means_a_file(file):
            raise click.UsageError(f"{fitting(file)} is no inventory: --validate takes files")
    codes = [0]
    for file in files:
        try:
            read((file,))
        except click.ClickException as problem:
            problem.show()
            codes.append(problem.exit_code)
        except click.exceptions.Exit as ended:
            codes.append(ended.exit_code)
    return next(filter(None, codes), 0)


def plan_object(
    targets: list[Target],
    depth: Step,
    *,
    canary: bool,
    master: str | None = None,
    login: bool = True,
    max_attempts: int = MAX_ATTEMPTS,
) -> dict[str, Any]:
    """Return the most connections and logins that a check of the targets makes, by endpoint, as JSON types.

    Args:
        master: the Master Server of the inventory; the agent itself needs it.
        login: False for a check that uses no password and no key.
        max_attempts: refused logins of one host, from which on no further account is tried there.
    """
    asked, depth = depth, depth if login or depth.height < Step.LOGIN.height else Step.AUTH
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
            contacted.setdefault(_first_contact(place), []).append(place)
    rows = [_endpoint(members, depth, max_attempts) for members in contacted.values()]
    total = {key: sum(row[key] for row in rows) for key in ("connections", "login_attempts", "probe_logins")}
    hosts = {host for (host, _), members in endpoints.items() if not all(_hostless(one) for one in members)}
    probed = sorted(hosts) if canary else []
    logs_in = depth.height >= Step.LOGIN.height
    # A host without a type is one target, on which many types are tried.
    guessed = [target for target in targets if target.guessed]
    untyped = {(one.host, one.port if one.explicit_port else 0) for one in guessed}
    used: Counter[str] = Counter(name for row in rows for name in row["credentials"])
    return {
        "schema": 1,
        "depth": asked.value,
        "login": login,
        "endpoints": rows,
        "not_built": [_not_contacted(target) for target in unbuilt],
        "canary": {"port": _canary_port(), "hosts": len(probed)},
        "second_visits": _second_visits(list(endpoints.values()), depth),
        "credentials": dict(sorted(used.items())),
        "accounts": _accounts([one for members in contacted.values() for one in members]) if logs_in else [],
        "guard": _guard() if used else {},
        "master": master,
        "total": {
            "targets": len(targets) - len(guessed) + len(untyped),
            "hosts": len({host for host, _ in endpoints}),
            "untyped_hosts": len(untyped),
            **total,
        },
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
            for account in target.credentials:
                cost = catalogue()[target.type].cost
                connections = max(cost.connections, cost.with_credential - 1)
                here.setdefault(account.guarded_by, []).append(connections)
        for key, costs in here.items():
            sharing.setdefault(key, []).append(costs)
    again: list[int] = []
    for places in sharing.values():
        if len(places) > 1:
            again += sorted(chain.from_iterable(places))[1:]
    return {"targets": len(again), "connections": sum(again)}


def _of_fleet(targets: list[Target], depth: Step, *, login: bool) -> dict[str, int]:
    """Count the targets that `fleet verify` visits twice, and the connections of the first visits of one agent.

    The agents of a fleet climb to the login prompt first. Targets that may log in are visited again.
    """
    sharing: dict[tuple[str, str, int], list[Target]] = {}
    for target in targets if login and depth.height >= Step.LOGIN.height else ():
        row = catalogue().get(target.type)
        if target.credential is not None and row is not None and not row.broken and Step.LOGIN in row.steps:
            sharing.setdefault(_first_contact(target), []).append(target)
    first = [_endpoint(members, Step.AUTH)["connections"] for members in sharing.values()]
    return {"targets": sum(map(len, sharing.values())), "connections": sum(first)}


def _accounts(places: list[Target]) -> list[dict[str, Any]]:
    """Return the accounts that log in; the lockout guard counts by account, which may be in several credentials."""
    found: dict[tuple[str, str], list[tuple[Credential, Target]]] = {}
    for place in places:
        for account in place.credentials if catalogue()[place.type].cost.login_attempts else ():
            found.setdefault(account.guarded_by, []).append((account, place))
    return [
        {
            "user": uses[0][0].username,
            "credentials": sorted({account.name for account, _ in uses}),
            "endpoints": len({_first_contact(place) for _, place in uses}),
        }
        for uses in found.values()
    ]


def _guard() -> dict[str, int]:
    from scanready.climb.guard import MOST_OPEN

    return {
        "refused_logins_per_credential": 1,
        "refused_logins_per_account": 1,
        "unanswered_logins_per_account": MOST_OPEN,
    }


def _first_contact(target: Target) -> tuple[str, str, int]:
    """Return host, transport and port contacted first: a proxy's, those of a broker that names the port, or its own."""
    row = catalogue()[target.type]
    if proxy := row.relay(target):
        return proxy[0], "tcp", proxy[1]
    broker = next((broker for broker in row.brokers if broker.names(target)), None)
    return (target.host, broker.transport, broker.port or target.port) if broker else (target.host, "tcp", target.port)


def _endpoint(members: list[Target], depth: Step, max_attempts: int = MAX_ATTEMPTS) -> dict[str, Any]:
    """Describe one host and port. Some types share a connection; a type that logs in needs one of its own."""
    shared: dict[object, int] = {}
    logins: set[object] = set()
    attempts = probes = 0
    for position, target in enumerate(members):
        row = catalogue()[target.type]
        cost = row.cost
        # The login methods of a named account are requested, even without a secret. A plan looks up no secret.
        named = target.credential is not None or USER.of(target.options)
        logs_in = target.credential is not None and depth.height >= Step.LOGIN.height
        key = row.speaks if cost.shared else position
        shared[key] = max(shared.get(key, 0), 1 if row.hostless else cost.connections)
        login = (row.speaks, target.credentials, _own_options(target)) if cost.shared_login else position
        if login in logins:
            continue
        logins.add(login)
        if logs_in or (named and depth.height >= Step.AUTH.height):
            shared[key] += cost.with_credential - cost.connections
        if logs_in:
            # Each further account is one more climb. Those beyond the bound climb if others are known to be refused.
            shared[key] += cost.with_credential * len(target.alternatives)
            attempts += cost.login_attempts * min(len(target.credentials), max_attempts)
        elif ALLOW_LOGIN_PROBE.of(target.options) is True:
            probes += 1  # the protocol begins with a login, here one with an invented user
        else:
            probes += cost.probe_logins
    costs = {target.type: catalogue()[target.type].cost for target in members}
    host, transport, port = _first_contact(members[0])
    return {
        "host": host,
        "port": port,
        "protocol": transport,
        "types": [target.type for target in members],
        "proxy_for": list(dict.fromkeys(one.host for one in members if catalogue()[one.type].relay(one))),
        "further_ports": _further_ports(members, depth),
        "detours": _detours(members),
        "connections": sum(shared.values()),
        "login_attempts": attempts,
        "probe_logins": probes,
        "credentials": sorted(
            {account.name for t in members if depth.height >= Step.LOGIN.height for account in t.credentials}
        ),
        "logins_for": {name: cost.logins_for for name, cost in costs.items() if attempts and cost.logins_for},
        "log": {name: cost.log for name, cost in costs.items() if cost.log},
    }


def _further_ports(members: list[Target], depth: Step) -> list[dict[str, Any]]:
    """Return the further ports on which these types are contacted: of logins, brokers, and what brokers name."""
    from scanready.report.rules import rules

    wanted: dict[tuple[str, str], dict[str, Any]] = {}
    for target in members:
        _, *first = _first_contact(target)
        asked = target if depth.height >= Step.LOGIN.height else replace(target, credential=None, alternatives=())
        for rule in rules(asked, lambda _: ""):
            if [rule.transport, rule.ports] != [first[0], str(first[1])]:
                entry = {"protocol": rule.transport, "ports": rule.ports, "when": rule.when, "why": rule.why}
                wanted.setdefault((rule.transport, rule.ports), entry)
    return list(wanted.values())


def _detours(members: list[Target]) -> list[dict[str, str]]:
    """Return the contacts that a check of these targets makes in special cases only."""
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for target in members:
        for one in catalogue()[target.type].cost.detours:
            for ports in one.ports.split(",") if one.applies(target) else ():
                entry = {"host": one.host or target.host, "protocol": one.transport, "ports": ports, "when": one.when}
                found.setdefault((entry["host"], one.transport, ports), entry)
    return list(found.values())


def _own_options(target: Target) -> str:
    """Return the options of a target that a login depends on: all but the one that names what is read."""
    path = catalogue()[target.type].path
    return repr(sorted((name, value) for name, value in target.options.items() if name != path))


def _not_contacted(target: Target) -> dict[str, Any]:
    row = catalogue().get(target.type)
    why = row.broken if row else "not built in this version"
    return {"host": target.host, "type": target.type, "port": target.port, "reason": why}


def _hostless(target: Target) -> bool:
    return catalogue()[target.type].hostless


def _canary_port() -> int:
    from scanready.run.settings import CANARY_PORT

    return CANARY_PORT
