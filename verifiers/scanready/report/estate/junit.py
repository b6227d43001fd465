"""Write an estate view as JUnit XML: a suite for each agent with its own verdicts, then the suite ``estate``.

The suite ``estate`` has one test case a target, judged by its estate verdict. A build that looks at one number reads
the counts of that suite: the counts of the whole document add the agents to it, and say so in its name.
"""

from __future__ import annotations

from collections import Counter
from xml.etree.ElementTree import Element, SubElement, tostring

from scanready.model import HOLDS, Standing, Verdict
from scanready.report.filled import fill
from scanready.report.formats.junit import (
    DECLARATION,
    case_of,
    judged_case,
    numbers_of,
    seconds_text,
    story,
    told_parts,
)
from scanready.report.look import Look
from scanready.wire.printable import visible

from .causes import lead_of
from .view import AgentColumn, EstateInfo, EstateTotals, Row
from .words import LONGEST_AGENT, absence, agent_names, own_word, remarks

_ESTATE = "estate"
_LONGEST = 4000


class _Suite:
    """Keep the test cases of one suite as text."""

    def __init__(self, name: str, hostname: str) -> None:
        self._about = {"name": name, "hostname": hostname}
        self._cases: list[str] = []
        self.found: Counter[str] = Counter()
        self._seconds = 0.0
        self.properties: dict[str, str] = {}

    def add(self, case: Element, seconds: float = 0.0) -> None:
        """Keep a test case."""
        self.found.update(child.tag for child in case)
        self._seconds += seconds
        self._cases.append(tostring(case, encoding="unicode"))

    @property
    def tests(self) -> int:
        """The number of test cases."""
        return len(self._cases)

    def text(self, started: str) -> str:
        """Return the suite."""
        about = self._about | {"timestamp": started.removesuffix("Z"), "skipped": str(self.found["skipped"])}
        about["time"] = seconds_text(self._seconds)
        suite = Element("testsuite", about | numbers_of(self.tests, self.found))
        properties = SubElement(suite, "properties")
        for name, value in self.properties.items():
            SubElement(properties, "property", name=name, value=value)
        opened = tostring(suite, encoding="unicode").removesuffix("</testsuite>")
        return f"{opened}{''.join(self._cases)}</testsuite>"


class EstateJUnit:
    """Write everything at the end: a suite begins with its counts."""

    def __init__(self, look: Look) -> None:
        pass

    def begin(self, info: EstateInfo) -> str:
        """Begin a suite for each agent."""
        self._info = info
        self._suites = {column.name: _Suite(_name(column), _name(column)) for column in info.columns}
        for column in info.columns:
            self._suites[column.name].properties = _properties(column, info)
        self._estate = _Suite(_ESTATE, _ESTATE)
        self._estate.properties = {"scanready": visible(info.version), "agents": str(len(info.columns))}
        self._estate.properties |= {f"remark.{number}": text for number, text in enumerate(remarks(info), 1)}
        return ""

    def add(self, row: Row) -> str:
        """Keep a test case in the suite of each agent that should have a result, and in the suite ``estate``."""
        for agent in row.expected:
            report = row.reports.get(agent)
            if report is None:
                case = case_of(row.target, 0.0)
                SubElement(case, "skipped", message="not checked: there is no result of this agent")
                self._suites[agent].add(case)
                continue
            case, _ = judged_case(report, self._info.require)
            SubElement(case, "system-out").text = story(report)
            self._suites[agent].add(case, report.seconds)
        self._estate.add(_estate_case(row, self._info.require))
        return ""

    def end(self, totals: EstateTotals) -> str:
        """Return the document."""
        suites = [*self._suites.values(), self._estate]
        found: Counter[str] = sum((suite.found for suite in suites), Counter())
        name = f"scanready: {len(self._suites)} agents, and their estate"
        root = Element("testsuites", {"name": name, **numbers_of(sum(suite.tests for suite in suites), found)})
        root.text = " "
        opened = tostring(root, encoding="unicode").removesuffix(" </testsuites>")
        started = visible(self._info.started, 40)
        return f"{DECLARATION}{opened}{''.join(suite.text(started) for suite in suites)}</testsuites>\n"


def _name(column: AgentColumn) -> str:
    """Return the name of an agent's suite, which is never that of the estate."""
    name = visible(column.name, LONGEST_AGENT)
    return f"agent {name}" if name == _ESTATE else name


def _properties(column: AgentColumn, info: EstateInfo) -> dict[str, str]:
    found = {
        "scanready": visible(info.version),
        "agent.platform": visible(column.platform),
        "agent.addresses": " ".join(map(visible, column.addresses)),
        "agent.profile": visible(column.profile),
    }
    return found | ({"agent.absent": absence(column)} if column.absent else {})


def _estate_case(row: Row, require: str | None) -> Element:
    case, verdict = case_of(row.target, 0.0), row.verdict
    cause = f" by {verdict.cause.code}" if verdict.cause else ""
    if row.standing is Standing.WAIVED:
        SubElement(case, "skipped", message=f"{verdict.verdict}{cause}; the failure is known for every agent")
    elif row.standing is Standing.OVER:
        message = f"{verdict.verdict}{cause}; the date of its known failure is over"
        SubElement(
            case, "failure", type=verdict.cause.code if verdict.cause else verdict.verdict.value, message=message
        )
    elif verdict.verdict not in HOLDS[require]:
        _complain(case, row)
    SubElement(case, "system-out").text = "\n".join(
        [
            f"{verdict.verdict}, by {agent_names(verdict.by) or 'no agent'}",
            *(f"{visible(agent, LONGEST_AGENT)}: {own_word(row, agent)}" for agent in row.expected),
        ]
    )
    return case


def _complain(case: Element, row: Row) -> None:
    verdict, lead = row.verdict, lead_of(row)
    tag = "error" if verdict.verdict is Verdict.UNDECIDED else "failure"
    if lead is None:
        why = f"no result from {agent_names(verdict.missing)}" if verdict.missing else "below the required level"
        SubElement(case, tag, type=verdict.verdict.value, message=f"{verdict.verdict}: {why}")
        return
    told, met = lead.told, agent_names(lead.agents)
    message = f"{verdict.verdict}: {visible(told.detail)} (met by {met})"
    complaint = SubElement(case, tag, type=told.cause.code, message=message)
    lines = [f"meaning: {visible(fill(told.cause.meaning, lead.target), _LONGEST)}", *told_parts(told)]
    lines += [f"no result from: {agent_names(verdict.missing)}"] if verdict.missing else []
    complaint.text = "\n".join(lines)
