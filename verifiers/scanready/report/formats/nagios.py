"""Write one line for a Nagios or Icinga check: state, causes and performance data. It has no text of a target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from scanready.model import HOLDS, Report, Standing, Verdict
from scanready.report.document import UNKNOWN, RunInfo, Totals
from scanready.report.findings import besides
from scanready.report.headline import held_how, known, summed, unusual_profile
from scanready.report.known import is_waived, note
from scanready.report.look import Look
from scanready.run.any_type import rank
from scanready.run.target_name import visible_name

OK, WARNING, CRITICAL = 0, 1, 2
STATES = {OK: "OK", WARNING: "WARNING", CRITICAL: "CRITICAL", UNKNOWN: "UNKNOWN"}
_BY_VERDICT = {Verdict.BLOCKED: CRITICAL, Verdict.UNDECIDED: UNKNOWN, Verdict.LIMITED: WARNING}
#: The worst first, as the plugin guidelines rank them.
_WORSE = (CRITICAL, UNKNOWN, WARNING, OK)
_MOST_CAUSES = 5


def complaint(message: str) -> str:
    """Return the line for a check that could not start."""
    return f"SCANREADY {STATES[UNKNOWN]} - {message.splitlines()[0].replace('|', '/')}"


class State:
    """Find the state of a run: the worst state of its targets. A host without a type has that of its leading type."""

    def __init__(self, run: RunInfo) -> None:
        self._run = run
        self._single: set[int] = set()
        self._leads: dict[str, Report] = {}

    def add(self, report: Report) -> None:
        """Count one report."""
        if host := self._run.tried.get(id(report.target)):
            self._leads[host] = min(self._leads.get(host, report), report, key=rank)
        else:
            self._single.add(_state(report, self._run.require))

    def code(self, totals: Totals) -> int:
        """Return the exit code. An interrupted run is unknown, unless a target is known to be critical."""
        found = self._single | {_state(report, self._run.require) for report in self._leads.values()}
        if totals.interrupted or totals.unchecked or not found:
            found.add(UNKNOWN)
        return worst(found)


class Nagios:
    """Write one line at the end; ``exit_code`` is then the plugin's."""

    def __init__(self, look: Look) -> None:
        self._causes: Counter[str] = Counter()
        self._besides: Counter[str] = Counter()
        self._last = ""
        self.exit_code = UNKNOWN

    def begin(self, run: RunInfo) -> str:
        """Begin to count."""
        self._state, self._agent = State(run), run.agent
        self._tried = run.tried
        return ""

    def add(self, report: Report) -> str:
        """Count one report."""
        self._state.add(report)
        if report.cause and not self._tried and not is_waived(report):
            self._causes[f"{report.cause.code} ({report.owner})"] += 1
            self._besides.update({f"{other.cause.code} ({other.owner})" for other in besides(report)})
        words = "".join(f"; {text}" for text in (held_how(report), note(report)) if text)
        self._last = f"{visible_name(report.target)} is {report.verdict}{words}"
        return ""

    def end(self, totals: Totals) -> str:
        """Return the line."""
        if totals.targets == 1:
            text = self._last
        else:
            text = f"{totals.targets} targets: {summed(totals.verdicts, named=True) or 'none was checked'}"
            text += f"; {waived}" if (waived := known(totals.known)) else ""
        if totals.unchecked:
            text += f", {totals.unchecked} not checked"
        for words, counted in (("; ", self._causes), ("; also found ", self._besides)):
            text += f"{words}{_most_common(counted)}" if counted else ""
        text += f"; profile {name}" if (name := unusual_profile(self._agent)) else ""
        self.exit_code = self._state.code(totals)
        return f"SCANREADY {STATES[self.exit_code]} - {text.replace('|', '/')} | {_performance(totals)}\n"


def _most_common(causes: Counter[str]) -> str:
    """Return the most common causes with their owners, in an order that does not depend on the order of the targets."""
    first = sorted(causes.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_CAUSES]
    text = ", ".join(code if count == 1 else f"{code} {count}x" for code, count in first)
    return text + (", ..." if len(causes) > _MOST_CAUSES else "")


def _state(report: Report, require: str | None) -> int:
    return state_of(report.verdict, report.standing, require)


def state_of(verdict: Verdict, standing: Standing | None, require: str | None) -> int:
    """Return the state of one target: critical if it misses ``require``, otherwise the state of its verdict."""
    if standing is Standing.WAIVED:
        return OK
    if standing is Standing.OVER:
        return CRITICAL
    if require and verdict not in HOLDS[require] and verdict is not Verdict.UNDECIDED:
        return CRITICAL
    return _BY_VERDICT.get(verdict, OK)


def worst(states: Iterable[int]) -> int:
    """Return the worst of some states."""
    return min(states, key=_WORSE.index)


def _performance(totals: Totals) -> str:
    """Return the performance data, each value as ``label=value;warn;crit;min;max``."""
    values = [f"{verdict}={totals.verdicts[verdict]};;;0;{totals.targets}" for verdict in Verdict]
    return " ".join([*values, f"unchecked={totals.unchecked};;;0;", f"time={totals.seconds:.3f}s;;;0;"])
