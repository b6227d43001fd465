"""``--export FILE`` of ``verify`` and ``report``: write the results for another host, which merges those of many."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanready.cli.job.earlier import Known, entry
from scanready.cli.job.job import Options
from scanready.cli.messages import fitting
from scanready.files.atomic_file import AtomicFile
from scanready.files.same import is_same
from scanready.report.estate.export import Estate, Export, estate_object, estate_of, estate_restored

from .outlet import Outlet
from .outputs import Output, Outputs

if TYPE_CHECKING:
    from scanready.inventory import Inventory
    from scanready.store import Event, Store, StoredRun

#: zlib writes a gzip file with this window. Its header has no time, so that equal results are equal files.
_GZIP = 31


class _CompressedFile(AtomicFile):
    """A file that appears whole, or not at all."""

    def __init__(self, name: str, *, mode: int | None) -> None:
        self._compressor = zlib.compressobj(wbits=_GZIP)
        super().__init__(name, mode=mode)

    def write(self, data: Any) -> int:
        """Write all of ``data``."""
        if packed := self._compressor.compress(data):
            super().write(packed)
        return len(data)

    def commit(self) -> None:
        """Write the end of the stream, and put the file in place.

        Raises:
            OSError: that failed; the file is what it was.
        """
        super().write(self._compressor.flush())
        super().commit()


def add_export(outputs: Outputs, name: str, options: Options, keep: Sequence[str], document: Export) -> None:
    """Add the export to the outputs.

    Args:
        name: the file to write.
        options: they have the other outputs, which must be other files.
        keep: the input files, which must be other files, too.

    Raises:
        click.UsageError: the file cannot be written, is an input or another output, or is standard output.
    """
    if name == "-":
        raise click.UsageError("--export writes a compressed file: name one, as in --export proxy-nyc.scanready")
    others = (options.output, options.transcript, options.bundle, *(report for _, report in options.reports), *keep)
    if any(is_same(name, other) for other in others if other not in (None, "-")):
        raise click.UsageError(f"--export: {fitting(name)} is the input or another output; write to another file")
    try:
        raw = _CompressedFile(name, mode=options.file_mode)
    except OSError as error:
        raise click.UsageError(f"cannot write {fitting(name)}: {error.strerror}") from None
    outlet = Outlet(raw, fitting(name), owned=True)
    outputs.outputs.append(Output(document, outlet))
    outputs.watch(outlet, close=False)


def described(inventory: Inventory, file: str) -> Estate:
    """Return the description of the whole inventory, whichever of its targets are checked; "-" is standard input."""
    return estate_of(inventory.targets, inventory.agents, "" if file == "-" else Path(file).name)


def stored(estate: Estate, known: Known) -> dict[str, Any]:
    """Return what a stored run keeps for an export of it, as JSON types."""
    in_a_row = [[*account, count] for account, count in known.in_a_row.items()]
    return {"estate": estate_object(estate), "known": list(known.entries), "in_a_row": in_a_row}


def export_of(run: StoredRun, store: Store) -> Export:
    """Return the document of a stored run, with the logins of its journal: a killed run has no results of some.

    Raises:
        click.UsageError: the run does not have what :func:`stored` returns.
        NotAResult: that is damaged.
    """
    kept = json.loads(run.asked).get("export")
    if not isinstance(kept, dict):
        raise click.UsageError(
            f"--export: {fitting(run.name)} has no description of an inventory, since it is a run of "
            f"{fitting(run.command)} or of an older scanready; `scanready merge` takes it as it is"
        )
    known, rows = kept.get("known"), kept.get("in_a_row")
    counts = {(row[0], row[1]): row[2] for row in rows if _is_count(row)} if isinstance(rows, list) else {}
    entries = known if isinstance(known, list) else ()
    return Export(estate_restored(kept.get("estate")), entries, counts, run.ended or "", _noted(run, store))


def _noted(run: StoredRun, store: Store) -> list[dict[str, Any]]:
    """Return the logins of a run that were refused, or have no outcome, as far as the journal still has them."""
    from scanready.store import read_accounts

    begun = {(name, place) for name, _, place, outcome in store.attempts(run) if outcome != ""}
    if not begun:
        return []
    found: dict[tuple[str, Event], dict[str, Any]] = {}
    for record in read_accounts(store.path):
        logins = [(login.event, login.tries) for login in record.logins]
        if record.refused and record.refusals:
            logins.append((record.refused, record.refusals))
        for event, tries in logins:
            if (record.credential, event.place) in begun and event.when >= run.started:
                found[record.credential, event] = entry(record, event, tries)
    return list(found.values())


def _is_count(row: Any) -> bool:
    return isinstance(row, list) and [type(one) for one in row] == [str, str, int]
