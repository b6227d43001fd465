"""Write the text format of Prometheus, for node_exporter's textfile collector.

The collector's rules: no time stamps (it would drop the whole file), all samples of a metric together under its HELP
and TYPE, a line end at the end. No label has text of a target; text of the inventory is escaped.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from scanready.model import GOOD, Outcome, Report, Standing, Step, Target, Verdict
from scanready.report.document import Places, RunInfo, Totals
from scanready.report.findings import besides
from scanready.report.look import Look
from scanready.run import timestamps
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible

# name, help; in the order of the output. All are gauges: the file of a run replaces that of the previous run.
METRICS = {
    "scanready_target_scannable": "1 if the verdict is scannable, ready or limited, else 0.",
    "scanready_target_verdict": "1 for the verdict of the target.",
    "scanready_target_cause": "1 for the cause of the verdict (limited, blocked or undecided), with its owner.",
    "scanready_target_besides": "1 for each other cause of the target, with its owner.",
    "scanready_waived": "1 if the target has the failure that the inventory expects until a date; otherwise absent.",
    "scanready_expect_other": "1 if the target fails in another way than the inventory expects; otherwise absent.",
    "scanready_expect_not_needed": "1 if the target does not need its expect any more; otherwise absent.",
    "scanready_expect_over": "1 if the expect of the target is past its date; otherwise absent.",
    "scanready_target_duration_seconds": "Duration of the whole check of the target.",
    "scanready_step_duration_seconds": "Duration of all checks of one step.",
    "scanready_target_connections": "Connections opened to the target.",
    "scanready_target_login_attempts": "Logins tried with a real account.",
    "scanready_target_probe_logins": "Logins tried with an invented account.",
    "scanready_run_targets": "Targets by verdict; unchecked counts the targets that an interruption left out.",
    "scanready_run_causes": "Targets by the cause of their verdict, with its owner.",
    "scanready_run_duration_seconds": "Duration of the run.",
    "scanready_run_timestamp_seconds": "Start of the run, in seconds since 1970.",
    "scanready_agent_profile": "1, with the requirements profile that judges the targets of the agent.",
    "scanready_build_info": "1, with the version of scanready that wrote this file.",
}
_STANDINGS = {
    Standing.WAIVED: "scanready_waived",
    Standing.DIFFERENT: "scanready_expect_other",
    Standing.NO_LONGER_NEEDED: "scanready_expect_not_needed",
    Standing.OVER: "scanready_expect_over",
}


class Samples:
    """Keep all samples as lines until the end: those of one metric are written together, in the order of the targets.

    Args:
        metrics: the metrics with their help texts, in the order of the output.
    """

    def __init__(self, metrics: Mapping[str, str]) -> None:
        self._metrics = metrics
        self._lines: dict[str, list[tuple[int, str]]] = {name: [] for name in metrics}
        self._used: Counter[tuple[str, str]] = Counter()
        self.place = 0

    def add(self, name: str, value: float, **labels: str) -> None:
        """Keep a sample of the current place."""
        words = ",".join(f'{label}="{_label(text)}"' for label, text in labels.items())
        series = f"{name}{{{words}}}" if words else name
        self._lines[name].append((self.place, f"{series} {_number(value)}\n"))

    def add_target(self, report: Report) -> None:
        """Keep the samples of one result, labelled with its agent."""
        labels = self.labels_of(report.target, report.agent.name)
        labels = {"agent": report.agent.name, **labels}
        self.add("scanready_target_scannable", int(report.verdict in GOOD), **labels)
        self.add("scanready_target_verdict", 1, **labels, verdict=report.verdict.value)
        if cause := report.cause:
            step = (report.finding_step or cause.step).value
            self.add("scanready_target_cause", 1, **labels, cause=cause.code, owner=str(report.owner), step=step)
        if report.standing is not None:
            self.add(_STANDINGS[report.standing], 1, **labels)
        others = {(told.cause.code, told.owner.value, told.step.value) for told in besides(report)}
        for code, owner, step in sorted(others):
            self.add("scanready_target_besides", 1, **labels, cause=code, owner=owner, step=step)
        self.add("scanready_target_duration_seconds", report.seconds, **labels)
        for step, seconds in _times(report).items():
            self.add("scanready_step_duration_seconds", seconds, **labels, step=step.value)
        self.add("scanready_target_connections", report.footprint.connections, **labels)
        self.add("scanready_target_login_attempts", report.footprint.login_attempts, **labels)
        self.add("scanready_target_probe_logins", report.footprint.probe_logins, **labels)

    def labels_of(self, target: Target, agent: str = "") -> dict[str, str]:
        """Return host, URL and type. A URL that an agent has twice gets a number: a series may have only one sample."""
        name = visible_name(target)
        self._used[agent, name] += 1
        number = self._used[agent, name]
        return {"host": target.host, "target": name if number == 1 else f"{name}#{number}", "type": target.type}

    def text(self) -> str:
        """Return the file."""
        return "".join(
            f"# HELP {name} {text}\n# TYPE {name} gauge\n{_in_order(self._lines[name])}"
            for name, text in self._metrics.items()
            if self._lines[name]
        )


class Prometheus:
    """Write everything at the end.

    The quiet output (-q) has the samples of the run only, since each target has some 1.5 kB.
    """

    def __init__(self, look: Look) -> None:
        self._whole = look.verbosity >= 0
        self._samples = Samples(METRICS)
        self._causes: Counter[tuple[str, str, str]] = Counter()

    def begin(self, run: RunInfo) -> str:
        """Keep the run's own samples."""
        self._agent, self._places = run.agent.name, Places(run)
        if began := timestamp(run.started):
            self._samples.add("scanready_run_timestamp_seconds", began, agent=self._agent)
        if run.agent.profile:
            self._samples.add("scanready_agent_profile", 1, agent=self._agent, profile=run.agent.profile)
        self._samples.add("scanready_build_info", 1, version=run.version)
        return ""

    def add(self, report: Report) -> str:
        """Keep a target's samples."""
        if cause := report.cause:
            self._causes[cause.code, str(report.owner), report.verdict.value] += 1
        if self._whole:
            self._samples.place = self._places.of(report.target)
            self._samples.add_target(report)
        return ""

    def end(self, totals: Totals) -> str:
        """Return the file."""
        keep, agent = self._samples.add, self._agent
        for (code, owner, verdict), count in sorted(self._causes.items()):
            keep("scanready_run_causes", count, agent=agent, cause=code, owner=owner, verdict=verdict)
        for one in Verdict:
            keep("scanready_run_targets", totals.verdicts[one], agent=agent, verdict=one.value)
        keep("scanready_run_targets", totals.unchecked, agent=agent, verdict="unchecked")
        keep("scanready_run_duration_seconds", totals.seconds, agent=agent)
        return self._samples.text()


def _in_order(samples: list[tuple[int, str]]) -> str:
    return "".join(line for _, line in sorted(samples, key=lambda one: one[0]))


def _label(text: str) -> str:
    return visible(text, 20_000).replace("\\", r"\\").replace('"', r"\"")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value if math.isfinite(value) else 0:.6f}"


def _times(report: Report) -> dict[Step, float]:
    """Return the seconds of each step that was not skipped."""
    asked: Iterable[Step] = dict.fromkeys(check.step for check in report.checks if check.outcome is not Outcome.SKIPPED)
    return {step: sum(check.seconds for check in report.checks if check.step is step) for step in asked}


def timestamp(started: str) -> float | None:
    """Return a start (ISO 8601) in seconds since 1970; None if it is none."""
    try:
        return timestamps.read(started).timestamp()
    except ValueError:
        return None
