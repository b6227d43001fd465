"""Write SARIF 2.1.0 (OASIS, with errata 01) for code scanning: one rule a cause, one result a cause of a target.

Errors are written at once; warnings and notes wait until the end, so that a limit leaves out the least important ones.
A text of a target stands in messages: braces are doubled, and nothing in it is a link (sections 3.11.5 and 3.11.6).
"""

from __future__ import annotations

import datetime
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from scanready.model import Cause, Owner, Report, Verdict
from scanready.redaction.workflow import harmless_json
from scanready.remedies.placeholders import named
from scanready.report.annotations import Annotated, Annotation, Level
from scanready.report.document import RunInfo, Totals
from scanready.report.findings import general
from scanready.report.look import Look
from scanready.report.paper import counted
from scanready.report.serialize import identity
from scanready.report.source_line import source_line
from scanready.run import timestamps
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BASE = "%SRCROOT%"
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "note"}
#: GitHub's limits: results of a run, and bytes of the file in gzip, with some room for the rest of the document.
MOST_RESULTS, MOST_PACKED = 25_000, 9 * 1024 * 1024
_LONGEST = 4000
#: Semantic versioning 2.0.0, without its rarer forms.
_SEMANTIC = re.compile(r"(?:0|[1-9]\d{0,8})(?:\.(?:0|[1-9]\d{0,8})){2}")


class Results:
    """Write the results, up to the limits of GitHub, the gravest first; collect their rules."""

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, Any]] = {}
        self._numbers: dict[str, int] = {}
        self._waiting: dict[Level, list[str]] = {Level.WARNING: [], Level.NOTE: []}
        self._packer, self._packed, self._written, self._full = zlib.compressobj(), 0, 0, False
        self._separator = "\n"
        self.left: Counter[Level] = Counter()

    def add(self, found: Iterable[Annotation]) -> str:
        """Return the errors of one target to write now; keep its other results."""
        text, numbers = "", Counter[str]()
        for one in found:
            numbers[one.code] += 1
            shown = _encode(self._result(one, numbers[one.code]))
            if one.level is Level.ERROR:
                text += self._write(one.level, shown)
            elif len(waiting := self._waiting[one.level]) < MOST_RESULTS - self._written:
                waiting.append(shown)
            else:
                self.left[one.level] += 1
        return text

    def end(self) -> str:
        """Return the results that have waited."""
        return "".join(self._write(level, shown) for level, waiting in self._waiting.items() for shown in waiting)

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules of all results."""
        return list(self._rules.values())

    def _write(self, level: Level, shown: str) -> str:
        if self._written >= MOST_RESULTS or self._full:
            self.left[level] += 1
            return ""
        text = self._separator + shown
        self._packed += len(self._packer.compress(text.encode()))
        self._full = self._packed >= MOST_PACKED
        self._written += 1
        self._separator = ",\n"
        return text

    def _result(self, one: Annotation, number: int) -> dict[str, Any]:
        if one.code not in self._rules:
            self._numbers[one.code] = len(self._rules)
            self._rules[one.code] = _rule(one)
        digest = blake2b(f"{identity(one.target)} {one.code}".encode("utf-8", "backslashreplace"), digest_size=8)
        fingerprint = f"{digest.hexdigest()}:{number}"
        result: dict[str, Any] = {
            "ruleId": one.code,
            "ruleIndex": self._numbers[one.code],
            "level": _LEVELS[one.level],
            "message": {"text": message_text("\n".join(one.lines()))},
            "locations": [_location(one)],
            # The first is the only one that GitHub reads: an alert stays the same if its line moves.
            "partialFingerprints": {"primaryLocationLineHash": fingerprint, "scanready/v1": fingerprint},
            "properties": _properties(one),
        }
        if one.waived:
            result["suppressions"] = [
                {"kind": "external", "status": "accepted", "justification": message_text(one.known)}
            ]
        return result


class Sarif:
    """Write the results as they arrive, then the rules and the description of the run."""

    def __init__(self, look: Look) -> None:
        self._results = Results()

    def begin(self, run: RunInfo) -> str:
        """Return the beginning of the document, up to its list of results."""
        self._run = run
        self._annotated = Annotated(run.tried, run.require)
        return head()

    def add(self, report: Report) -> str:
        """Return the errors of a target."""
        return self._results.add(self._annotated.add(report))

    def end(self, totals: Totals) -> str:
        """Return the other results, the rules, and the description of the run."""
        run = self._run
        text = "".join(map(self._results.add, self._annotated.end())) + self._results.end()
        missing = max(run.asked, len(run.targets)) - totals.targets
        notices = left_out(self._results)
        if missing > 0:
            words = f"{counted(missing, 'target')} of this run without a result: the run was interrupted."
            notices.append((Level.WARNING, words))
        invocation = {"machine": visible(run.agent.name), **moments(run.started, totals.seconds)}
        properties = {
            "agent": {"name": visible(run.agent.name), "addresses": [visible(one) for one in run.agent.addresses]},
            "profile": visible(run.agent.profile),
            "depth": run.depth.value,
            "verdicts": {verdict.value: totals.verdicts[verdict] for verdict in Verdict},
            "unchecked": max(0, missing),
        }
        return text + tail(self._results, run.version, invocation, notices, properties, whole=missing <= 0)


def head() -> str:
    """Return the beginning of a document, up to its list of results."""
    return f'{{"$schema":"{SCHEMA}","version":"2.1.0","runs":[{{"results":['


def tail(
    results: Results,
    version: str,
    invocation: Mapping[str, Any],
    notices: Iterable[tuple[Level, str]],
    properties: Mapping[str, Any],
    *,
    whole: bool,
) -> str:
    """Return the end of a document, from the end of its results.

    Args:
        invocation: what is known of the run.
        notices: sentences for the reader, each with its level.
        properties: further facts of the run.
        whole: every target has a result.
    """
    told = [{"level": _LEVELS[level], "message": {"text": message_text(text)}} for level, text in notices]
    driver = {"name": "scanready", "version": visible(version, 80), "rules": results.rules()}
    if _SEMANTIC.fullmatch(version):
        driver["semanticVersion"] = version
    about = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": whole, **invocation, "toolExecutionNotifications": told}],
        "originalUriBaseIds": {_BASE: {"description": {"text": "The directory in which scanready was started."}}},
        "properties": dict(properties),
    }
    return f"\n],{_encode(about)[1:]}]}}\n"


def left_out(results: Results) -> list[tuple[Level, str]]:
    """Return the sentence about the results that the limits left out; empty if there are none."""
    left = ", ".join(counted(count, _LEVELS[level]) for level, count in sorted(results.left.items()))
    words = f"Left out, as GitHub takes no more results: {left}. `--format json` has all of them."
    return [(Level.WARNING, words)] if left else []


def moments(started: str, seconds: float) -> dict[str, str]:
    """Return the start and the end of a run; nothing if its start is not known.

    Args:
        started: ISO 8601, of a text that others may have written.
        seconds: wall time.
    """
    try:
        start = timestamps.read(started)
        end = start + datetime.timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return {}
    return {"startTimeUtc": timestamps.written(start), "endTimeUtc": timestamps.written(end)}


def message_text(text: str) -> str:
    """Return the text of a message: without placeholders and without links."""
    return text.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _location(one: Annotation) -> dict[str, Any]:
    name = visible_name(one.target)
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}]}
    if place := source_line(one.target):
        file = {"uri": place.uri} | ({"uriBaseId": _BASE} if place.is_relative else {})
        location["physicalLocation"] = {"artifactLocation": file, "region": {"startLine": place.line}}
    return location


def _properties(one: Annotation) -> dict[str, Any]:
    found: dict[str, Any] = {"target": visible_name(one.target), "verdict": one.verdict.value}
    if one.told:
        found |= {"owner": one.told.owner.value, "step": one.told.step.value}
    if one.agents:
        found["agents"] = [visible(name, 80) for name in one.agents]
    return found


def _rule(one: Annotation) -> dict[str, Any]:
    if one.told is None:
        meaning = f"The target is {one.verdict}, and no cause in the catalogue stands for that."
        return {"id": one.code, "shortDescription": {"text": meaning}, "help": {"text": meaning}}
    cause = general(one.told.cause)
    owner = cause.owner if one.told.cause.case else one.told.owner
    meaning = message_text(visible(named(cause.meaning), _LONGEST))
    level = Level.WARNING if one.told.verdict is Verdict.LIMITED else Level.ERROR
    return {
        "id": visible(cause.code, 200),
        "shortDescription": {"text": re.split(r"(?<=\.) ", meaning, maxsplit=1)[0]},
        "fullDescription": {"text": meaning},
        "help": {"text": _help(cause, owner, meaning)},
        "defaultConfiguration": {"level": _LEVELS[level]},
        "properties": {"tags": [f"owner:{owner}", f"step:{one.told.step}"]},
    }


def _help(cause: Cause, first: Owner, meaning: str) -> str:
    """Return who changes what, and how to see the cause, for any target."""
    parts = [(first, cause.remedy), *((other.owner, other.remedy) for other in cause.also)]
    lines = [f"{owner}: {named(remedy)}" for owner, remedy in parts]
    lines += [f"To confirm: {named(cause.confirm)}"] if cause.confirm else []
    return "\n".join([meaning, *(message_text(visible(line, _LONGEST)) for line in lines)])


def _encode(value: dict[str, Any]) -> str:
    return harmless_json(json.dumps(value, separators=(",", ":")))
