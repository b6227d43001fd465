"""Collect an inventory as a test file, with one test per target; collecting contacts nothing."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest

from scanready.cli.job.plugin_problems import plugins_load
from scanready.cli.selection import selection
from scanready.cli.share import chooser, own_share
from scanready.inventory import Inventory, InventoryError
from scanready.inventory.reading import read_inventory
from scanready.model import Target, Verdict
from scanready.run.any_type import narrowed
from scanready.run.target_name import name_of

from .checker import Wanted
from .session import Checks, checks_of
from .verdicts import Ending, conclude, held_against, summed_up
from .warning import ScanreadyWarning


class InventoryFile(pytest.File):
    """One inventory file. All of its problems form one collection error, each with its place.

    A secret that is missing fails the targets that need it, and no others.
    """

    def collect(self) -> Iterator[TargetItem]:
        """Yield one item per target, in the order of the file."""
        inventory = self._load()
        for message in inventory.warnings:
            self.warn(ScanreadyWarning(message))
        for target in inventory.targets:
            yield TargetItem.from_parent(self, name=name_of(target), target=target, inventory=inventory)

    def _load(self) -> Inventory:
        told, name = "", checks_of(self.config).setting("as")
        try:
            # A list of the tests needs no secrets.
            wanted = () if self.config.option.collectonly else None
            whole = read_inventory(_near(self.path), credentials=wanted, keep_missing=True, whose=chooser(name))
            inventory = own_share(whole, name).inventory or whole
            plugins_load(inventory.targets)
        except InventoryError as error:
            told = str(error)
        except click.UsageError as error:
            told = error.message.replace("--as", "--scanready-as")
        if told:
            raise self.CollectError(told)
        return inventory


class TargetItem(pytest.Item):
    """One target of an inventory. It passes if ``verify`` exits with 0: scannable, ready, or limited with a warning."""

    is_scanready = True

    def __init__(self, *, target: Target, inventory: Inventory, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.inventory = inventory
        self.extra_keyword_matches.update((target.type, target.host, *target.tags))

    @property
    def missing(self) -> str:
        """The reason why the target's credential has no secret; empty if it has one, or needs none."""
        name = self.target.credential.name if self.target.credential else ""
        return "\n".join(self.inventory.missing.get(name, ()))

    def wanted(self, checks: Checks) -> Wanted:
        """Return the check that this test needs."""
        return Wanted(self.target, checks.settings(self.inventory))

    def runtest(self) -> None:
        """Check the target, or use its report."""
        if self.missing:
            pytest.fail(self.missing, pytrace=False)
        checks = checks_of(self.config)
        report = checks.check_planned(self.wanted(checks), lambda: _planned(self.session, checks))
        today = datetime.datetime.now(datetime.UTC).date()
        conclusion = conclude(held_against(report, self.target.expected, today), checks.require, today)
        if conclusion.warning:
            self.warn(ScanreadyWarning(conclusion.warning))
        if conclusion.ending is Ending.EXPECTED:
            pytest.xfail(conclusion.text)  # which does nothing under --runxfail: then it fails
        if conclusion.ending is not Ending.PASSED:
            pytest.fail(conclusion.text, pytrace=False)
        if report.verdict is Verdict.LIMITED:
            self.warn(ScanreadyWarning(summed_up(report)))

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Return the target's place in the file, and a headline. pytest -v would replace dots in a bare name."""
        line = (self.target.source or "").rpartition(":")[2]
        return self.path, int(line) - 1 if line.isdigit() else None, f"{self.name} in {self.path.name}"


def _planned(session: pytest.Session, checks: Checks) -> list[Wanted]:
    """Return the checks that all selected targets of inventories want."""
    return [item.wanted(checks) for item in session.items if isinstance(item, TargetItem) and not item.missing]


def selected(items: Sequence[pytest.Item], expressions: Sequence[str]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Return the selected items and the others; keep all items that are not targets, and each target of a file once."""
    wanted = selection(expressions)
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    known: set[tuple[Path, str]] = set()
    for item in items:
        if not isinstance(item, TargetItem):
            kept.append(item)
        elif (item.path, item.name) not in known:
            if parts := narrowed([item.target], wanted.among(item.inventory.agents).takes):
                item.target = parts[0]  # of a host without a type, with the selected types only
            (kept if parts else dropped).append(item)
            known.add((item.path, item.name))
    return kept, dropped


def _near(path: Path) -> Path:
    """Return the path relative to the current directory if possible, for messages."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
