"""``verify --failed-from RUN``: select the targets of an inventory that failed in a stored run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from scanready.cli.estate_report import judgement
from scanready.cli.messages import fitting, warn
from scanready.cli.selection import Judgement, Selection
from scanready.cli.source import opened
from scanready.model import HOLDS, Standing, Target
from scanready.report.known import is_waived
from scanready.report.paper import counted
from scanready.report.serialize import identity
from scanready.run.any_type import narrowed


class FailedRun:
    """Hold the failed targets of a run: blocked, undecided, or worse than ``require`` demands.

    Known failures that did not count in that run are not among them. A run of several agents counts by estate verdict.

    Attributes:
        name: a lasting name of the run: its own name, or the absolute path of the file.

    Raises:
        click.UsageError: there is no such run, or it cannot be read.
    """

    def __init__(self, run: str, store: str | None, require: str | None) -> None:
        self._judged: dict[str, Judgement] = {}
        self._failed: set[str] = set()
        with opened(run, store) as source:
            self.name = os.path.realpath(run) if os.path.exists(run) else source.name
            if source.has_several_agents():
                for row in source.view().rows():
                    verdict, waived = row.verdict.verdict, row.standing is Standing.WAIVED
                    self._add(row.target, judgement(row), failed=verdict not in HOLDS[require] and not waived)
                return
            for report in source.reports():
                failed = report.verdict not in HOLDS[require] and not is_waived(report)
                self._add(report.target, Judgement.of(report), failed=failed)

    def _add(self, target: Target, judged: Judgement, *, failed: bool) -> None:
        key = identity(target)
        self._judged[key] = judged
        if failed:
            self._failed.add(key)

    def selected(self, targets: Sequence[Target], wanted: Selection) -> list[Target]:
        """Return the failed ones of ``targets`` that ``wanted`` selects; warn with the reason if there are none."""
        judged = [(target, self._judged.get(identity(target))) for target in targets]
        failed = [(target, found) for target, found in judged if found and identity(target) in self._failed]
        chosen = [part for target, found in failed for part in narrowed([target], _accepted_by(wanted, found))]
        if unknown := sum(found is None for _, found in judged):
            warn(f"not checked: {counted(unknown, 'target')} of the inventory without a result in {fitting(self.name)}")
        if not failed:
            warn(f"nothing selected: no target of the inventory failed in {fitting(self.name)}")
        elif not chosen:
            warn(wanted.takes_nothing(*_by_id(failed)))
        return chosen


def _accepted_by(wanted: Selection, found: Judgement) -> Callable[[Target], bool]:
    """Return the filter of one target: what the run found of a host without a type also holds for its types.

    The types that the run found do not count: as in any other `verify`, only the selected types are tried there.
    """
    judged = replace(found, types=())
    return lambda target: wanted.takes(target, judged)


def _by_id(failed: Sequence[tuple[Target, Judgement]]) -> tuple[list[Target], dict[int, Judgement]]:
    return [target for target, _ in failed], {id(target): found for target, found in failed}
