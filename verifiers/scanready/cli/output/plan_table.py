"""Draw the plan of a run for people: endpoints, totals, further ports, and the targets' log entries."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.text import Text

from scanready.cli.output.terminal import look
from scanready.model.platforms import platform_name
from scanready.report.paper import Paper, counted, headed, pairs
from scanready.wire.printable import visible

if TYPE_CHECKING:
    from rich.table import Table

_GUARD = (
    "at most one refused login per account and run, because after a refusal scanready makes no further login with the "
    "account; at most {unanswered} logins that get no answer"
)
_LONGEST = 1200


def draw(plan: dict[str, Any]) -> str:
    """Return the plan as text.

    Args:
        plan: as :func:`scanready.cli.commands.plan.plan_object` returns it.
    """
    paper = Paper(look())
    if plan["endpoints"]:
        paper.draw(_endpoints(plan), Text(""))
    for line in (*_agent(plan), *_totals(plan), *_time(plan["time"]), *_bounds(plan)):
        paper.draw(Text(visible(line, _LONGEST)))
    for title, entries in (
        ("further ports that a scan needs on these targets", _further_ports(plan["endpoints"])),
        ("further contacts of a check, in these cases only", _detours(plan["endpoints"])),
        ("logins of one target, if its account is accepted", _logins(plan["endpoints"])),
        ("entries in the targets' logs", _logs(plan["endpoints"])),
    ):
        if entries:
            paper.draw(Text(f"\n{title}"))
            paper.draw(pairs(entries), indent=2)
    paper.draw(Text("\nnothing was contacted", "dim"))
    return paper.text()


def _endpoints(plan: dict[str, Any]) -> Table:
    table = headed()
    table.add_column("host", overflow="fold", min_width=8)
    table.add_column("port", justify="right", no_wrap=True)
    table.add_column("types", overflow="fold")
    for name in ("connections", "logins", "probe logins"):
        table.add_column(name, justify="right")
    table.add_column("credential", overflow="fold")
    for row in plan["endpoints"]:
        table.add_row(
            Text(visible(row["host"] + (f" (proxy for {', '.join(row['proxy_for'])})" if row["proxy_for"] else ""))),
            str(row["port"]) if row["protocol"] == "tcp" else f"{row['protocol']} {row['port']}",
            ", ".join(row["types"]),
            str(row["connections"]),
            str(row["login_attempts"]),
            str(row["probe_logins"]),
            Text(visible(", ".join(row["credentials"]))),
        )
    return table


def _agent(plan: dict[str, Any]) -> Iterator[str]:
    agent = plan["agent"]
    if agent is None:
        if several := plan["agents"]:
            them = counted(len(several), "agent")
            yield f"the inventory has {them}; this plan counts each target once (--as NAME: the share of one agent)"
        return
    known = [platform_name(agent["platform"])] if agent["platform"] else []
    if agent["sites"]:
        known.append(f"site{'s' * (len(agent['sites']) > 1)} {', '.join(agent['sites'])}")
    known += agent["addresses"]
    yield f"agent {agent['name']}" + (f": {', '.join(known)}" if known else "")
    for verb, notes in (("blocked on this agent", agent["refused"]), ("not recommended", agent["unsuited"])):
        for one in notes:
            yield f"{verb}: {one['type']} ({one['targets']}): {one['note']}"
    if total := agent["same_subnet"] + agent["elsewhere"]:
        yield f"in a subnet of this agent: {agent['same_subnet']} of {counted(total, 'target')} with an address"


def _totals(plan: dict[str, Any]) -> Iterator[str]:
    total, canary, second = plan["total"], plan["canary"], plan["second_visits"]
    contacted = total["targets"] - len(plan["not_built"])
    if untyped := total["untyped_hosts"]:
        yield f"{counted(untyped, 'host')} without a type: every type is tried there, as listed above"
    yield (
        f"{counted(contacted, 'target')} on {counted(total['hosts'], 'host')}, checked up to the step {plan['depth']}"
        f"{'' if plan['login'] else ', without a login (--no-login)'}: "
        f"at most {counted(total['connections'], 'connection')}, {counted(total['login_attempts'], 'login attempt')}, "
        f"{counted(total['probe_logins'], 'login')} with an invented account"
    )
    if second["targets"]:
        yield (
            f"at most {counted(second['connections'], 'further connection')}: {counted(second['targets'], 'target')} "
            "may be visited twice, because only one login at a time is made with a new account"
        )
    if (fleet := plan.get("fleet")) and fleet["targets"]:
        yield (
            f"with `fleet verify`: at most {counted(fleet['connections'], 'further connection')} from each agent, "
            f"because it visits {counted(fleet['targets'], 'target')} with a credential up to the login prompt first"
        )
    if canary["hosts"]:
        yield (
            f"at most {counted(canary['hosts'], 'further connection')} to the unused port {canary['port']}, one for "
            "each host (omitted with --no-canary)"
        )


def _time(time: dict[str, Any]) -> Iterator[str]:
    """Say how long a run takes, and what bounds it."""
    bounds = [
        f"{time[name]:g} {words}"
        for name, words in (
            ("half_open", "half-open connections"),
            ("connect_rate", "new ones per second"),
            ("per_net", "half-open in one /24"),
        )
        if time[name] is not None
    ]
    least = f"{_duration(time['all_answer'])} if all targets answer at once, " if time["all_answer"] else ""
    yield (
        f"expected time: {least}{_duration(time['none_answers'])} if none answers"
        + (f" (at most {', '.join(bounds)})" if bounds else "")
    )


def _duration(seconds: float) -> str:
    """Return ``4 s``, ``2 min``, ``1 h 30 min``: a minute of an hour is as exact as it can be."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _bounds(plan: dict[str, Any]) -> Iterator[str]:
    for one in plan["accounts"]:
        kind = counted(len(one["credentials"]), "credential").partition(" ")[2]
        names, places = f"{kind} {', '.join(one['credentials'])}", counted(one["endpoints"], "endpoint")
        yield f"account {one['user']} ({names}): {places}" if one["user"] else f"the account of the {names}: {places}"
    if plan["accounts"]:
        yield _GUARD.format(unanswered=plan["guard"]["unanswered_logins_per_account"])
    if plan["master"]:
        yield f"not contacted: the Master Server {plan['master']}; check it with `scanready agent`"
    kinds = Counter((entry["type"], entry["reason"]) for entry in plan["not_built"])
    for (name, reason), number in kinds.items():
        yield f"not contacted: {name} ({number}): {reason}"


def _logs(endpoints: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the types that cause the same log entry, and that entry."""
    notes: dict[str, dict[str, None]] = {}
    for name, note in [item for row in endpoints for item in row["log"].items()]:
        notes.setdefault(note, {})[name] = None
    return [(", ".join(names), note) for note, names in notes.items()]


def _logins(endpoints: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the types whose accepted account logs in more than once, and what these logins are for."""
    return list({name: words for row in endpoints for name, words in row["logins_for"].items()}.items())


def _detours(endpoints: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the types with the same detours, and these detours in words."""
    found: dict[str, dict[str, None]] = {}
    for row in endpoints:
        cases: dict[tuple[str, str], list[str]] = {}
        for one in row["detours"]:
            elsewhere = "" if one["host"] in (row["host"], *row["proxy_for"]) else f" of {one['host']}"
            cases.setdefault((elsewhere, one["when"]), []).append(f"{one['protocol']} {one['ports']}")
        if cases:
            words = "; ".join(f"{', '.join(ports)}{place} (if {when})" for (place, when), ports in cases.items())
            found.setdefault(words, {}).update(dict.fromkeys(row["types"]))
    return [(", ".join(types), words) for words, types in found.items()]


def _in_words(ports: list[dict[str, Any]]) -> str:
    """Return ``udp 1434; tcp 111, udp 111 (only for NFSv3 and older)``."""
    by_condition: dict[str, list[str]] = {}
    for one in ports:
        by_condition.setdefault(one["when"], []).append(f"{one['protocol']} {one['ports']}")
    return "; ".join(", ".join(of) + (f" (only for {when})" if when else "") for when, of in by_condition.items())


def _further_ports(endpoints: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the types with the same further ports, and these ports in words."""
    found: dict[str, dict[str, None]] = {}
    for row in endpoints:
        if text := _in_words(row["further_ports"]):
            found.setdefault(text, {}).update(dict.fromkeys(row["types"]))
    return [(", ".join(types), text) for text, types in found.items()]
