"""Open the source of a report: a stored run, a file of ``json``, ``jsonl`` or ``html``, an export, or a support bundle.

Files may come from an untrusted source. The amount that is read is bounded, and nothing of an archive is unpacked to
disk. A file that scanready did not write results in a message and exit code 2.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from scanready.cli.job.run_store import find_run, open_store
from scanready.files.reading import Unreadable
from scanready.model import Agent, Report, Step, Target, bracketed
from scanready.report.document import RunInfo
from scanready.report.estate import EstateView, Frame
from scanready.report.estate.frame import frame_restored
from scanready.report.estate.outline import outlines
from scanready.report.paper import counted
from scanready.report.parse import NotAResult, agent_restored, rejudged, restored, target_restored
from scanready.store import Store, StoredRun, StoreError, looks_like_a_run

from .export_file import CUT_OFF, export_file, is_export
from .messages import fitting, warn
from .ordered import Ordered, agent_of
from .result_file import BROKEN_ARCHIVE, MOST_RESULTS, Kind, ResultFile, result_file


@dataclass(slots=True)
class Source:
    """One run to report on.

    ``results`` yields its results from the start at each call, as JSON types, in the order of its targets. ``asked``
    is the number of targets. ``tried`` are the hosts that were given without a type. ``judged_anew`` means that this
    version computes the verdicts from the checks. ``store`` and ``run`` are set for a stored run; ``frame`` for one
    that holds the results of many agents. ``agents`` are the names of the agents of its results; :meth:`targets` finds
    them.
    """

    name: str
    results: Callable[[], Iterator[Any]]
    version: str = "unknown"
    agent: Agent | None = None
    started: str = ""
    timeout: float = 10.0
    depth: Step = Step.ACCESS
    seconds: float = 0.0
    interrupted: bool = False
    asked: int = 0
    command: str = "verify"
    tried: Sequence[str] = ()
    judged_anew: bool = False
    store: Store | None = None
    run: StoredRun | None = None
    frame: Frame | None = None
    agents: set[str] = field(default_factory=set)
    _ordered: Ordered | None = None

    def targets(self) -> list[Target]:
        """Return the targets of all results.

        Raises:
            click.UsageError: a result is malformed.
        """
        found = []
        with told(self.name):
            for result in self.results():
                self.agents.add(agent_of(result))
                found.append(target_restored(_field(result, "target")))
        return found

    @property
    def is_estate(self) -> bool:
        """True if it has the results of several agents, as far as they have been read."""
        return self.frame is not None or len(self.agents) > 1

    def has_several_agents(self) -> bool:
        """Return whether it has the results of several agents; read them if nothing else says so.

        Raises:
            click.UsageError: a file is malformed.
        """
        if self.run is None and not self.is_estate:
            with told(self.name):
                for result in self.results():
                    self.agents.add(agent_of(result))
                    if len(self.agents) > 1:
                        break
        return self.is_estate

    def view(self, title: str | None = None, require: str | None = None) -> EstateView:
        """Return the results as an estate view.

        Raises:
            click.UsageError: a result is malformed.
        """
        if (self.run is None or self.frame is None) and self._ordered is None:  # a run with a frame is in order
            with told(self.name):
                self._ordered = Ordered(self.results())
            self.results = self._ordered.results
        with told(self.name):
            quick = None if self.judged_anew else lambda: outlines(self.results())
            return EstateView(self.reports, self.frame or _UNFRAMED, self.version, title, require, quick)

    def close(self) -> None:
        """Remove the temporary file, if there is one."""
        if self._ordered is not None:
            self._ordered.close()

    def reports(self, targets: list[Target] | None = None) -> Iterator[Report]:
        """Yield the reports, one in memory at a time; with ``targets`` from :meth:`targets`, the reports refer to them.

        Raises:
            click.UsageError: a result is malformed.
        """
        return (report for report, _ in self.with_stored_verdicts(targets))

    def with_stored_verdicts(self, targets: list[Target] | None = None) -> Iterator[tuple[Report, str]]:
        """Yield the reports as :meth:`reports` does, each with its stored verdict.

        Raises:
            click.UsageError: a result is malformed.
        """
        with told(self.name):
            for place, result in enumerate(self.results()):
                report = restored(result, targets[place] if targets is not None else None)
                yield rejudged(report) if self.judged_anew else report, str(_field(result, "verdict"))

    def info(self, targets: list[Target]) -> RunInfo:
        """Return the description of the run that a document begins with."""
        with told(self.name):
            agent = self.agent or next((agent_restored(_field(r, "agent")) for r in self.results()), Agent("", ""))
        tried = {id(target): self._asked_as(target) for target in targets if target.guessed}
        asked = max(self.asked, len(targets))
        return RunInfo(self.version, agent, self.started, self.timeout, self.depth, targets, tried, None, asked)

    def _asked_as(self, target: Target) -> str:
        """Return the host as the user wrote it: with its port, if one was given."""
        with_port = f"{bracketed(target.host)}:{target.port}"
        return with_port if with_port in self.tried else target.host


#: For a file that does not say which agent should check which target.
_UNFRAMED = Frame(
    remarks=(
        "This file does not say which agent should check which target. Each of its agents is expected to check every "
        "target that names neither agents nor sites.",
    )
)


@contextlib.contextmanager
def told(name: str) -> Iterator[None]:
    """Turn the errors of a source into a message and exit code 2."""
    try:
        yield
    except NotAResult as error:
        raise click.UsageError(f"{fitting(name)}: not a scanready result: {fitting(str(error))}") from error
    except (ValueError, RecursionError) as error:
        why = f"expected an export, a result of --format json, jsonl or html, or a bundle: {fitting(str(error))}"
        raise click.UsageError(f"{fitting(name)}: {why}") from error
    except StoreError as error:
        raise click.UsageError(str(error)) from error
    except BROKEN_ARCHIVE as error:
        raise click.UsageError(f"{fitting(name)}: not a support bundle: {fitting(str(error))}") from error
    except Unreadable as error:
        raise click.UsageError(f"{fitting(name)} {error}") from error
    except OSError as error:
        raise click.UsageError(f"cannot read {fitting(name)}: {error.strerror or error}") from error


@contextlib.contextmanager
def opened(text: str, store: str | None) -> Iterator[Source]:
    """Open the RUN that a user named: a file if it exists, else a stored run.

    Raises:
        click.UsageError: neither exists, or it cannot be read.
    """
    path = Path(text)
    if not looks_like_a_run(text) and os.path.isfile(text) and _is_export(text):
        with told(text):
            source = _export(text)
        with contextlib.closing(source):
            yield source
        return
    if not looks_like_a_run(text) and (
        path.suffix in (".json", ".jsonl", ".html", ".zip", ".scanready") or os.path.exists(path)
    ):
        with told(text), result_file(text) as file, contextlib.closing(_source(text, file)) as source:
            yield source
        return
    with open_store(store) as kept:
        run = find_run(kept, text)
        yield _stored(run, kept, lambda: (json.loads(line) for line in kept.results(run)))


def _is_export(name: str) -> bool:
    with told(name):
        return is_export(name)


def _export(name: str) -> Source:
    """Return the run of an export, after one pass over it: its end tells whether it is whole."""
    with export_file(name) as file:
        header, count = file.header, 0
        for count, _ in enumerate(file.results(), 1):
            if count > MOST_RESULTS:
                raise NotAResult(f"it has more than {MOST_RESULTS:,} results; use `scanready merge`, which stores them")
        end = file.end
    if end is None:
        if not count:
            raise NotAResult(f"it is cut off before its first result: {CUT_OFF}")
        warn(f"{fitting(name)} is cut off: {counted(count, 'result')} before the cut count; {CUT_OFF}")

    def results() -> Iterator[Any]:
        with export_file(name) as file:
            for _, result in file.results():
                yield result

    facts = header.version, header.agent, header.started
    if end is None:
        return Source(name, results, *facts, interrupted=True, asked=header.estate.shares.get(header.agent.name, 0))
    return Source(name, results, *facts, seconds=end.seconds, interrupted=end.interrupted, asked=end.targets)


def _stored(run: StoredRun, store: Store, results: Callable[[], Iterator[Any]]) -> Source:
    with told(run.name):
        asked, agent = json.loads(run.asked), agent_restored(json.loads(run.agent))
        return Source(
            run.name,
            results,
            run.version,
            agent,
            run.started,
            float(asked["timeout"]),
            Step(asked["depth"]),
            run.seconds,
            run.interrupted or run.ended is None,
            run.targets,
            run.command,
            _texts(asked["tried"]),
            store=store,
            run=run,
            frame=frame_restored(asked["frame"]) if "frame" in asked else None,
        )


def _source(name: str, file: ResultFile) -> Source:
    """Return the run of a result file; a single result counts as a run of ``check``."""
    if file.kind is not Kind.DOCUMENT:
        source = Source(name, file.results, command="check" if file.kind is Kind.RESULT else "verify")
    else:
        run = _mapping(file.head.get("run"))
        summary = file.head.get("summary")
        summary = summary if isinstance(summary, dict) else {"interrupted": True}
        if "estate" in file.head:
            return _estate(name, file, run, interrupted=bool(summary.get("interrupted")))
        source = Source(
            name,
            file.results,
            str(run.get("scanready")),
            agent_restored(run.get("agent")),
            str(run.get("started")),
            _number(run.get("timeout")),
            Step(str(run.get("depth"))),
            _number(summary.get("seconds", 0)),
            bool(summary.get("interrupted")),
            int(_number(run.get("targets", 0))),
        )
    if file.about is not None:
        source.judged_anew = True
        source.command = "check" if file.about.get("command") == "check" else "verify"
        source.tried = _texts(file.about.get("tried"))
    return source


def _estate(name: str, file: ResultFile, run: Mapping[str, Any], *, interrupted: bool) -> Source:
    """Return the estate view that a document was written from."""
    return Source(
        name,
        file.results,
        str(run.get("scanready")),
        started=str(run.get("started") or ""),
        interrupted=interrupted,
        asked=int(_number(run.get("targets", 0))),
        frame=frame_restored(_mapping(file.head["estate"]).get("frame")),
    )


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotAResult("its description of the run is not an object")
    return value


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _field(result: Any, name: str) -> Any:
    return result.get(name) if isinstance(result, dict) else None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        raise NotAResult(f"{str(value)[:20]!r} is not a number")
    return float(value)
