"""Open one file of a merge: an export, a result file, a support bundle or a stored run."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from scanready.cli.export_file import MAGIC, ExportFile, HeaderRefused, export_file, is_export
from scanready.cli.messages import fitting
from scanready.cli.source import Source, opened, told
from scanready.files.reading import Unreadable
from scanready.model import Agent, Target
from scanready.report.estate.export import End, Estate
from scanready.report.parse import NotAResult
from scanready.store import looks_like_a_run

#: A result as its line, and as JSON types.
Result = tuple[str, Any]
#: The bytes of a file whose compression is taken for that of the whole.
_SAMPLE = 1 << 18


@dataclass(slots=True)
class Input:
    """One file of a merge.

    Attributes:
        name: as the user wrote it.
        results: yields the results, once.
        estate: what it says of the inventory.
        agent: the agent that all of its results must be of; None if it may hold those of several.
        started: UTC, ISO 8601; empty if it does not say.
        end: the last line of an export, once its results are read; None if it is cut off, and for other files.
        absent: the agents that a merged run has no fresh results of, each with the reason.
        unseen: the targets that a merged run has no result for.
        lasting: the name to open it by again: while the merge is stored, `last` is the merge itself.
    """

    name: str
    results: Callable[[], Iterator[Result]]
    estate: Estate = field(default_factory=Estate)
    agent: Agent | None = None
    started: str = ""
    end: Callable[[], End | None] = lambda: None
    absent: Mapping[str, str] = field(default_factory=dict)
    unseen: tuple[Target, ...] = ()
    lasting: str = ""

    @property
    def is_export(self) -> bool:
        """Return True for a file that ``--export`` wrote."""
        return self.agent is not None


class Unfit(Exception):
    """Raise for a file that cannot be merged; the message says why, without the name of the file.

    ``agent`` is the name that the header of an export claims, where the header itself is refused.
    """

    def __init__(self, message: str, agent: str = "") -> None:
        super().__init__(message)
        self.agent = agent


@contextlib.contextmanager
def input_of(name: str, store: str | None) -> Iterator[Input]:
    """Open a file of a merge.

    Raises:
        Unfit: it is no such file; reading its results raises it as well.
    """
    with _unfit(name):
        if os.path.isfile(name) and not Path(name).stat().st_size:
            raise Unfit("it is empty: copy it again")
        if os.path.exists(name) and not os.path.isfile(name) and not Path(name).is_dir():
            raise Unfit(
                "it is not a regular file, and each file is read twice: write it to a file, or pipe it into `merge -`"
            )
        if not looks_like_a_run(name) and os.path.isfile(name) and is_export(name):
            with export_file(name) as file:
                yield _of_export(name, file)
        else:
            with opened(name, store) as source:
                yield _of_source(name, source)


def _of_export(name: str, file: ExportFile) -> Input:
    header = file.header
    return Input(name, file.results, header.estate, header.agent, header.started, lambda: file.end, lasting=name)


def _of_source(name: str, source: Source) -> Input:
    frame, lasting = source.frame, source.run.name if source.run else name

    def results() -> Iterator[Result]:
        with told(name):
            for result in source.results():
                yield json.dumps(result, separators=(",", ":")), result

    if frame is None:
        return Input(name, results, started=source.started, lasting=lasting)
    # A frame of an earlier version has no shares. It names each agent whose results are missing: no other is expected.
    shares = frame.shares or dict.fromkeys((one.name for one in frame.agents), 0)
    estate = Estate(frame.inventory, frame.name, frame.agents, shares)
    absent = {one.agent: one.why for one in frame.absent}
    return Input(name, results, estate, None, source.started, absent=absent, unseen=frame.unseen, lasting=lasting)


@contextlib.contextmanager
def _unfit(name: str) -> Iterator[None]:
    try:
        yield
    except HeaderRefused as error:
        raise Unfit(str(error), error.agent) from error
    except NotAResult as error:
        raise Unfit(str(error)) from error
    except Unreadable as error:
        raise Unfit(f"it {error}") from error
    except click.UsageError as error:
        if isinstance(error.__cause__, Unreadable):
            raise Unfit(f"it {error.__cause__}") from error
        raise Unfit(error.message.removeprefix(fitting(name)).lstrip(": ")) from error
    except (ValueError, RecursionError, EOFError) as error:
        raise Unfit(f"not a scanready result: {error}") from error
    except OSError as error:
        raise Unfit(f"it cannot be read: {error.strerror or error}") from error


def size_of(name: str) -> int:
    """Return the bytes that the results of a file take in the store, as the first part of it lets expect."""
    with contextlib.suppress(OSError, zlib.error), open(name, "rb") as file:
        size, begins = os.fstat(file.fileno()).st_size, file.read(_SAMPLE)
        if not begins.startswith(MAGIC):
            return size
        held = len(zlib.decompressobj(wbits=31).decompress(begins, _SAMPLE << 6))
        return size * held // max(1, len(begins))
    return 0
