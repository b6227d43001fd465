"""Write JUnit XML for continuous integration, by the schema of the Jenkins xUnit plugin (junit-10).

One suite for the agent, one test case for each target. A blocked target is a failure, an undecided one an error. A
target is skipped if an interruption left it out or its failure is known. With ``--require``, a target below that level
is a failure. On a host without a type, a type that does not hold is skipped if another type holds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from scanready.model import HOLDS, Outcome, Report, Step, Target, Verdict
from scanready.report.document import Places, RunInfo, Totals
from scanready.report.filled import fill
from scanready.report.findings import Told, besides, decisive
from scanready.report.headline import held_how
from scanready.report.known import is_over, is_waived, note
from scanready.report.look import Look
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible, visible_lines

_LONGEST = 4000
#: The first line of a document.
DECLARATION = "<?xml version='1.0' encoding='utf-8'?>\n"


@dataclass(slots=True)
class _Case:
    """The XML element of a target, whether the target holds, and the host that its type was tried on."""

    element: Element
    holds: bool
    tried: str


class JUnit:
    """Write everything at the end: a suite begins with its counts."""

    def __init__(self, look: Look) -> None:
        self._cases: dict[int, _Case] = {}
        self._steps: Counter[Step] = Counter()

    def begin(self, run: RunInfo) -> str:
        """Remember the order."""
        self._run = run
        self._places = Places(run)
        return ""

    def add(self, report: Report) -> str:
        """Keep a test case."""
        place = self._places.of(report.target)
        element, holds = judged_case(report, self._run.require)
        SubElement(element, "system-out").text = story(report)
        for check in report.checks:
            if check.outcome is not Outcome.SKIPPED:
                self._steps[check.step] += math.ceil(check.seconds * 1e6)
        self._cases[place] = _Case(element, holds, self._run.tried.get(id(report.target), ""))
        return ""

    def end(self, totals: Totals) -> str:
        """Return the document."""
        self._settle_tried()
        for target in self._run.targets:
            place = self._places.of(target)
            if place not in self._cases:
                element = case_of(target, 0.0)
                SubElement(element, "skipped", message="not checked: the run was interrupted")
                self._cases[place] = _Case(element, True, "")
        found: Counter[str] = Counter(child.tag for case in self._cases.values() for child in case.element)
        numbers = numbers_of(len(self._cases), found)
        root = Element("testsuites", {"name": "scanready", "time": seconds_text(totals.seconds), **numbers})
        agent = visible(self._run.agent.name)
        about = {"name": agent, "hostname": agent, "timestamp": visible(self._run.started, 40).removesuffix("Z")}
        about |= {"skipped": str(found["skipped"]), "time": seconds_text(totals.seconds)}
        suite = SubElement(root, "testsuite", {**about, **numbers})
        self._properties(suite)
        suite.extend(self._cases[place].element for place in sorted(self._cases))
        return f"{DECLARATION}{tostring(root, encoding='unicode')}\n"

    def _settle_tried(self) -> None:
        """Turn the failures of a host without a type into skipped ones if one of its types holds."""
        fine = {case.tried for case in self._cases.values() if case.holds and case.tried}
        for case in self._cases.values():
            complaint = next((child for child in case.element if child.tag in ("failure", "error")), None)
            if complaint is not None and case.tried in fine:
                complaint.tag = "skipped"
                complaint.set("message", f"the host passed as another type; as this type: {complaint.get('message')}")

    def _properties(self, suite: Element) -> None:
        """Add the run's facts, and the seconds that all targets together spent at each step."""
        run = self._run
        facts = {
            "scanready": visible(run.version),
            "agent.platform": visible(run.agent.platform),
            "agent.addresses": " ".join(map(visible, run.agent.addresses)),
            "agent.profile": visible(run.agent.profile),
            "depth": run.depth.value,
            "timeout": f"{run.timeout:g}",
            **{f"seconds.{step}": f"{self._steps[step] / 1e6:.6f}" for step in Step if step in self._steps},
        }
        properties = SubElement(suite, "properties")
        for name, value in facts.items():
            SubElement(properties, "property", name=name, value=value)


def numbers_of(tests: int, found: Mapping[str, int]) -> dict[str, str]:
    """Return the counts of a suite; ``found`` counts its ``failure`` and ``error`` elements."""
    return {"tests": str(tests), "failures": str(found["failure"]), "errors": str(found["error"])}


def judged_case(report: Report, require: str | None) -> tuple[Element, bool]:
    """Return the test case of a result with its failure, and whether the target holds."""
    element = case_of(report.target, report.seconds)
    holds = is_waived(report) or (report.verdict in HOLDS[require] and not is_over(report))
    if is_waived(report):
        SubElement(element, "skipped", message=_known(report))
    elif not holds:
        _complain(element, report)
    return element, holds


def case_of(target: Target, seconds: float) -> Element:
    """Return the test case of a target."""
    kind = visible(target.type, 40)
    return Element("testcase", classname=f"scanready.{kind}", name=visible_name(target), time=seconds_text(seconds))


def _complain(element: Element, report: Report) -> None:
    """Add ``<failure type=CODE message=...>`` or ``<error ...>``, with the remedy and the fix as its text."""
    finding, told = report.finding, decisive(report)
    code = finding.cause.code if finding else report.verdict.value
    detail = visible(finding.detail) if finding else "below the required level"
    tag = "error" if report.verdict is Verdict.UNDECIDED and not is_over(report) else "failure"
    message = _known(report) if is_over(report) else f"{report.verdict}: {detail}"
    complaint = SubElement(element, tag, type=code, message=message)
    lines = (
        [f"meaning: {visible(fill(told.cause.meaning, report.target), _LONGEST)}", *told_parts(told)] if told else []
    )
    for other in besides(report):
        lines += [f"also found: {other.cause.code}: {visible(other.detail)}", *told_parts(other)]
    if lines:
        complaint.text = "\n".join(lines)


def _known(report: Report) -> str:
    """Return the verdict, its cause, and the state of the known failure."""
    cause = f" by {report.cause.code}" if report.cause else ""
    return f"{report.verdict}{cause}; {note(report)}"


def told_parts(told: Told) -> Iterator[str]:
    """Yield owner, remedy and fix of each owner of a cause, one a line."""
    for part in told.parts:
        yield f"owner: {part.owner}"
        yield f"remedy: {visible(part.remedy, _LONGEST)}"
        if part.fix:
            yield "fix:"
            yield from (f"  {line}" for line in visible_lines(part.fix, _LONGEST))


def story(report: Report) -> str:
    """Return the ladder of a result, one line for each check."""
    first = f"{report.verdict}, reached {report.reached or 'nothing'}"
    lines = [text for text in (first, held_how(report), note(report)) if text]
    for check in report.checks:
        took = "" if check.outcome is Outcome.SKIPPED else f"{check.seconds:.3f} s"
        where = f"{visible(check.endpoint)}: {visible(check.summary)}"
        lines.append(f"{check.step:<10}{check.outcome:<8}{took:<9}{where}")
    return "\n".join(lines)


def seconds_text(seconds: float) -> str:
    """Return a duration as an attribute."""
    return f"{seconds:.3f}"
