r"""Write the Test Anything Protocol: one test point a target, with a YAML block of the evidence.

A point is ``ok`` exactly if the target does not fail the run, as for the exit code and JUnit. A known failure is ``not
ok # TODO``, which a reader of TAP does not count; if it is no longer needed, ``ok # TODO``, which a reader reports. A
target that was left out is ``ok # SKIP``, and ``Bail out!`` then fails the run.

The document keeps the rules of version 14 (testanything.org), among them ``\#`` and ``\\``. Its first line names
version 13: the ``prove`` of perl 5.36 rejects 14 (Test::Harness 3.44), and a reader of 14 accepts 13. A value of the
YAML block is one quoted line, since the readers of ``prove`` and tap.py know only a part of YAML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scanready.model import HOLDS, Report, Standing, Target, Verdict
from scanready.report.document import Places, RunInfo, Totals
from scanready.report.findings import Told, besides, decisive
from scanready.report.formats.junit import told_parts
from scanready.report.headline import held_how, known, summed
from scanready.report.known import note
from scanready.report.look import Look
from scanready.report.paper import counted
from scanready.report.source_line import source_line
from scanready.run.target_name import LONGEST_NAME, visible_name
from scanready.wire.printable import visible, visible_lines

VERSION = "TAP version 13\n"
_LONGEST = 4000
#: A reader of version 13 takes this for a directive, even behind a backslash.
_DIRECTIVE = re.compile(r"#(?=\s*(?:todo|skip))", re.IGNORECASE)
#: A key that needs no quotes.
_PLAIN = re.compile(r"(?!true|false|null)[a-z]{4,20}")


@dataclass(slots=True)
class Point:
    """A test point without its number; ``tried`` is the host without a type that its type was tried on."""

    ok: bool
    name: str
    directive: str
    fields: Mapping[str, Any]
    tried: str = ""

    def text(self, number: int) -> str:
        """Return the point with its block."""
        directive = f" # {self.directive}" if self.directive else ""
        return f"{'' if self.ok else 'not '}ok {number} - {self.name}{directive}\n{block(self.fields)}"


class Tap:
    """Write the points in the order of the inventory, each as soon as those before it are written."""

    def __init__(self, look: Look) -> None:
        self._waiting: dict[int, str] = {}
        self._types: dict[int, Point] = {}
        self._next = 0

    def begin(self, run: RunInfo) -> str:
        """Return the version, the plan, and a comment about the run."""
        self._run, self._places = run, Places(run)
        agent = " ".join([visible(run.agent.name), visible(run.agent.platform), *map(visible, run.agent.addresses)])
        about = f"scanready {visible(run.version)}, agent {agent}, {visible(run.started, 40)}, depth {run.depth}"
        about += f", profile {visible(run.agent.profile)}" if run.agent.profile else ""
        return f"{VERSION}{plan(max(run.asked, len(run.targets)))}{comment(about)}"

    def add(self, report: Report) -> str:
        """Return the points that are next in order; keep one whose predecessors are missing."""
        point = _point(report, self._run.require)
        place, text = self._places.of(report.target), ""
        if self._run.tried:  # a type waits for the others of its host
            point.tried = self._run.tried.get(id(report.target), "")
            self._types[place] = point
            return text
        self._waiting[place] = point.text(place + 1)
        while self._next in self._waiting:
            text += self._waiting.pop(self._next)
            self._next += 1
        return text

    def end(self, totals: Totals) -> str:
        """Return the other points, the counts, and the reason to distrust an incomplete run."""
        fine = {point.tried for point in self._types.values() if point.ok and point.tried}
        text, places = "", {*range(self._next, len(self._run.targets)), *self._waiting, *self._types}
        for place in sorted(places):
            if place in self._waiting:
                text += self._waiting[place]
                continue
            point = self._types.get(place) or skipped(self._run.targets[place], "not checked: the run was interrupted")
            if not point.ok and point.tried in fine and not point.directive:
                point.ok, point.directive = True, "SKIP the host passed as another type"
            text += point.text(place + 1)
        counts = f"{counted(totals.targets, 'target')}: {summed(totals.verdicts, named=True) or 'none was checked'}"
        text += comment("; ".join(filter(None, (counts, known(totals.known)))))
        asked = max(self._run.asked, len(self._run.targets))
        return text + (bail(totals.targets, asked) if totals.targets < asked else "")


def plan(points: int) -> str:
    """Return the line with the number of points."""
    return f"1..{points}\n" if points else "1..0 # SKIP there is no target\n"


def comment(text: str) -> str:
    """Return a line that readers ignore; ``text`` is one line."""
    return f"# {text}\n"


def bail(checked: int, asked: int) -> str:
    """Return the line that fails a document of a run that lacks results."""
    return f"Bail out! {asked - checked} of {asked} targets have no result\n"


def skipped(target: Target, why: str) -> Point:
    """Return the point of a target that does not count."""
    return Point(True, described(target), f"SKIP {why}", {})


def described(target: Target) -> str:
    r"""Return the name of a target as the description of a point, with ``\`` and ``#`` escaped."""
    name = visible_name(target).replace("\\", "\\\\")
    return _DIRECTIVE.sub("%23", name).replace("#", "\\#")


def judged(verdict: Verdict, standing: Standing | None, require: str | None, words: str) -> tuple[bool, str]:
    """Return whether a point is ``ok``, and its directive.

    Args:
        words: the state of the known failure, on one line.
    """
    holds = verdict in HOLDS[require] and standing is not Standing.OVER
    if standing is Standing.WAIVED:
        return False, f"TODO {words}"
    return holds, f"TODO {words}" if holds and standing is Standing.NO_LONGER_NEEDED else ""


def _point(report: Report, require: str | None) -> Point:
    state = note(report)
    ok, directive = judged(report.verdict, report.standing, require, state)
    told = decisive(report)
    fields: dict[str, Any] = {"verdict": report.verdict.value, "reached": (report.reached or "nothing")}
    fields |= told_fields(told) if told else {}
    if state:
        fields["known"] = state
    if words := held_how(report):
        fields["types" if report.types else "credential"] = words
    for one in besides(report):
        also, words = fields.setdefault("also_found", {}), "\n".join([visible(one.detail), *told_parts(one)])
        also[one.cause.code] = "\n".join(filter(None, (also.get(one.cause.code), words)))
    fields |= place_fields(report.target)
    return Point(ok, described(report.target), directive, fields | {"duration_ms": report.seconds * 1000})


def told_fields(told: Told) -> dict[str, Any]:
    """Return the fields of a cause; those of its other owners are below ``also``."""
    first, *others = told.parts
    fields: dict[str, Any] = {
        "cause": told.cause.code,
        "owner": first.owner.value,
        "step": told.step.value,
        "detail": visible(told.detail),
        "remedy": visible(first.remedy, _LONGEST),
    }
    if first.fix:
        fields["fix"] = "\n".join(visible_lines(first.fix, _LONGEST))
    for part in others:
        also = fields.setdefault("also", {})
        also[part.owner.value] = visible(part.remedy, _LONGEST)
        if part.fix:
            also[f"{part.owner.value}_fix"] = "\n".join(visible_lines(part.fix, _LONGEST))
    return fields


def place_fields(target: Target) -> dict[str, Any]:
    """Return the file and the line that declare a target; nothing for a target of the command line."""
    place = source_line(target)
    return {"at": {"file": visible(place.file, LONGEST_NAME), "line": place.line}} if place else {}


def block(fields: Mapping[str, Any]) -> str:
    """Return the YAML block of a point; empty without fields."""
    if not fields:
        return ""
    lines = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            lines.append(f"{name}:")
            lines += [f"  {_key(key)}: {_scalar(held)}" for key, held in value.items()]
        else:
            lines.append(f"{name}: {_scalar(value)}")
    return "".join(f"  {line}\n" for line in ("---", *lines, "..."))


def _key(name: str) -> str:
    """Return the name of a value; in quotes, unless every reader of YAML takes it for a text."""
    return name if _PLAIN.fullmatch(name) else _scalar(name)


def _scalar(value: object) -> str:
    """Return a number, or a text in quotes, on one line."""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
