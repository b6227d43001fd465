"""``verify --export FILE``: write the results for another host, which merges those of many agents."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from scanready.cli.job.job import Options
from scanready.cli.messages import fitting
from scanready.files.atomic_file import AtomicFile
from scanready.model import DeclaredAgent, Target
from scanready.report.estate.export import Export, estate_of

from .outlet import Outlet
from .outputs import Output, Outputs

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
    options: Options,
    inventory: str,
    targets: Sequence[Target],
    agents: Sequence[DeclaredAgent],
    keep: Sequence[str],
) -> None:
    """Add the export to the outputs, if one is asked for.

    Args:
        inventory: the inventory's file; "-" is standard input.
        targets: all targets of the inventory, whichever of them are checked.
        agents: the agents that it declares.
        keep: files that are being read and must not be overwritten.

    Raises:
        click.UsageError: the file cannot be written, is one of ``keep`` or of another output, or is standard output.
    """
    name = options.export
    if name is None:
        return
    if name == "-":
        raise click.UsageError("--export writes a compressed file: name one, as in --export proxy-nyc.scanready")
    others = (options.output, options.transcript, options.bundle, *(file for _, file in options.reports), *keep)
    if os.path.realpath(name) in {os.path.realpath(other) for other in others if other not in (None, "-")}:
        raise click.UsageError(f"--export: {fitting(name)} is the input or another output; write to another file")
    try:
        raw = _CompressedFile(name, mode=options.file_mode)
    except OSError as error:
        raise click.UsageError(f"cannot write {fitting(name)}: {error.strerror}") from None
    shown = "" if inventory == "-" else Path(inventory).name
    outlet = Outlet(raw, fitting(name), owned=True)
    outputs.outputs.append(Output(Export(estate_of(targets, agents, shown)), outlet))
    outputs.watch(outlet, close=False)
