"""Write annotations for GitHub Actions: workflow commands that mark the lines of the inventory (``::error file=...``).

GitHub shows ten annotations of each level in a step. So this format writes the ten most important ones of each, and
counts the others: blocked before undecided, then each cause once before any cause twice, the cause of the most targets
first. The line is escaped as the runner reads it, and begins with a command of ours: text of a target begins none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from scanready.model import Report
from scanready.report.annotations import Annotated, Annotation, Level
from scanready.report.document import Places, RunInfo, Totals
from scanready.report.headline import judged_by, known, summed
from scanready.report.look import Look
from scanready.report.paper import GRAVITY, counted
from scanready.report.source_line import source_line
from scanready.wire.printable import visible

#: Annotations of each level that GitHub shows in a step.
MOST = 10
_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_TITLE = "scanready"
#: Characters of an annotation; GitHub cuts longer ones.
_LONGEST = 4000
_LONGEST_LINE = 1000


class Shown:
    """Keep the remarks that are shown; those of one cause are in the order of their targets."""

    def __init__(self) -> None:
        self._found: dict[tuple[Level, int, str], list[tuple[int, str]]] = {}
        self._counts: dict[tuple[Level, int, str], int] = {}

    def add(self, place: int, found: Iterable[Annotation]) -> None:
        """Keep one remark a target, which also has the other causes.

        Args:
            place: the number of the target, from 0.
            found: the remarks of one target.
        """
        one_target = list(found)
        if not one_target:
            return
        first, *others = one_target
        key = first.level, GRAVITY.index(first.verdict), first.code
        kept = self._found.setdefault(key, [])
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(kept) < MOST or place < kept[-1][0]:
            kept.append((place, command_of(first, others)))
            kept.sort()
            del kept[MOST:]

    def lines(self, most: Mapping[Level, int]) -> Iterator[str]:
        """Yield the lines, at most so many of each level, then the number of those that are left out."""
        for level in Level:
            keys = sorted((key for key in self._found if key[0] is level), key=lambda key: (-self._counts[key], key))
            order = sorted(
                (key[1], turn, rank, text)
                for rank, key in enumerate(keys)
                for turn, (_, text) in enumerate(self._found[key])
            )
            yield from (text for *_, text in order[: most[level]])
            total = sum(self._counts[key] for key in keys)
            if total > most[level]:
                left = counted(total - most[level], f"more {_COMMANDS[level]}")
                yield f"{left} of {total}: GitHub shows {MOST} of each kind; `--format sarif` or `md` lists them all\n"

    def total(self, level: Level) -> int:
        """Return the number of remarks of a level, with those that are not kept."""
        return sum(count for key, count in self._counts.items() if key[0] is level)


class GitHub:
    """Write everything at the end: the most important annotations are first."""

    def __init__(self, look: Look) -> None:
        self._shown = Shown()

    def begin(self, run: RunInfo) -> str:
        """Begin to collect."""
        self._run, self._places = run, Places(run)
        self._annotated = Annotated(run.tried, run.require)
        return ""

    def add(self, report: Report) -> str:
        """Keep the annotation of a target, if it is important enough."""
        self._shown.add(self._places.of(report.target), self._annotated.add(report))
        return ""

    def end(self, totals: Totals) -> str:
        """Return the annotations, below one about the whole run."""
        for place, found in enumerate(self._annotated.end()):
            self._shown.add(place, found)
        words = f"{counted(totals.targets, 'target')}: {summed(totals.verdicts, named=True) or 'none was checked'}"
        judged = judged_by(self._run.agent)
        lines = [f"From {visible(self._run.agent.name, 80)}{judged}: {words}", *filter(None, [known(totals.known)])]
        missing = max(self._run.asked, len(self._run.targets)) - totals.targets
        if missing > 0:
            lines.append(f"{counted(missing, 'target')} without a result")
        return document(self._shown, lines, failed=missing > 0)


def document(shown: Shown, lines: Iterable[str], *, failed: bool) -> str:
    """Return the annotation about a run, and those about its targets.

    Args:
        lines: what is known of the whole run.
        failed: the run lacks results.
    """
    level = Level.ERROR if failed or shown.total(Level.ERROR) else Level.NOTE
    most = {one: MOST - (one is level) for one in Level}  # the one about the run is shown, too
    about = command(level, {"title": _TITLE}, "\n".join(lines))
    return about + "".join(shown.lines(most))


def command_of(first: Annotation, others: Iterable[Annotation]) -> str:
    """Return the line of a target."""
    properties = {}
    if place := source_line(first.target):
        properties = {"file": place.file, "line": str(place.line)}
    owner = f" ({first.owner})" if first.owner else ""
    properties["title"] = f"{first.code}{owner}"
    lines = [*first.lines(), *(line for one in others for line in one.also())]
    return command(first.level, properties, "\n".join(lines))


def command(level: Level, properties: Mapping[str, str], message: str) -> str:
    """Return a workflow command on one line, with the escapes of the runner."""
    shown = ",".join(f"{name}={escaped_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[level]} {shown}::{escaped(message)}\n"


def escaped(message: str) -> str:
    """Return a message of harmless lines, cut and escaped as the message of a command."""
    text = "\n".join(visible(line, _LONGEST_LINE) for line in message.split("\n"))
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped_property(value: str) -> str:
    """Return the value of a property of a command."""
    return escaped(visible(value, _LONGEST_LINE)).replace(":", "%3A").replace(",", "%2C")
