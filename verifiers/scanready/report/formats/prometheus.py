"""The text format of Prometheus, for node_exporter's textfile collector.

Its rules: no time stamps (the whole file would be dropped), all samples of a metric together under its HELP and TYPE, a
line end at the end. No label holds what a target says; what the inventory says is escaped.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Iterable

from scanready.model import GOOD, Outcome, Report, Step, Verdict
from scanready.report.document import Look, RunInfo, Totals
from scanready.report.findings import besides
from scanready.report.known import is_waived
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible

# name, help; in the order of the output. All are gauges: a run's file replaces that of the run before.
_METRICS = {
    "scanready_target_scannable": "1 if a scan of the target would run (scannable, ready or limited), else 0.",
    "scanready_target_verdict": "1 for the verdict of the target.",
    "scanready_target_cause": "1 for the cause that limits, blocks or leaves undecided, and who can mend it.",
    "scanready_target_besides": "1 for each other cause that was found, and who can fix it.",
    "scanready_waived": "1 if the target fails as is known and agreed on until a date; absent otherwise.",
    "scanready_target_duration_seconds": "How long the whole check of the target took.",
    "scanready_step_duration_seconds": "How long all checks of one step took.",
    "scanready_target_connections": "Connections opened to the target.",
    "scanready_target_login_attempts": "Logins tried with a real account.",
    "scanready_target_probe_logins": "Logins tried with an invented account.",
    "scanready_run_targets": "Targets by verdict; unchecked are those that an interruption left out.",
    "scanready_run_duration_seconds": "How long the run took.",
    "scanready_run_timestamp_seconds": "When the run began, in seconds since 1970.",
    "scanready_build_info": "1, with the version that made this file.",
}


class Prometheus:
    """Kept until the end, as lines: the samples of one metric stand together."""

    def __init__(self, look: Look) -> None:
        self._lines: dict[str, list[str]] = {name: [] for name in _METRICS}
        self._used: Counter[str] = Counter()

    def begin(self, run: RunInfo) -> str:
        """Keep the run's own samples."""
        self._agent = run.agent.name
        if began := _timestamp(run.started):
            self._sample("scanready_run_timestamp_seconds", began, agent=self._agent)
        self._sample("scanready_build_info", 1, version=run.version)
        return ""

    def add(self, report: Report) -> str:
        """Keep a target's samples."""
        labels = {"agent": self._agent, "host": report.target.host, "target": self._name(report)}
        labels["type"] = report.target.type
        self._sample("scanready_target_scannable", int(report.verdict in GOOD), **labels)
        self._sample("scanready_target_verdict", 1, **labels, verdict=report.verdict.value)
        if cause := report.cause:
            step = (report.finding_step or cause.step).value
            self._sample("scanready_target_cause", 1, **labels, cause=cause.code, owner=str(report.owner), step=step)
        if is_waived(report):
            self._sample("scanready_waived", 1, **labels)
        others = {(told.cause.code, told.owner.value, told.step.value) for told in besides(report)}
        for code, owner, step in sorted(others):
            self._sample("scanready_target_besides", 1, **labels, cause=code, owner=owner, step=step)
        self._sample("scanready_target_duration_seconds", report.seconds, **labels)
        for step, seconds in _times(report).items():
            self._sample("scanready_step_duration_seconds", seconds, **labels, step=step.value)
        self._sample("scanready_target_connections", report.footprint.connections, **labels)
        self._sample("scanready_target_login_attempts", report.footprint.login_attempts, **labels)
        self._sample("scanready_target_probe_logins", report.footprint.probe_logins, **labels)
        return ""

    def end(self, totals: Totals) -> str:
        """Return the file."""
        for verdict in Verdict:
            self._sample("scanready_run_targets", totals.verdicts[verdict], agent=self._agent, verdict=verdict.value)
        self._sample("scanready_run_targets", totals.unchecked, agent=self._agent, verdict="unchecked")
        self._sample("scanready_run_duration_seconds", totals.seconds, agent=self._agent)
        return "".join(
            f"# HELP {name} {text}\n# TYPE {name} gauge\n{''.join(self._lines[name])}"
            for name, text in _METRICS.items()
            if self._lines[name]
        )

    def _name(self, report: Report) -> str:
        """The target as a URL; one that comes twice is numbered, since a series may have one sample only."""
        name = visible_name(report.target)
        self._used[name] += 1
        return name if self._used[name] == 1 else f"{name}#{self._used[name]}"

    def _sample(self, name: str, value: float, **labels: str) -> None:
        words = ",".join(f'{label}="{_label(text)}"' for label, text in labels.items())
        self._lines[name].append(f"{name}{{{words}}} {_number(value)}\n")


def _label(text: str) -> str:
    return visible(text, 20_000).replace("\\", r"\\").replace('"', r"\"")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value if math.isfinite(value) else 0:.6f}"


def _times(report: Report) -> dict[Step, float]:
    """Seconds by step; what was skipped took none."""
    asked: Iterable[Step] = dict.fromkeys(check.step for check in report.checks if check.outcome is not Outcome.SKIPPED)
    return {step: sum(check.seconds for check in report.checks if check.step is step) for step in asked}


def _timestamp(started: str) -> float | None:
    try:
        return datetime.datetime.fromisoformat(started).timestamp()
    except ValueError:
        return None
