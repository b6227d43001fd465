"""Offer completions to the shell for options and arguments; import heavy modules only when they are needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from scanready.inventory import Inventory


def types(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the target types."""
    from scanready.inventory.options import type_names

    return [name for name in type_names() if name.startswith(incomplete.lower())]


def profiles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the profiles by name, and files."""
    from scanready.profiles.named import profile_names

    named = [_item(name) for name in profile_names() if name.startswith(incomplete)]
    return [*named, *files(ctx, param, incomplete)]


def credentials(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the credentials of the inventory that ``--inventory`` names; nothing if it cannot be read."""
    file = ctx.params.get("inventory")
    if not file or file == "-":
        return []
    inventory = _inventory(file)
    return [name for name in sorted(inventory.defined) if name.startswith(incomplete)] if inventory else []


def agents(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the agents that the inventory of the command line declares; nothing if it cannot be read."""
    inventory = _given_inventory(ctx)
    return [agent.name for agent in inventory.agents if agent.name.startswith(incomplete)] if inventory else []


def sites(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the sites of the inventory of the command line; nothing if it cannot be read."""
    inventory = _given_inventory(ctx)
    names = sorted({site for agent in inventory.agents for site in agent.sites}) if inventory else []
    return [name for name in names if name.startswith(incomplete)]


def _given_inventory(ctx: click.Context) -> Inventory | None:
    """Return the inventory of the command line, if there is one that can be read."""
    from scanready.cli.environment import PREFIX
    from scanready.cli.messages import means_a_file

    given = ctx.params.get("inventory") or ctx.params.get("what") or ()
    # While an option lacks its value, click leaves the arguments unparsed.
    words = [*((given,) if isinstance(given, str) else given), *ctx.args, os.environ.get(f"{PREFIX}INVENTORY", "")]
    file = next((word for word in words if word and word != "-" and means_a_file(word)), None)
    return _inventory(file) if file else None


def _inventory(file: str) -> Inventory | None:
    from scanready.inventory import InventoryError, load

    try:
        return load(file, allow_large=True, credentials=())
    except InventoryError:
        return None  # a completion must not print messages


def expressions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the keys of ``--only`` as ``KEY=``, and the values of keys that have a fixed list."""
    from scanready.cli.selection import JUDGED_KEYS, KEYS

    before, comma, term = incomplete.rpartition(",")
    key, equals, value = term.partition("=")
    if not equals:
        return [f"{before}{comma}{name}=" for name in (*KEYS, *JUDGED_KEYS) if name.startswith(key)]
    known: tuple[str, ...] = JUDGED_KEYS[key][1] if key in JUDGED_KEYS else ()
    if key == "type":
        known = tuple(types(ctx, param, value))
    elif key in ("agent", "site"):
        known = tuple((agents if key == "agent" else sites)(ctx, param, value))
    return [f"{before}{comma}{key}={name}" for name in known if name.startswith(value)]


def targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the target types as ``TYPE://``; the user adds a host."""
    return [f"{name}://" for name in types(ctx, param, incomplete)]


def inventories_and_targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer file names, and the target types as ``TYPE://`` once a letter is typed."""
    begun = targets(ctx, param, incomplete) if incomplete else []
    return [*files(ctx, param, incomplete), *map(_item, begun)]


def codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the codes of all causes."""
    from scanready.run.registry import all_causes

    return [code for code in all_causes() if code.startswith(incomplete.lower())]


def import_kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the kinds of files that are imported."""
    from scanready.inventory.importing import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete.lower())]


def import_columns(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the kinds of columns, as ``KIND=``; the user adds a heading."""
    from scanready.inventory.importing import COLUMN_KINDS

    return [f"{kind}=" for kind in COLUMN_KINDS if kind.startswith(incomplete.lower())]


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete file names."""
    return [_item(incomplete, type_="file")]


def _item(value: str, type_: str = "plain") -> CompletionItem:
    from click.shell_completion import CompletionItem

    return CompletionItem(value, type=type_)


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the newest runs, and file names."""
    from scanready.cli.job.run_store import open_store, store_path
    from scanready.store import StoreError

    names: list[str] = []
    try:
        path = store_path(ctx.params.get("store"))
        if os.path.exists(path):
            with open_store(str(path)) as kept:
                names = ["last", "last~1", *(run.name for run in kept.runs(20))]
    except (StoreError, click.UsageError):
        names = []  # a completion must not print messages
    return [*files(ctx, param, incomplete), *(_item(name) for name in names if name.startswith(incomplete))]
