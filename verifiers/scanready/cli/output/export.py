"""``verify --export FILE``: write the results for another host, which merges those of many agents."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanready.cli.job.earlier import Known
from scanready.cli.job.job import Options
from scanready.cli.messages import fitting
from scanready.files.atomic_file import AtomicFile
from scanready.report.estate.export import Export, estate_of

from .outlet import Outlet
from .outputs import Output, Outputs

if TYPE_CHECKING:
    from scanready.inventory import Inventory

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


def add_export(
    outputs: Outputs,
    name: str,
    options: Options,
    keep: Sequence[str],
    file: str,
    inventory: Inventory,
    known: Known,
) -> None:
    """Add the export to the outputs.

    Args:
        name: the file to write.
        options: they have the other outputs, which must be other files.
        keep: the input files, which must be other files, too.
        file: the inventory's file; "-" is standard input.
        inventory: the whole inventory, whichever of its targets are checked.
        known: what is known of its accounts before the run.

    Raises:
        click.UsageError: the file cannot be written, is an input or another output, or is standard output.
    """
    if name == "-":
        raise click.UsageError("--export writes a compressed file: name one, as in --export proxy-nyc.scanready")
    others = (options.output, options.transcript, options.bundle, *(report for _, report in options.reports), *keep)
    if os.path.realpath(name) in {os.path.realpath(other) for other in others if other not in (None, "-")}:
        raise click.UsageError(f"--export: {fitting(name)} is the input or another output; write to another file")
    try:
        raw = _CompressedFile(name, mode=options.file_mode)
    except OSError as error:
        raise click.UsageError(f"cannot write {fitting(name)}: {error.strerror}") from None
    estate = estate_of(inventory.targets, inventory.agents, "" if file == "-" else Path(file).name)
    outlet = Outlet(raw, fitting(name), owned=True)
    outputs.outputs.append(Output(Export(estate, known.entries, known.in_a_row), outlet))
    outputs.watch(outlet, close=False)
