"""The documents of a run and the places they go to: one on standard output or in ``-o FILE``, more by ``--report``."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from scanready.cli.exit import READER_GONE
from scanready.cli.job.interrupt import INTERRUPTED
from scanready.cli.messages import fitting
from scanready.files.atomic_file import AtomicFile
from scanready.model import Report
from scanready.report import FORMATS
from scanready.report.document import UNKNOWN, Document, OwnExitCode, RunInfo, Totals

from .outlet import Outlet, standard_output
from .standard_output import data_stream

if TYPE_CHECKING:
    from .bundle import Bundle

# So many results may wait for a slow reader before probing waits for it as well.
_BACKLOG = 256


@dataclass(slots=True)
class Output:
    """One document and where it goes."""

    document: Document
    outlet: Outlet


class Outputs:
    """All outputs of a run. ``before_terminal`` is called before text goes to a terminal (to clear a progress line)."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self.outputs = list(outputs)
        self._watched: list[Outlet] = []
        self._closed: list[Outlet] = []
        self.bundle: Bundle | None = None
        self.before_terminal: Callable[[], None] = lambda: None
        self.when_dry: Callable[[], None] = lambda: None
        for output in self.outputs:
            output.outlet.on_failure = self._failed

    def watch(self, outlet: Outlet, *, close: bool = True) -> None:
        """Tell of a failure of this one as well, which no document goes to; and close it in the end."""
        outlet.on_failure = self._failed
        self._watched.append(outlet)
        if close:
            self._closed.append(outlet)

    def begin(self, run: RunInfo) -> None:
        """Write what comes before the first result."""
        for output in self.outputs:
            self._write(output, output.document.begin(run))

    async def add(self, report: Report) -> None:
        """Write one result everywhere; wait while a reader is far behind."""
        for output in self.outputs:
            self._write(output, output.document.add(report))
        while any(output.outlet.backlog > _BACKLOG for output in self.outputs):
            from asyncio import sleep  # commands without a run open outputs, too

            await sleep(0.02)

    def end(self, totals: Totals) -> None:
        """Write what comes last, and wait until it is written."""
        for output in self.outputs:
            self._write(output, output.document.end(totals))
        for outlet in [*(output.outlet for output in self.outputs), *self._closed]:
            outlet.close()

    def hurry(self) -> None:
        """Give what was handed over a moment to get out, when the process is about to be ended."""
        for output in self.outputs:
            output.outlet.close(0.2, complete=False)

    @property
    def code(self) -> int | None:
        """The exit code that an output forces: 2 if one was lost, 141 if there is nobody left to read any."""
        outlets = [output.outlet for output in self.outputs]
        if any(outlet.error is not None and not outlet.reader_gone for outlet in [*outlets, *self._watched]):
            return 2
        if not any(outlet.alive for outlet in outlets):
            return READER_GONE
        return None

    def exit_code(self, judged: int) -> int:
        """Return what the process shall end with, where ``judged`` is what the results say.

        A monitoring system understands its own codes only: a lost output is unknown there, not critical.
        """
        forced = self.code
        main = self.outputs[0].document
        if isinstance(main, OwnExitCode):
            return main.exit_code if forced is None else UNKNOWN
        return judged if forced is None or judged == INTERRUPTED else forced

    def _write(self, output: Output, text: str) -> None:
        if text:
            self.before_terminal()
            output.outlet.write(text)

    def _failed(self, outlet: Outlet) -> None:
        """Say so at once; once nothing is left to write to, there is nothing left to probe for."""
        if not outlet.reader_gone and outlet.error is not None:
            goes_on = "; the rest goes to standard output" if outlet.alive else ""
            with contextlib.suppress(OSError):
                self.before_terminal()
                sys.stderr.write(f"scanready: cannot write {outlet.name}: {outlet.error.strerror}{goes_on}\n")
        if not any(output.outlet.alive for output in self.outputs):
            self.when_dry()


def open_outputs(
    main: Document,
    file: str | None,
    others: Sequence[tuple[str, Document, str]],
    keep: Sequence[str],
    whole: bool = False,
    mode: int | None = None,
) -> Outputs:
    """Open every place before anything is probed.

    Args:
        file: where ``main`` goes; None or "-" is standard output.
        others: option text, document and file of each ``--report``.
        keep: files that are being read (the inventory) and must not be overwritten.
        whole: ``file`` is replaced in one step; of ``others``, those of such a format are.
        mode: the permissions of the files; None keeps those of an existing file, and is 0600 for a new one.

    Raises:
        click.UsageError: a file cannot be opened, is named twice, or is one of ``keep``.
    """
    taken = _resolved(keep)
    opened: list[Output] = []
    stdout = standard_output(threaded=not data_stream().isatty())
    if file in (None, "-"):
        opened.append(Output(main, stdout))
    else:
        opened.append(Output(main, _open(str(file), taken, mode, fallback=stdout, whole=whole)))
    for text, document, name in others:
        if name != "-":
            opened.append(Output(document, _open(name, taken, mode, whole=FORMATS[text.partition("=")[0]].whole)))
        elif any(output.outlet is stdout for output in opened):
            raise click.UsageError(
                f"--report {fitting(text)}: standard output is taken; give -o FILE for the other one"
            )
        else:
            opened.append(Output(document, stdout))
    return Outputs(opened)


def open_file(name: str, keep: Sequence[str], mode: int | None = None, *, whole: bool = False) -> Outlet:
    """Open one more file to write to, under the same rules."""
    return _open(name, _resolved(keep), mode, whole=whole)


def _resolved(names: Sequence[str]) -> list[str]:
    return [os.path.realpath(name) for name in names if os.path.exists(name)]


def _open(
    name: str, taken: list[str], mode: int | None, fallback: Outlet | None = None, *, whole: bool = False
) -> Outlet:
    where = os.path.realpath(name)  # of a link that leads to itself, Path.resolve makes an exception
    if where in taken and not where.startswith("/dev/"):
        raise click.UsageError(f"{fitting(name)}: this file is the inventory, or named twice; it would be overwritten")
    taken.append(where)
    try:
        raw = AtomicFile(name, mode=mode, streamed=not whole)
        return Outlet(raw, fitting(name), owned=True, fallback=fallback)
    except OSError as error:
        raise click.UsageError(f"cannot write {fitting(name)}: {error.strerror}") from None
