"""The exit code for a host whose type was not named."""

from __future__ import annotations

from scanready.cli.job.exit_code import Judge
from scanready.model import Report, Verdict
from tests.report.reports import blocked, ready


def test_a_host_of_unknown_type_must_be_something() -> None:
    def code(*reports: Report, require: str | None = None, tried: str = "h") -> int:
        judge = Judge(require, {id(report.target): tried for report in reports if tried})
        for report in reports:
            judge.add(report)
        return judge.code

    assert code(ready("h"), blocked("h")) == 0
    assert code(ready("h"), blocked("h"), tried="") == 1
    assert code(blocked("h")) == 1
    assert code(ready("h"), require="scannable") == 1
    undecided = ready("h")
    undecided.verdict = Verdict.UNDECIDED
    assert code(undecided) == 3
    silent = blocked("h")
    silent.checks = []
    assert code(undecided, silent) == 3  # a type that answered leads before one that did not
    assert code(undecided, undecided, require="ready") == 3
    assert code(undecided, tried="") == 3
