"""What the shell is offered behind an option or for an argument. Nothing heavy is imported before it is asked for."""

from __future__ import annotations

import os

import click
from click.shell_completion import CompletionItem


def types(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the target types."""
    from scanready.inventory.options import type_names

    return [name for name in type_names() if name.startswith(incomplete.lower())]


def codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the codes of all causes."""
    from scanready.run.registry import all_causes

    return [code for code in all_causes() if code.startswith(incomplete.lower())]


def import_kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the kinds of files that are imported."""
    from scanready.inventory.importing import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete.lower())]


def import_columns(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer the kinds of columns; a heading follows each."""
    from scanready.inventory.importing import COLUMN_KINDS

    return [f"{kind}=" for kind in COLUMN_KINDS if kind.startswith(incomplete.lower())]


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leave it to the shell, which knows the files."""
    return [CompletionItem(incomplete, type="file")]


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the newest runs, and files where none fits."""
    from scanready.cli.job.run_store import open_store, store_path
    from scanready.store import StoreError

    names: list[str] = []
    try:
        path = store_path(ctx.params.get("store"))
        if os.path.exists(path):
            with open_store(str(path)) as kept:
                names = ["last", "last~1", *(run.name for run in kept.runs(20))]
    except (StoreError, click.UsageError):
        names = []  # a completion is no place for messages
    return [*files(ctx, param, incomplete), *(CompletionItem(name) for name in names if name.startswith(incomplete))]
