"""``scanready credentials``: show what became of each account in earlier runs, or clear an entry."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from scanready.cli.job.earlier import Binding, acceptance_of, bindings, entry
from scanready.cli.job.options import STORE, option, simple_format
from scanready.cli.job.policy import RETRY_AFTER, Policy
from scanready.cli.job.run_store import store_path
from scanready.cli.messages import did_you_mean, fitting, warn
from scanready.cli.output.outlet import show
from scanready.cli.output.terminal import look
from scanready.inventory.sources import changes_unseen
from scanready.run import timestamps
from scanready.store import AccountRecord, Event, StoreError, forget, read_accounts
from scanready.wire.printable import visible

_HELP = """\
\b
Examples:
  scanready credentials                       which accounts were accepted, refused, withheld?
  scanready credentials --forget unix-scan    use it again at once
  scanready credentials --json > mine.json    for `verify --guard mine.json` on another agent

A credential that a server refused is withheld from later runs: for 24 hours (`guard` of the
inventory), until its secret comes from elsewhere or its file is written again, until a
server accepts it, or until --forget or `verify --retry-refused`. After three refusals in a
row, time does not end it. Nothing that comes from a secret is stored. Times are in UTC. A
coordinator (`scanready fleet verify`) notes the logins of each of its agents, too.
"""


@click.command(help=_HELP)
@option("--forget", "forgotten", metavar="NAME", help="Clear what is stored of this credential.")
@STORE
@simple_format
def command(forgotten: str | None, store: str | None, format_: str, as_json: bool) -> None:
    """Credentials."""
    try:
        path = store_path(store)
        is_there = os.path.exists(path)
        records, fleet = (read_accounts(path, of_fleet=one) if is_there else [] for one in (False, True))
        if forgotten is not None:
            _forget(path, [*records, *fleet], forgotten)
            return
    except StoreError as error:
        raise click.UsageError(str(error)) from error
    if as_json or format_ == "json":
        found = {"accounts": [one for record in records for one in _entries(record)]}
        if fleet:
            found["fleet"] = [one for record in fleet for one in _entries(record)]
        show(json.dumps(found, indent=2) + "\n")
    elif not records and not fleet:
        show("no login is stored yet: `check` and `verify` store theirs\n")
    else:
        show(_table(records, fleet), people=True)


def _forget(path: Path, records: list[AccountRecord], name: str) -> None:
    known = sorted({record.credential for record in records})
    if name not in known:
        raise click.UsageError(f"--forget: there is no entry of {fitting(name)!r}{did_you_mean(name, known)}")
    forget(path, name)
    warn(f"forgotten: {visible(name, 120)}; the next run uses the credential again")


def _binding(record: AccountRecord) -> Binding | None:
    return next(bindings(record, Policy(RETRY_AFTER), timestamps.now()), None)


def _entries(record: AccountRecord) -> Iterator[dict[str, Any]]:
    """Yield what is known of one account, as ``verify --guard`` reads it: each refusal, and the last acceptance.

    The coordinator's notes of its agents are no file of theirs: ``verify --guard`` does not read them.
    """
    refused = [record.refused] if record.refused and record.refusals else []
    binding = _binding(record)
    logins = [(event, record.refusals) for event in (*acceptance_of(record), *refused)]
    for event, tries in [*logins, *((login.event, login.tries) for login in record.logins)]:
        bound = binding if binding is not None and binding.event == event else None
        yield {
            **entry(record, event, tries),
            "ambiguous": event.ambiguous,
            "refusals": record.refusals,
            "binds_until": bound.until if bound else None,
            "withheld": bound is not None,
        }


def _state(record: AccountRecord) -> tuple[str, Event | None]:
    """Return the state of an account in a word, and the login that shows it."""
    if record.refusals and record.refused:
        return "refused", record.refused
    event = record.logins[0].event if record.logins else None
    if record.accepted:
        return "accepted", record.accepted
    return ("refused there" if event and event.cause else "unknown"), event


def _binds(record: AccountRecord) -> str:
    """Say until when a credential is withheld, where, and what ends that before."""
    binding = _binding(record)
    if binding is None:
        return "no"
    where = "everywhere" if binding.host is None else f"at {visible(binding.host, 80)}"
    until = f"until {_minute(binding.until)}" if binding.until else "with no end"
    word = "and" if changes_unseen(record.source) else "or"
    return f"{where}, {until}; correct it, {word} --forget {visible(record.credential, 60)}"


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _table(records: list[AccountRecord], fleet: list[AccountRecord]) -> str:
    from rich.text import Text

    from scanready.report.paper import Paper, headed

    paper = Paper(look())
    table = headed()
    for head in ("credential", "user", "authority", *(["agent"] if fleet else []), "state", "where", "when"):
        table.add_column(head, overflow="fold")
    table.add_column("withheld", overflow="fold", min_width=20)
    for record in (*records, *fleet):
        state, event = _state(record)
        place, when = (visible(event.place, 120), _minute(event.when)) if event else ("", "")
        holder = [record.holder or "this host"] if fleet else []
        names = (visible(text, 80) for text in (record.credential, record.username, record.authority or "", *holder))
        table.add_row(*map(Text, (*names, state, place, when, _binds(record))))
    paper.draw(table)
    return paper.text()
