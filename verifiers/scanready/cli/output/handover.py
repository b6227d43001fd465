"""``report --split owner=DIR``: write one file for each owner, ready to send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scanready.cli.messages import fitting, warn
from scanready.cli.selection import Selection
from scanready.files.atomic_file import AtomicFile
from scanready.model import Owner, Report
from scanready.report.document import RunInfo
from scanready.report.estate import EstateInfo, Row
from scanready.report.estate.causes import EstateCauses
from scanready.report.groups import Groups
from scanready.report.handover import Unchecked, nothing, page
from scanready.report.paper import counted

_DONE = "nothing left to do"


class Handover:
    """Collect the reports of a run, and write a file for each owner that has something to do.

    Args:
        directory: created, for this user only, if it does not exist.
        mode: the permissions of the files; None keeps those of an existing file, and means 0600 for a new one.
        wanted: the selection of the reports. If it omits reports, the files of other owners are left as they are.
        unchecked: the targets that an interruption left out; each file names them.

    Raises:
        click.UsageError: the directory does not exist and cannot be created.
    """

    def __init__(
        self, directory: str, run: RunInfo | EstateInfo, mode: int | None, wanted: Selection, unchecked: Unchecked
    ) -> None:
        self._directory, self._run, self._mode = Path(directory), run, mode
        self._groups: Any = EstateCauses(every_owner=True) if isinstance(run, EstateInfo) else Groups(run)
        self._wanted, self._unchecked = wanted, unchecked
        try:
            self._directory.mkdir(0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise click.UsageError(f"--split: cannot create {fitting(directory)}: {error.strerror}") from error

    def add(self, report: Report | Row) -> None:
        """Add one report, or one row of an estate view, to the groups of its owners."""
        self._groups.add(report)

    def write(self) -> bool:
        """Write the files and name them on standard error; an old file of an owner with nothing left to do says so.

        A selection proves nothing about the targets that it omits, so it never replaces an old file by "nothing to do".
        Neither does an interrupted run: such a file names the targets that were not checked.

        Returns:
            True if all files were written; standard error names the others, with the reason.
        """
        by_owner, whole = self._groups.by_owner(), True
        for owner in Owner:
            file = self._directory / f"{owner}.md"
            if not self._wanted.concerns(owner):
                continue
            if groups := by_owner.get(owner):
                count = len({member.place for group in groups for member in group.members})
                text = page(owner, groups, self._run, self._wanted.expressions, self._unchecked)
                what = counted(count, "target")
            elif file.exists() and self._wanted.expressions:
                warn(f"{fitting(str(file))}: left as it is; --only selects nothing for this owner")
                continue
            elif file.exists():
                text = nothing(owner, self._run, self._unchecked)
                what = f"nothing found yet, {self._unchecked.count} not checked" if self._unchecked.count else _DONE
            else:
                continue
            try:
                with AtomicFile(str(file), mode=self._mode) as out:
                    out.write(text.encode())
                    out.commit()
                warn(f"{fitting(str(file))}: {what}")
            except OSError as error:
                warn(f"cannot write {fitting(str(file))}: {error.strerror}")
                whole = False
        if self._unchecked.count:
            again = f"; to check them: {self._unchecked.again}" if self._unchecked.again else ""
            warn(f"the run was interrupted: {counted(self._unchecked.count, 'target')} not checked{again}")
        return whole
