"""Write the documents of a run: one to standard output or ``-o FILE``, more with ``--report``."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from scanready.cli.exit import READER_GONE
from scanready.cli.job.interrupt import INTERRUPTED
from scanready.cli.messages import fitting
from scanready.files.atomic_file import AtomicFile
from scanready.files.same import is_same
from scanready.model import Report
from scanready.report import FORMATS

from .outlet import Outlet, standard_output
from .standard_output import data_stream

if TYPE_CHECKING:
    from scanready.report.document import RunInfo, Totals
    from scanready.report.estate import EstateInfo, EstateTotals, Row

    from .bundle import Bundle

# The number of results that may wait for a slow reader before probing pauses.
_BACKLOG = 256


@dataclass(slots=True)
class Output:
    """One document and where it goes.

    The document is one of a run, which takes reports, or one of an estate view, which takes rows.
    """

    document: Any
    outlet: Outlet


class Outputs:
    """Hold all outputs of a run; call ``before_terminal`` before text goes to a terminal, to clear the progress."""

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
        """Also report a failure of an outlet without a document, and close it at the end."""
        outlet.on_failure = self._failed
        self._watched.append(outlet)
        if close:
            self._closed.append(outlet)

    def begin(self, run: RunInfo | EstateInfo) -> None:
        """Write the beginning of each document, before the first result."""
        for output in self.outputs:
            self._write(output, output.document.begin(run))

    async def add(self, report: Report | Row) -> None:
        """Write one result, or one row of an estate view, to every document; wait while a reader is far behind."""
        for output in self.outputs:
            self._write(output, output.document.add(report))
        while any(output.outlet.backlog > _BACKLOG for output in self.outputs):
            from asyncio import sleep  # imported late, since commands without a run also open outputs

            await sleep(0.02)

    def end(self, totals: Totals | EstateTotals) -> None:
        """Write the end of each document, and wait until it is written."""
        for output in self.outputs:
            self._write(output, output.document.end(totals))
        for outlet in [*(output.outlet for output in self.outputs), *self._closed]:
            outlet.close()

    def hurry(self) -> None:
        """Wait a moment for queued text to be written, before the process ends."""
        for output in self.outputs:
            output.outlet.close(0.2, complete=False)

    @property
    def code(self) -> int | None:
        """The exit code that an output forces: 2 if one was lost, 141 if no output has a reader left."""
        outlets = [output.outlet for output in self.outputs]
        if any(outlet.error is not None and not outlet.reader_gone for outlet in [*outlets, *self._watched]):
            return 2
        if not any(outlet.alive for outlet in outlets):
            return READER_GONE
        return None

    def exit_code(self, judged: int) -> int:
        """Return the exit code of the process; ``judged`` is the exit code of the results.

        A monitoring system understands only its own codes: there a lost output is unknown, not critical.
        """
        from scanready.report.document import UNKNOWN, OwnExitCode

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
        """Report a failed outlet immediately; call ``when_dry`` if no output is left, so that probing stops."""
        if not outlet.reader_gone and outlet.error is not None:
            rest = "; the rest goes to standard output" if outlet.alive else ""
            with contextlib.suppress(OSError):
                self.before_terminal()
                sys.stderr.write(f"scanready: cannot write {outlet.name}: {outlet.error.strerror}{rest}\n")
        if not any(output.outlet.alive for output in self.outputs):
            self.when_dry()


def open_outputs(
    main: Any,
    file: str | None,
    others: Sequence[tuple[str, Any, str]],
    keep: Sequence[str],
    whole: bool = False,
    mode: int | None = None,
    people: bool = False,
) -> Outputs:
    """Open every output before anything is probed.

    Args:
        file: the file for ``main``; None or "-" is standard output.
        others: option text, document and file of each ``--report``.
        keep: files that are being read (the inventory) and must not be overwritten.
        whole: replace ``file`` in one step; the format decides for each of ``others``.
        mode: the permissions of the files; None keeps those of an existing file, and means 0600 for a new one.
        people: ``main`` is text for people; the format decides for each of ``others``.

    Raises:
        click.UsageError: a file cannot be opened, is named twice, or is one of ``keep``.
    """
    taken = _resolved(keep)
    opened: list[Output] = []
    if file not in (None, "-"):
        people = any(name == "-" and FORMATS[text.partition("=")[0]].people for text, _, name in others)
    stdout = standard_output(threaded=not data_stream().isatty(), people=people)
    if file in (None, "-"):
        opened.append(Output(main, stdout))
    else:
        opened.append(Output(main, _open(str(file), taken, mode, fallback=stdout, whole=whole)))
    for text, document, name in others:
        if name != "-":
            opened.append(Output(document, _open(name, taken, mode, whole=FORMATS[text.partition("=")[0]].whole)))
        elif any(output.outlet is stdout for output in opened):
            raise click.UsageError(
                f"--report {fitting(text)}: standard output is in use; write the other report to -o FILE"
            )
        else:
            opened.append(Output(document, stdout))
    return Outputs(opened)


def open_file(name: str, keep: Sequence[str], mode: int | None = None, *, whole: bool = False) -> Outlet:
    """Open one more file for writing, under the same rules as :func:`open_outputs`."""
    return _open(name, _resolved(keep), mode, whole=whole)


def spare(names: Iterable[str | None], keep: Sequence[str]) -> None:
    """Refuse an output that would overwrite one of the files ``keep``, before these are read.

    Raises:
        click.UsageError: an output is one of them, or named twice.
    """
    taken = _resolved(keep)
    for name in names:
        if name not in (None, "-"):
            _take(str(name), taken)


def _resolved(names: Sequence[str]) -> list[str]:
    return [os.path.realpath(name) for name in names if os.path.exists(name)]


def _open(
    name: str, taken: list[str], mode: int | None, fallback: Outlet | None = None, *, whole: bool = False
) -> Outlet:
    _take(name, taken)
    try:
        raw = AtomicFile(name, mode=mode, streamed=not whole)
        return Outlet(raw, fitting(name), owned=True, fallback=fallback)
    except OSError as error:
        raise click.UsageError(f"cannot write {fitting(name)}: {error.strerror}") from None


def _take(name: str, taken: list[str]) -> None:
    """Add the file to those that are taken.

    Raises:
        click.UsageError: it is one of them.
    """
    where = os.path.realpath(name)  # Path.resolve raises for a link that leads to itself
    if any(is_same(where, other) for other in taken) and not where.startswith("/dev/"):
        raise click.UsageError(
            f"{fitting(name)} would be overwritten: it is the input, or named twice; write to another file"
        )
    taken.append(where)
