"""Write an estate view in the text format of Prometheus: each agent's own series, and the estate's under other names.

Every series of a result has the label ``agent``. The series of estate verdicts have none, so a sum over one metric
never adds agents to the estate.
"""

from __future__ import annotations

from collections import Counter

from scanready.model import Standing, Verdict
from scanready.report.formats.prometheus import METRICS, Samples, timestamp
from scanready.report.look import Look

from .causes import lead_of
from .view import EstateInfo, EstateTotals, Row

ESTATE_METRICS = {
    "scanready_estate_target_verdict": "1 for the estate verdict of the target: that of all its agents together.",
    "scanready_estate_target_cause": "1 for the cause of the estate verdict, with its owner and the agent that met it.",
    "scanready_estate_target_missing": "Agents that should have a result for the target and have none.",
    "scanready_estate_waived": "1 if the failure of the target is known for all its agents; otherwise absent.",
    "scanready_estate_targets": "Targets by estate verdict.",
    "scanready_estate_proven_by_some": "Targets that at least one agent proved (scannable) by its own result.",
    "scanready_estate_without_result": "Targets that no agent has a result for; they are undecided, too.",
    "scanready_estate_causes": "Targets by the cause of their estate verdict, with its owner.",
    "scanready_estate_agents": "Agents of the estate.",
    "scanready_estate_timestamp_seconds": "Start of the earliest result, in seconds since 1970.",
    "scanready_agent_missing": "Targets that this agent should have a result for and has none.",
    "scanready_agent_absent": "1 if the results of this agent do not count, else 0.",
}


class EstatePrometheus:
    """Write everything at the end; the quiet output (-q) has the samples of the estate and its agents only."""

    def __init__(self, look: Look) -> None:
        self._whole = look.verbosity >= 0
        self._samples = Samples(METRICS | ESTATE_METRICS)
        self._own_causes: Counter[tuple[str, str, str, str]] = Counter()
        self._causes: Counter[tuple[str, str, str]] = Counter()

    def begin(self, info: EstateInfo) -> str:
        """Keep the estate's own samples."""
        self._info = info
        if began := timestamp(info.started):
            self._samples.add("scanready_estate_timestamp_seconds", began)
        self._samples.add("scanready_build_info", 1, version=info.version)
        return ""

    def add(self, row: Row) -> str:
        """Keep the samples of a target, and of each agent's result for it."""
        for name, report in row.reports.items():
            if cause := report.cause:
                self._own_causes[name, cause.code, str(report.owner), report.verdict.value] += 1
        verdict, lead = row.verdict, lead_of(row)
        owner = lead.told.owner.value if lead else ""
        if verdict.cause:
            self._causes[verdict.cause.code, owner, verdict.verdict.value] += 1
        if not self._whole:
            return ""
        self._samples.place = row.place
        for report in row.reports.values():
            self._samples.add_target(report)
        keep, labels = self._samples.add, self._samples.labels_of(row.target)
        keep("scanready_estate_target_verdict", 1, **labels, verdict=verdict.verdict.value)
        if verdict.cause and verdict.step:
            told = {"cause": verdict.cause.code, "owner": owner, "step": verdict.step.value}
            keep("scanready_estate_target_cause", 1, **labels, **told, met_by=verdict.met_by or "")
        if verdict.missing:
            keep("scanready_estate_target_missing", len(verdict.missing), **labels)
        if row.standing is Standing.WAIVED:
            keep("scanready_estate_waived", 1, **labels)
        return ""

    def end(self, totals: EstateTotals) -> str:
        """Return the file."""
        keep = self._samples.add
        for (agent, code, owner, verdict), count in sorted(self._own_causes.items()):
            keep("scanready_run_causes", count, agent=agent, cause=code, owner=owner, verdict=verdict)
        for column in self._info.columns:
            name = column.name
            for one in Verdict:
                keep("scanready_run_targets", totals.agents[name][one], agent=name, verdict=one.value)
            keep("scanready_agent_missing", totals.missing[name], agent=name)
            keep("scanready_agent_absent", int(bool(column.absent)), agent=name)
            if column.profile:
                keep("scanready_agent_profile", 1, agent=name, profile=column.profile)
        for (code, owner, verdict), count in sorted(self._causes.items()):
            keep("scanready_estate_causes", count, cause=code, owner=owner, verdict=verdict)
        for one in Verdict:
            keep("scanready_estate_targets", totals.verdicts[one], verdict=one.value)
        keep("scanready_estate_proven_by_some", totals.proven_by_some)
        keep("scanready_estate_without_result", totals.unseen)
        keep("scanready_estate_agents", len(self._info.columns))
        return self._samples.text()
