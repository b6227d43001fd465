"""``verify --failed-from RUN``: the targets of an inventory that failed in a stored run."""

from __future__ import annotations

import os
from collections.abc import Sequence

from scanready.cli.messages import fitting, warn
from scanready.cli.selection import Judgement, Selection
from scanready.cli.source import opened
from scanready.model import HOLDS, Target
from scanready.report.known import is_waived
from scanready.report.paper import counted
from scanready.report.serialize import identity


class FailedRun:
    """The targets of a run that failed: that were blocked or undecided, or less than ``require`` demands.

    A known failure that did not count then is none of them.

    Attributes:
        name: the run, as it is found again later: its own name, or the file's path.

    Raises:
        click.UsageError: there is no such run, or it cannot be read.
    """

    def __init__(self, run: str, store: str | None, require: str | None) -> None:
        self._judged: dict[str, Judgement] = {}
        self._failed: set[str] = set()
        with opened(run, store) as source:
            self.name = os.path.realpath(run) if os.path.exists(run) else source.name
            for report in source.reports():
                self._judged[identity(report.target)] = Judgement.of(report)
                if report.verdict not in HOLDS[require] and not is_waived(report):
                    self._failed.add(identity(report.target))

    def selected(self, targets: Sequence[Target], wanted: Selection) -> list[Target]:
        """Return those of ``targets`` that failed and that are wanted; say why if there are none."""
        judged = [(target, self._judged.get(identity(target))) for target in targets]
        failed = [(target, found) for target, found in judged if found and identity(target) in self._failed]
        chosen = [target for target, found in failed if wanted.takes(target, found)]
        if unknown := sum(found is None for _, found in judged):
            warn(f"{fitting(self.name)} has no result for {counted(unknown, 'target')} of the inventory: not checked")
        if not failed:
            warn(f"nothing selected: no target of the inventory failed in {fitting(self.name)}")
        elif not chosen:
            warn(wanted.takes_nothing(*_by_id(failed)))
        return chosen


def _by_id(failed: Sequence[tuple[Target, Judgement]]) -> tuple[list[Target], dict[int, Judgement]]:
    return [target for target, _ in failed], {id(target): found for target, found in failed}
