"""Find the store that the options name, and the facts to store of a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanready.cli.messages import warn
from scanready.store import StoreError, remarks

from .job import Options, Record

if TYPE_CHECKING:
    from scanready.store import Store, StoredRun

_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


def recording(
    options: Options,
    source: str,
    only: tuple[str, ...] = (),
    types: tuple[str, ...] = (),
    failed_from: str | None = None,
    agent: str | None = None,
    *,
    no_login: bool = False,
    guards: tuple[str, ...] = (),
) -> Record | None:
    """Return how to store a run; None with --no-store, or, with a warning, if it cannot be stored."""
    if options.no_store:
        return None
    try:
        path = store_path(options.store)
        for remark in remarks(path):
            warn(remark)
        return Record(path, source, only, types, failed_from, agent, no_login, guards)
    except StoreError as error:
        warn(f"this run is not stored: {error}")
        return None


def store_path(named: str | None) -> Path:
    """Return the store's file.

    Raises:
        StoreError: no file is named, and this user has no data directory; or a directory is named.
    """
    if named and named.endswith(_SEPARATORS):  # Path drops a separator at the end
        raise StoreError(f"{named} is a directory: name a file")
    if named:
        return Path(named)
    from scanready.store import default_path

    return default_path()


def open_store(named: str | None) -> Store:
    """Open the store for reading.

    Raises:
        click.UsageError: it cannot be read.
    """
    from scanready.store import Store

    try:
        return Store(store_path(named))
    except StoreError as error:
        raise click.UsageError(str(error)) from error


def find_run(store: Store, text: str) -> StoredRun:
    """Return a run by its name, or ``last`` and the like.

    Raises:
        click.UsageError: there is none.
    """
    try:
        return store.find(text)
    except StoreError as error:
        raise click.UsageError(str(error)) from error
